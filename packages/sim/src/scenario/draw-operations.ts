/** Draws what the clients of a scenario ask for, and when. Pure. */
import type { Prng } from "@flotilla/base";
import type { Swarm } from "./draw-scenario.ts";
import type { ClientOperation, Scenario, ScenarioChange, ScenarioServer } from "./scenario.ts";

interface Setting {
  readonly healAtMs: number;
  readonly electionMs: number;
  readonly servers: readonly ScenarioServer[];
  readonly clients: number;
  readonly operationsMax: number;
  readonly faults: Scenario["faults"];
}

/** In election timeouts: for so long after a fault clients are busy. */
const rushTimeouts = 2;
/** They go on to the end of the run: each event costs all of them. */
const watchesMax = 8;
const largeShare = 0.1;
const largeBytesMax = 3_000;
const keys = ["a", "b", "c", "d", "e"] as const;

/** In order of time. */
export function drawOperations(
  random: Prng,
  swarm: Swarm,
  setting: Setting,
): Scenario["operations"] {
  const operations: { atMs: number; client: number; operation: ClientOperation }[] = [];
  const drawer = new OperationDrawer(random, setting);
  const kinds = operationKinds(swarm);
  for (const atMs of drawTimes(random, setting)) {
    const operation = drawer.draw(random.pick(kinds));
    operations.push({ atMs, client: random.below(setting.clients), operation });
  }
  return operations;
}

/** At any time, and more often after faults: what a fault does shows only to who asks soon enough. */
function drawTimes(random: Prng, setting: Setting): number[] {
  const { faults, healAtMs, electionMs, operationsMax } = setting;
  const gapMs = random.between(20, 200);
  const moments = faults.flatMap(momentsOf);
  const share = faults.length === 0 ? 0 : random.pick([0, 0.5, 0.9]);
  const times: number[] = [];
  for (let atMs = 0; times.length < operationsMax; ) {
    atMs += -Math.log(1 - random.fraction()) * gapMs;
    if (atMs >= healAtMs) break;
    const isRush = random.chance(share);
    const rushMs = isRush
      ? random.pick(moments) + rushTimeouts * electionMs * random.fraction()
      : atMs;
    if (rushMs < healAtMs) times.push(rushMs);
  }
  return times.sort((left, right) => left - right);
}

/** When clients are likely to see what a fault does. */
function momentsOf({ atMs, fault }: Scenario["faults"][number]): number[] {
  if (fault.kind !== "eclipse") return [atMs];
  const endMs = atMs + fault.forMs;
  return [atMs, endMs, endMs, endMs]; // It shows to who asks after the standstill.
}

/** Kinds by how often they come. */
function operationKinds({ features }: Swarm): ClientOperation["kind"][] {
  const times = (kind: ClientOperation["kind"], count: number): ClientOperation["kind"][] =>
    new Array<ClientOperation["kind"]>(count).fill(kind);
  return [
    ...times("put", 20),
    ...times("get", 20),
    ...times("cas", 8),
    ...times("delete", 4),
    ...times("watch", features.has("watches") ? 2 : 0),
    ...times("grant", features.has("leases") ? 3 : 0),
    ...times("keepalive", features.has("leases") ? 8 : 0),
    ...times("revoke", features.has("leases") ? 1 : 0),
    ...times("compact", features.has("compaction") ? 2 : 0),
    ...times("transfer", features.has("transfers") ? 2 : 0),
    ...times("change", features.has("membership") ? 4 : 0),
  ];
}

class OperationDrawer {
  readonly #random: Prng;
  readonly #setting: Setting;
  readonly #keys: readonly string[];
  /** Every value is written once. */
  #values = 0;
  #leases = 0;
  #watches = 0;

  constructor(random: Prng, setting: Setting) {
    this.#random = random;
    this.#setting = setting;
    this.#keys = keys.slice(0, random.between(1, keys.length));
  }

  draw(kind: ClientOperation["kind"]): ClientOperation {
    const random = this.#random;
    const server = random.below(this.#setting.servers.length);
    switch (kind) {
      case "put":
        return { kind, server, key: this.#key(), value: this.#value(), ...this.#lease() };
      case "get":
        return { kind, server, key: this.#key(), isSerializable: random.chance(0.2) };
      case "cas": {
        const expect = random.chance(0.3) ? "absent" : "seen";
        return { kind, server, key: this.#key(), value: this.#value(), expect, ...this.#lease() };
      }
      case "delete":
        return { kind, server, key: this.#key() };
      case "watch":
        this.#watches++;
        if (this.#watches > watchesMax) return this.draw("get");
        return random.chance(0.5)
          ? { kind, server, from: this.#key(), to: undefined }
          : { kind, server, from: "a", to: "z" };
      case "grant":
        this.#leases++;
        return { kind, server, lease: this.#leases, ttlSeconds: random.between(1, 4) };
      case "keepalive":
      case "revoke":
        return { kind, server, lease: 1 + random.below(Math.max(1, this.#leases)) };
      case "compact":
        return { kind, server, behind: random.pick([0, 1, 5, 20]) };
      case "transfer":
        return { kind, server, to: random.below(this.#setting.servers.length) };
      case "change":
        return { kind, server, change: this.#change() };
    }
  }

  #key(): string {
    return this.#random.pick(this.#keys);
  }

  /** Now and then one that takes several sectors of a disk, so that a crash can tear it. */
  #value(): string {
    this.#values++;
    const value = String(this.#values);
    const isLarge = this.#random.chance(largeShare);
    return isLarge ? value.padEnd(this.#random.between(500, largeBytesMax), ".") : value;
  }

  #lease(): { readonly lease?: number } {
    if (this.#leases === 0 || !this.#random.chance(0.3)) return {};
    return { lease: 1 + this.#random.below(this.#leases) };
  }

  #change(): ScenarioChange {
    const random = this.#random;
    const subject = random.below(this.#setting.servers.length);
    const votes = random.between(1, 3);
    const kind = random.pick([
      "add",
      "add",
      "add",
      "promote",
      "promote",
      "promote",
      "remove",
      "remove",
      "demote",
      "votes",
      "prefer",
      "staticLeader",
    ] as const);
    switch (kind) {
      case "add": {
        const joiners = this.#joiners();
        const joiner = joiners.length === 0 ? subject : random.pick(joiners);
        const isWitness = random.chance(0.1);
        const isVoter = isWitness || random.chance(0.2);
        return { kind, subject: joiner, votes: isVoter ? votes : 0, isWitness };
      }
      case "promote": {
        const joiners = this.#joiners();
        return { kind, subject: joiners.length === 0 ? subject : random.pick(joiners), votes };
      }
      case "votes":
        return { kind, subject, votes };
      case "remove":
      case "demote":
        return { kind, subject };
      case "prefer":
        return { kind, subjects: random.chance(0.3) ? [] : [subject] };
      case "staticLeader":
        return { kind, subject: random.chance(0.6) ? undefined : subject };
    }
  }

  #joiners(): number[] {
    return this.#setting.servers.flatMap(({ votes, isLearner }, at) =>
      votes === 0 && !isLearner ? [at] : [],
    );
  }
}
