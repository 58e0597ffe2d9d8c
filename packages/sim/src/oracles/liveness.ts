/**
 * What must be true some time after all faults have ended. Pure: judges what it is given.
 */
import type { Configuration, LogIndex, NodeId, Role, Term } from "@flotilla/consensus";
import { type Violation, violation } from "./violation.ts";

/** How one server stands at the end of a run. */
export interface FinalServer {
  readonly id: NodeId;
  /** Lost, removed or superseded servers are not: nothing is expected of them. */
  readonly isExpected: boolean;
  readonly isUp: boolean;
  /** Why it takes no part; undefined when it does. */
  readonly isolation: string | undefined;
  readonly isWitness: boolean;
  /** It waits for another store, and applies nothing. */
  readonly isReplacingState: boolean;
  readonly role: Role;
  readonly term: Term;
  readonly leader: NodeId;
  readonly commitIndex: LogIndex;
  readonly appliedIndex: LogIndex;
  readonly lastIndex: LogIndex;
  readonly lastTerm: Term;
  readonly configuration: Configuration;
  /** Of the store's content; undefined for a witness. */
  readonly stateHash: number | undefined;
}

/** A request that was made after the faults had ended, to see whether the cluster serves. */
export interface Probe {
  readonly kind: "write" | "read";
  readonly server: NodeId;
  readonly askedAtMs: number;
  /** Undefined: never. */
  readonly servedAtMs: number | undefined;
}

/** A run's end. */
export interface FinalState {
  readonly healedAtMs: number;
  readonly nowMs: number;
  /** When all expected servers first followed one leader after the heal; undefined: never. */
  readonly leaderAtMs: number | undefined;
  readonly servers: readonly FinalServer[];
  readonly probes: readonly Probe[];
}

/** How long things may take after the heal. */
export interface LivenessBounds {
  readonly leaderMs: number;
  /** From the asking of a probe to its answer. */
  readonly probeMs: number;
}

/** The first promise that the end of the run breaks; undefined when it keeps all. */
export function judgeLiveness(state: FinalState, bounds: LivenessBounds): Violation | undefined {
  const expected = state.servers.filter((server) => server.isExpected);
  if (expected.length === 0) {
    return violation("survives", "nobody is left of whom anything could be expected");
  }
  return (
    checkIsolation(expected) ??
    checkLeader(state, expected, bounds) ??
    checkReplaced(state, expected, bounds) ??
    checkProbes(state, bounds) ??
    checkAgreement(state, expected, bounds) ??
    checkContent(expected)
  );
}

/** Nobody is left out who belongs there. */
function checkIsolation(expected: readonly FinalServer[]): Violation | undefined {
  const down = expected.find((server) => !server.isUp);
  if (down !== undefined) return violation("survives", `${down.id} does not run`);
  const isolated = expected.find((server) => server.isolation !== undefined);
  if (isolated === undefined) return undefined;
  return violation("isolation", `${isolated.id} is still isolated: ${isolated.isolation}`);
}

function checkLeader(
  { healedAtMs, nowMs, leaderAtMs }: FinalState,
  expected: readonly FinalServer[],
  { leaderMs }: LivenessBounds,
): Violation | undefined {
  const tookMs = (leaderAtMs ?? nowMs) - healedAtMs;
  if (tookMs <= leaderMs) return undefined;
  const how = leaderAtMs === undefined ? "no one leader is followed" : "one leader was followed";
  return violation("leaderElected", `${how} ${tookMs} ms after the heal: ${textOf(expected)}`);
}

/** Judged once there was time enough: it serves nobody, and says so better than what is not served. */
function checkReplaced(
  { healedAtMs, nowMs }: FinalState,
  expected: readonly FinalServer[],
  { leaderMs, probeMs }: LivenessBounds,
): Violation | undefined {
  if (nowMs - healedAtMs < leaderMs + probeMs) return undefined;
  const waiting = expected.find((server) => server.isReplacingState);
  if (waiting === undefined) return undefined;
  return violation("replaced", `${waiting.id} still waits for a store: ${textOf(expected)}`);
}

function checkProbes(
  { probes, nowMs }: FinalState,
  { probeMs }: LivenessBounds,
): Violation | undefined {
  for (const { kind, server, askedAtMs, servedAtMs } of probes) {
    const tookMs = (servedAtMs ?? nowMs) - askedAtMs;
    if (tookMs <= probeMs) continue;
    const how = servedAtMs === undefined ? "was not served" : "was served";
    return violation("serves", `a ${kind} at ${server} ${how} within ${tookMs} ms`);
  }
  return undefined;
}

/** Judged once there was time enough; a run that ends earlier ends because all were alike. */
function checkAgreement(
  { healedAtMs, nowMs }: FinalState,
  expected: readonly FinalServer[],
  { leaderMs, probeMs }: LivenessBounds,
): Violation | undefined {
  if (nowMs - healedAtMs < leaderMs + probeMs) return undefined;
  const joint = expected.find(({ configuration }) => configuration.outgoing.length > 0);
  if (joint !== undefined) {
    return violation("converges", `${joint.id} has not left its joint configuration`);
  }
  const ends = new Set(expected.map(({ lastIndex, lastTerm }) => `${lastIndex}/${lastTerm}`));
  const isDone = (server: FinalServer): boolean =>
    server.commitIndex === server.lastIndex && server.appliedIndex === server.lastIndex;
  if (ends.size === 1 && expected.every(isDone)) return undefined;
  return violation("converges", `servers differ: ${textOf(expected)}`);
}

/** Equal logs, all applied: equal content. */
function checkContent(expected: readonly FinalServer[]): Violation | undefined {
  const byIndex = new Map<LogIndex, FinalServer>();
  for (const server of expected) {
    if (server.isWitness || server.stateHash === undefined) continue;
    const other = byIndex.get(server.appliedIndex) ?? server;
    byIndex.set(server.appliedIndex, other);
    if (other.stateHash === server.stateHash) continue;
    return violation(
      "stateHash",
      `at ${server.appliedIndex} the state of ${other.id} has hash ${other.stateHash} and that of ${server.id} ${server.stateHash}`,
    );
  }
  return undefined;
}

function textOf(servers: readonly FinalServer[]): string {
  return servers
    .map(
      ({ id, role, term, leader, lastIndex, lastTerm, commitIndex, appliedIndex }) =>
        `${id} ${role} of ${leader || "nobody"} in term ${term}, log to ${lastIndex}/${lastTerm}, committed ${commitIndex}, applied ${appliedIndex}`,
    )
    .join("; ");
}
