/**
 * Draws scenarios: swarm testing. Each seed switches a random part of all faults and features off and
 * draws all sizes, so that rare combinations meet often enough (Groce et al., "Swarm testing"). Pure.
 */
import { assert, type Prng } from "@flotilla/base";
import { streamOf } from "../streams.ts";
import { drawFaults, drawReplacements } from "./draw-faults.ts";
import { drawOperations } from "./draw-operations.ts";
import { drawOptions } from "./draw-options.ts";
import { type Fault, faultKinds, type Scenario, type ScenarioServer } from "./scenario.ts";

/**
 * What a world may have beside faults. `tiny`: batches, windows, segments and snapshot intervals are;
 * `encoded`: messages travel as bytes.
 */
export type Feature =
  | "membership"
  | "weights"
  | "witness"
  | "learner"
  | "preferred"
  | "leaseReads"
  | "leases"
  | "watches"
  | "compaction"
  | "transfers"
  | "encoded"
  | "tiny";

/** All of {@link Feature}. */
export const features: readonly Feature[] = [
  "membership",
  "weights",
  "witness",
  "learner",
  "preferred",
  "leaseReads",
  "leases",
  "watches",
  "compaction",
  "transfers",
  "encoded",
  "tiny",
];

/** Bounds on what is drawn. */
export interface ScenarioLimits {
  /** Troubled time. Default 3,000 to 10,000. */
  readonly troubleMsMin?: number;
  readonly troubleMsMax?: number;
  /** How many servers found the cluster; drawn when it is not given. */
  readonly founders?: number;
  /** Default 150. */
  readonly operationsMax?: number;
  /** Default 60. */
  readonly faultsMax?: number;
  /** Features and kinds of faults that every scenario has. */
  readonly needs?: readonly (Feature | Fault["kind"])[];
  /** Features and kinds of faults that none has. */
  readonly lacks?: readonly (Feature | Fault["kind"])[];
  /** Every feature and fault, in every scenario. */
  readonly isEverythingOn?: boolean;
}

/** Kinds of faults that one stream draws; the others have one of their own, and came later. */
export type DrawnTogether = Exclude<Fault["kind"], "replaceState">;

/** What one scenario has. */
export interface Swarm {
  readonly features: ReadonlySet<Feature>;
  readonly faults: ReadonlySet<DrawnTogether>;
}

/** The heal is followed by at most this many election timeouts. */
const aftermathTimeouts = 60;
const joinersMax = 3;
/** Of all worlds, so many replace the state of servers. */
const replacementShare = 0.2;

/** The scenario of a seed: the same whenever it is asked for with the same limits. */
export function drawScenario(seed: number, limits: ScenarioLimits = {}): Scenario {
  const random = streamOf(seed, "shape");
  const swarm = drawSwarm(random, limits);
  const { troubleMsMin = 3_000, troubleMsMax = 10_000 } = limits;
  const { operationsMax = 150, faultsMax = 60 } = limits;
  const healAtMs = random.between(troubleMsMin, Math.max(troubleMsMin, troubleMsMax));
  const servers = drawServers(random, swarm, limits.founders ?? drawSize(random));
  const options = drawOptions(streamOf(seed, "options"), swarm, servers);
  const clients = random.between(1, 5);
  const electionMs = options.electionTicks * options.heartbeatMs;
  const setting = { healAtMs, electionMs, servers };
  const faultSetting = { ...setting, options, faultsMax };
  const faults = drawFaults(streamOf(seed, "faults"), swarm, faultSetting);
  return {
    seed,
    options,
    servers,
    clients,
    faults: withReplacements(faults, seed, { ...setting, limits }),
    operations: drawOperations(streamOf(seed, "operations"), swarm, {
      ...setting,
      clients,
      operationsMax,
      faults,
    }),
    healAtMs,
    untilMs: healAtMs + aftermathTimeouts * electionMs,
  };
}

/** From a stream of its own: all else of the scenario is as it is without. */
function withReplacements(
  faults: Scenario["faults"],
  seed: number,
  world: {
    readonly healAtMs: number;
    readonly electionMs: number;
    readonly servers: readonly ScenarioServer[];
    readonly limits: ScenarioLimits;
  },
): Scenario["faults"] {
  const { needs = [], lacks = [], isEverythingOn = false } = world.limits;
  const random = streamOf(seed, "replacements");
  const isOn = random.chance(replacementShare);
  const isWanted = isOn || isEverythingOn || needs.includes("replaceState");
  if (!isWanted || lacks.includes("replaceState")) return faults;
  const more = drawReplacements(random, world);
  return [...faults, ...more].sort((left, right) => left.atMs - right.atMs);
}

function drawSwarm(random: Prng, limits: ScenarioLimits): Swarm {
  const { needs = [], lacks = [], isEverythingOn = false } = limits;
  // Some worlds have little trouble, some nearly all there is.
  const share = random.fraction();
  const choose = <Name extends Feature | Fault["kind"]>(names: readonly Name[]): Set<Name> => {
    const chosen = new Set<Name>();
    for (const name of names) {
      const isOn = random.chance(share);
      const wanted = needs as readonly string[];
      const unwanted = lacks as readonly string[];
      if (unwanted.includes(name)) continue;
      if (isOn || isEverythingOn || wanted.includes(name)) chosen.add(name);
    }
    return chosen;
  };
  const swarm = { features: choose(features), faults: choose(faultKinds.filter(isDrawnTogether)) };
  // A clock that leaps makes leases end early: nothing can be promised then.
  if (swarm.features.has("leases")) swarm.faults.delete("clockLeap");
  return swarm;
}

function isDrawnTogether(kind: Fault["kind"]): kind is DrawnTogether {
  return kind !== "replaceState";
}

const sizes = [1, 2, 3, 3, 3, 3, 3, 3, 4, 5, 5, 5, 5, 5, 6, 7] as const;

function drawSize(random: Prng): number {
  return random.pick(sizes);
}

function drawServers(random: Prng, swarm: Swarm, founders: number): ScenarioServer[] {
  assert(founders >= 1, "scenario: somebody founds the cluster");
  const servers: ScenarioServer[] = [];
  const witness = swarm.features.has("witness") && founders >= 3 ? random.below(founders) : -1;
  for (let at = 0; at < founders; at++) {
    const isWitness = at === witness;
    const weight = swarm.features.has("weights") ? random.between(1, 3) : 1;
    // Witnesses must not be a quorum by themselves.
    servers.push({ id: serverId(at), votes: isWitness ? 1 : weight, isWitness, isLearner: false });
  }
  const more = (isLearner: boolean): void => {
    servers.push({ id: serverId(servers.length), votes: 0, isWitness: false, isLearner });
  };
  if (swarm.features.has("learner")) more(true);
  if (swarm.features.has("membership")) {
    for (let count = random.between(1, joinersMax); count > 0; count--) more(false);
  }
  return servers;
}

/** `a1`, `a2` and so on: the log's format knows ids as hexadecimal numbers. */
function serverId(index: number): string {
  return (0xa1 + index).toString(16);
}
