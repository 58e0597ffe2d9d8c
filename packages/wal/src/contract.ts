/** What the log gives to whoever keeps one. */
import type { Configuration, Entry, HardState, SnapshotMeta } from "@flotilla/consensus";
import type { WalError } from "./errors.ts";

export interface WalOptions {
  /** Holds the log and nothing else; made when absent. A path with `/` between its parts. */
  readonly directory: string;
  /** Who writes this log. Written to the head of each file of a new log, ignored for an existing one. */
  readonly metadata: Uint8Array;
  /** Who takes part when the log is new; ignored for an existing one. */
  readonly configuration: Configuration;
  /** Default 64,000,000. */
  readonly segmentBytes?: number;
  /** Default 1 MiB. */
  readonly stepBytes?: number;
}

/** What is to be made durable as one unit. */
export interface WalBatch {
  readonly hardState?: HardState | undefined;
  /** In index order; replaces everything at or after the first one's index. */
  readonly entries?: readonly Entry[];
  /** The state machine holds this snapshot, or its bytes are safe on disk. */
  readonly snapshot?: SnapshotMeta | undefined;
  /** False: it may wait for the next batch that must; `append` then promises order, not durability. */
  readonly mustSync: boolean;
}

/** What a crash left behind and recovery cut off: it was never acknowledged. */
export interface Repair {
  readonly file: string;
  readonly offset: number;
  readonly droppedBytes: number;
}

/** All that the disk gave back. */
export interface Recovered {
  /** What the log was created with. */
  readonly metadata: Uint8Array;
  readonly hardState: HardState;
  readonly snapshot: SnapshotMeta;
  /** Contiguous, from `snapshot.index + 1`. */
  readonly entries: readonly Entry[];
  /** Undefined when the log ended cleanly. */
  readonly repair: Repair | undefined;
}

/** How a step ends: undefined when it was done. Called once, and never before the step has returned. */
export type WalDone = (error: WalError | undefined) => void;

/** An open log. One per directory: hold the directory's lock. */
export interface Wal {
  /**
   * Appends a batch. Done in the order of the calls, once it and all before it are durable; fails with
   * `syncFailed` when a write fails, now and for ever after.
   */
  append(batch: WalBatch, done: WalDone): void;
  /** Deletes the files whose entries all lie at or below `index`, which a durable snapshot covers. */
  release(index: number, done: WalDone): void;
  /** Writes what may still wait, and closes. */
  close(done: WalDone): void;
}

export type OpenedWal =
  | { readonly kind: "opened"; readonly wal: Wal; readonly recovered: Recovered }
  /** `corrupt` when it is damaged (nothing is changed then), or `diskFailed`. */
  | { readonly kind: "failed"; readonly error: WalError };
