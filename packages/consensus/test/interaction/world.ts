/** The servers of one script, the network between them, and what is said about both. */
import type { Random } from "@flotilla/base";
import type { Configuration, EngineOptions, Entry, Message, NodeId } from "../../src/contract.ts";
import { type Disk, Host, type Surroundings } from "./host.ts";
import { Network, type Parcel, type Selection, textOfParcel } from "./network.ts";
import { textOfMessage } from "./notation.ts";
import { Oracle } from "./oracle.ts";
import { Trace } from "./trace.ts";
import { statusText } from "./view.ts";

/** Rounds after which a script that will not come to rest is given up. */
const roundsMax = 200;

/** Nothing is left to chance: a script says what is drawn. */
class ScriptedRandom implements Random {
  /** What {@link below} gives, if the limit allows; the longest election timeout unless told. */
  draw = Number.POSITIVE_INFINITY;
  #count = 0;

  /** 0, 1, 2, ...: a restarted engine gets another number than the one before. */
  next32(): number {
    return this.#count++;
  }

  below(limit: number): number {
    return Math.min(this.draw, limit - 1);
  }
}

export class World implements Surroundings {
  readonly trace: Trace = new Trace();
  readonly network: Network = new Network();
  readonly oracle: Oracle = new Oracle();
  readonly hosts = new Map<NodeId, Host>();
  readonly #randoms = new Map<NodeId, ScriptedRandom>();
  /** For engines that start from now on. */
  options: Partial<EngineOptions> = {};

  host(id: NodeId): Host {
    const host = this.hosts.get(id);
    if (host === undefined) throw new Error(`there is no ${id}`);
    return host;
  }

  random(id: NodeId): ScriptedRandom {
    const random = this.#randoms.get(id) ?? new ScriptedRandom();
    this.#randoms.set(id, random);
    return random;
  }

  get up(): Host[] {
    return [...this.hosts.values()].filter((host) => host.isUp);
  }

  /** A new server with an empty disk. */
  add(id: NodeId, configuration: Configuration): void {
    const snapshot = { index: 0, term: 0, configuration };
    const hardState = { term: 0, vote: "", commit: 0 };
    this.boot(id, { hardState, snapshot, entries: [], machine: [] });
  }

  /** A server that starts from `disk`; it takes the place of the one before, if there was one. */
  boot(id: NodeId, disk: Disk, options: Partial<EngineOptions> = this.options): void {
    this.hosts.set(id, new Host(this, id, disk, { ...options, random: this.random(id) }));
  }

  sent(host: Host, message: Message): void {
    const { from, to, kind } = message;
    if (from !== host.id) throw new Error(`${host.id} sends as ${from}`);
    const isSnapshot = kind === "installSnapshot";
    if (isSnapshot && message.snapshot.index !== host.machine.length) {
      throw new Error(`${host.id} offers a snapshot of another state than it has`);
    }
    const machine = isSnapshot ? [...host.machine] : [];
    this.network.parcels.push({
      from,
      to,
      name: kind,
      content: { kind: "message", message, machine },
    });
  }

  applied(host: Host, entry: Entry): void {
    this.oracle.applies(host.id, entry, host.raft.configuration);
  }

  /** What is selected of the network arrives, in order, with all that this causes at once. */
  deliver(parcels: readonly Parcel[]): void {
    for (const parcel of parcels) this.#arrive(parcel);
  }

  #arrive(parcel: Parcel): void {
    const { from, to, content } = parcel;
    const host = this.hosts.get(to);
    if (content.kind === "snapshotSent") {
      if (host?.isUp !== true) return; // Nobody is there to hear it.
      const outcome = content.delivered ? "arrived" : "failed";
      this.trace.below(`${to} hears that its snapshot to ${from} ${outcome}`, () =>
        host.input((raft) => raft.snapshotSent(from, content.delivered)),
      );
      return;
    }
    if (host?.isUp !== true || this.network.isCut(parcel)) {
      this.lose([parcel]);
      return;
    }
    this.trace.below(`${to} <- ${from} ${textOfMessage(content.message)}`, () =>
      host.receive(content.message, content.machine),
    );
    this.#reportSnapshot(parcel, true);
  }

  /** Does not arrive. Only the sender of a snapshot gets to know. */
  lose(parcels: readonly Parcel[]): void {
    for (const parcel of parcels) {
      this.trace.say(`${parcel.from} -x ${parcel.to} ${textOfParcel(parcel)}`);
      this.#reportSnapshot(parcel, false);
    }
  }

  #reportSnapshot(parcel: Parcel, delivered: boolean): void {
    if (parcel.name !== "installSnapshot") return;
    const content = { kind: "snapshotSent", delivered } as const;
    this.network.parcels.push({ from: parcel.to, to: parcel.from, name: "snapshotSent", content });
  }

  /** Lets everything happen that is due at the servers `ids`, until nothing is. */
  stabilize(ids: readonly NodeId[]): void {
    const toThese: Selection = {
      from: [],
      to: ids,
      names: [],
      countMax: Number.POSITIVE_INFINITY,
    };
    for (let round = 0; ; round++) {
      if (round > roundsMax) throw new Error("the servers do not come to rest");
      const arriving = this.network.take(toThese);
      this.deliver(arriving);
      let isBusy = arriving.length > 0;
      for (const host of this.up.filter((each) => ids.length === 0 || ids.includes(each.id))) {
        isBusy ||= host.unreportedCount + host.writeCount + host.unapplied.length > 0;
        host.reportWrites(Number.POSITIVE_INFINITY);
        host.completeWrites(Number.POSITIVE_INFINITY);
        if (host.hasSlowMachine) host.apply(Number.POSITIVE_INFINITY);
      }
      if (!isBusy) return;
    }
  }

  restart(id: NodeId): void {
    const host = this.host(id);
    host.options = { ...host.options, ...this.options };
    this.trace.below(`${id} starts`, () => host.restart());
    this.trace.say(statusText(host.raft));
  }

  /** Holds the world to what must be true of it at any moment. */
  check(): void {
    this.oracle.observe(this.up.map((host) => host.raft));
  }
}
