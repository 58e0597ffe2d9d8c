/**
 * The port below the Kubernetes API: an ordered, versioned key-value store with transactions.
 *
 * `memberStorage` puts it over a member in the same process. Keys are text and start with
 * "/registry/"; values are opaque here.
 */

export interface StoredValue {
  readonly key: string;
  readonly value: Uint8Array;
  readonly createRevision: number;
  readonly modRevision: number;
  /** The store lease that the key ends with; 0 when none. */
  readonly lease: bigint;
}

export interface Page {
  /** In key order. */
  readonly values: readonly StoredValue[];
  readonly more: boolean;
  /** How many keys the whole range holds. */
  readonly count: number;
  /** The state that was read. */
  readonly revision: number;
}

/** One atomic write: all of it when every expectation holds, nothing otherwise. */
export interface Transaction {
  /** The revision at which each key was last written; 0 = it must not exist. */
  readonly expect: readonly { readonly key: string; readonly modRevision: number }[];
  readonly puts: readonly {
    readonly key: string;
    readonly value: Uint8Array;
    readonly lease?: bigint;
  }[];
  readonly deletes: readonly string[];
}

export type CommitOutcome =
  | { readonly kind: "committed"; readonly revision: number }
  /** An expectation did not hold; what the expected keys are now, in their order. */
  | { readonly kind: "conflict"; readonly current: readonly (StoredValue | undefined)[] }
  /** A lease that a put names is gone. */
  | { readonly kind: "leaseNotFound" }
  /** The term that the write was bound to is over. */
  | { readonly kind: "fenced" };

export interface WriteOptions {
  /** Refused with `fenced` in any other term; 0 or left out = not bound. */
  readonly onlyInTerm?: number;
  readonly signal?: AbortSignal;
}

export interface StorageEvent {
  readonly key: string;
  readonly revision: number;
  /** Undefined when the key was deleted. */
  readonly current: StoredValue | undefined;
  /** The state before; undefined when the key was created. */
  readonly previous: StoredValue | undefined;
}

export type StorageBatch =
  | { readonly kind: "events"; readonly events: readonly StorageEvent[] }
  /** History that this watch still needed is gone. It is over. */
  | { readonly kind: "compacted"; readonly compactRevision: number };

/** A position in history, not a queue: a slow consumer costs no memory. */
export interface StorageWatch {
  /** The next batch of whole revisions; undefined when there is nothing yet. */
  take(): StorageBatch | undefined;
  /** Every event up to this revision was taken. */
  progress(): number;
  close(): void;
}

export type ReadAt =
  | { readonly kind: "page"; readonly page: Page }
  | { readonly kind: "compacted"; readonly compactRevision: number };

/** Every method that may fail for reasons outside (no leader, time) throws `StorageError`. */
export interface Storage {
  /** Revision of the local state. */
  readonly revision: number;
  /** History before it is gone. */
  readonly compactRevision: number;
  /** After it, local reads see every write that was acknowledged anywhere before the call. */
  barrier(signal?: AbortSignal): Promise<void>;
  /** Local state. */
  get(key: string): StoredValue | undefined;
  /** Keys with `prefix`, from `from` on (default: the first); `limit` 0 = all; `revision` 0 = latest. */
  list(
    prefix: string,
    options: { readonly from?: string; readonly limit: number; readonly revision: number },
  ): ReadAt;
  commit(transaction: Transaction, options?: WriteOptions): Promise<CommitOutcome>;
  /** Events of keys with `prefix` after `afterRevision`. `wake` is called when `take` has something to give; it must not throw. */
  watch(prefix: string, afterRevision: number, wake: () => void): StorageWatch;
  /** A lease of at least `ttlSeconds`; "exists" when `id` is taken. */
  grantLease(
    id: bigint,
    ttlSeconds: number,
    options?: WriteOptions,
  ): Promise<"granted" | "exists" | "fenced">;
  /** Costs no write. */
  renewLease(id: bigint, signal?: AbortSignal): Promise<"renewed" | "leaseNotFound">;
}

export type StorageErrorCode =
  | "noLeader"
  | "timeout"
  | "tooManyRequests"
  | "noData"
  | "stopped"
  | "noSpace"
  | "corrupt";

/** The store cannot be used now. `timeout`: it is not known whether the write happened. */
export class StorageError extends Error {
  override readonly name = "StorageError";
  readonly code: StorageErrorCode;

  constructor(code: StorageErrorCode) {
    super(storageErrorTexts[code]);
    this.code = code;
  }
}

const storageErrorTexts: Readonly<Record<StorageErrorCode, string>> = {
  noLeader:
    "the cluster has no leader at the moment, so nothing can be changed or read consistently; retry, and if it lasts check that a majority of the members runs",
  timeout:
    "the write was not confirmed in time and may or may not have happened; read the object before trying again",
  tooManyRequests: "too many requests are in flight on this member; nothing was done, retry later",
  noData: "this member is a witness: it votes and holds no objects; ask another one",
  stopped: "this member is shutting down; ask another one",
  noSpace:
    "the store has reached its quota and takes nothing more until old revisions are compacted and the alarm NOSPACE is disarmed",
  corrupt:
    "members of the cluster hold different data (alarm CORRUPT): nothing is changed until an operator has repaired that",
};
