/**
 * What the oracles see of a server: the world implements it, and keeps it cheap to ask.
 *
 * A view is live. The oracle holds on to the one that it was given last for each id, and asks it
 * later what is on that server's disk while another server acts.
 */
import type { Configuration, Entry, LogIndex, NodeId, Role, Term } from "@flotilla/consensus";

/** A log, in memory or on a disk. */
export interface LogView {
  /** Another number after every change of anything here. */
  readonly version: number;
  /** One after the last position that a snapshot covers. */
  readonly firstIndex: LogIndex;
  readonly lastIndex: LogIndex;
  /** Known from `firstIndex - 1` to `lastIndex`; undefined elsewhere. */
  termAt(index: LogIndex): Term | undefined;
  /** Known from `firstIndex` to `lastIndex`; undefined elsewhere. */
  entryAt(index: LogIndex): Entry | undefined;
}

/**
 * What is on a server's disk, from writes that were reported done (the world counts them, not the
 * engine), and after a crash from what recovery found. Lies of the disk are believed.
 */
export interface DurableView extends LogView {
  readonly term: Term;
  readonly vote: NodeId;
  /** The epoch that left this server behind; 0 when none did. */
  readonly supersededBy: number;
}

/** One server. While it is down, everything but `id`, `isUp` and `durable` is as it was. */
export interface ServerView {
  readonly id: NodeId;
  readonly isUp: boolean;
  /** Counts the starts of its process: volatile state is compared within one start only. */
  readonly start: number;
  /** Counts its disks: another number once it was wiped. */
  readonly disk: number;
  readonly role: Role;
  readonly term: Term;
  /** In `term`; at a start it may still be the one that the disk has for an earlier term. */
  readonly vote: NodeId;
  /** The epoch that has left it behind, as it knows, maybe not on disk yet; 0 when none has. */
  readonly supersededBy: number;
  /** Empty when unknown. */
  readonly leader: NodeId;
  readonly commitIndex: LogIndex;
  /** What the state machine holds. */
  readonly appliedIndex: LogIndex;
  /** That which the engine says is in force. The same object until it changes. */
  readonly configuration: Configuration;
  readonly log: LogView;
  readonly durable: DurableView;
}
