/**
 * The omniscient observer: what must hold in every execution, checked after every event.
 */
import type { Configuration, LogIndex, Message, NodeId, Term } from "@flotilla/consensus";
import type { ServerView } from "./view.ts";
import type { Violation } from "./violation.ts";

/** What the observer must know beforehand. */
export interface InvariantOptions {
  /** Of the servers that found the cluster; others start blank, with no voters. */
  readonly configuration: Configuration;
}

/** Checks a run; every method returns the first violation that it sees. */
export interface InvariantOracle {
  /** To be called after each event, with the server that acted, also when it started, crashed or was wiped. */
  observe(view: ServerView): Violation | undefined;
  /** `view` lets `message` go to the network. Judges promises: votes and acknowledgements. */
  sent(view: ServerView, message: Message): Violation | undefined;
  /** `id` gave its state machine the entry at (`index`, `term`). */
  applied(id: NodeId, index: LogIndex, term: Term): Violation | undefined;
  /** The state machine of `id`, having applied exactly up to `index`, has this content. */
  stateHash(id: NodeId, index: LogIndex, hash: number): Violation | undefined;
  /** From now on the disk of `id` may forget what it has acknowledged. */
  declareFaultyDisk(id: NodeId): void;
  /** An operator recovered the cluster by force on `survivor`, which starts next. */
  declareRecovery(survivor: NodeId): void;
  /**
   * True when losing all that is on the disk of `id` now would neither bury a committed entry nor
   * free a vote that counts: what a fault plan asks before it makes a disk forget.
   */
  toleratesLossOf(id: NodeId): boolean;
  /** At the end: the checks that are too dear for every event. */
  finish(): Violation | undefined;
}

/** A fresh observer, for one run. */
export function createInvariantOracle(options: InvariantOptions): InvariantOracle {
  void options;
  return {
    observe: () => undefined,
    sent: () => undefined,
    applied: () => undefined,
    stateHash: () => undefined,
    declareFaultyDisk: () => {},
    declareRecovery: () => {},
    toleratesLossOf: () => true,
    finish: () => undefined,
  };
}
