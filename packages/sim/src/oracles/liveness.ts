/**
 * What must be true some time after all faults have ended. Pure: judges what it is given.
 */
import type { Configuration, LogIndex, NodeId, Role, Term } from "@flotilla/consensus";
import type { Violation } from "./violation.ts";

/** How one server stands at the end of a run. */
export interface FinalServer {
  readonly id: NodeId;
  /** Down, wiped, removed or superseded servers are not: nothing is expected of them. */
  readonly isExpected: boolean;
  /** Why it takes no part; undefined when it does. */
  readonly isolation: string | undefined;
  readonly isWitness: boolean;
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
  void state;
  void bounds;
  return undefined;
}
