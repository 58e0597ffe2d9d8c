/**
 * The store's types: etcd's data model (etcd api/etcdserverpb/rpc.proto, api/mvccpb/kv.proto) in
 * TypeScript, and the port through which it is kept on disk.
 *
 * Revisions and counts are safe integers; lease and member ids use all 64 bits and are bigint.
 * Byte arrays that enter or leave are never changed afterwards by either side.
 */

import type {
  AuthCommand,
  AuthError,
  AuthEvent,
  AuthReader,
  AuthResult,
  Requester,
} from "./auth/contract.ts";

export interface KeyValue {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly createRevision: number;
  readonly modRevision: number;
  /** 1 on creation, counted up by each put. */
  readonly version: number;
  /** 0 when not attached to a lease. */
  readonly lease: bigint;
}

export type WatchEvent =
  | { readonly kind: "put"; readonly kv: KeyValue; readonly previous: KeyValue | undefined }
  /** `kv` has only `key` and `modRevision`. */
  | { readonly kind: "delete"; readonly kv: KeyValue; readonly previous: KeyValue | undefined };

export type SortOrder = "none" | "ascend" | "descend";
export type SortTarget = "key" | "version" | "create" | "mod" | "value";

/**
 * Half-open interval of keys as etcd writes it: empty `rangeEnd` = the single key; one zero byte =
 * everything from `key` on.
 */
export interface KeyRange {
  readonly key: Uint8Array;
  readonly rangeEnd: Uint8Array;
}

export interface RangeRequest extends KeyRange {
  /** 0 = unlimited. */
  readonly limit: number;
  /** 0 = latest. */
  readonly revision: number;
  readonly sortOrder: SortOrder;
  readonly sortTarget: SortTarget;
  readonly serializable: boolean;
  readonly keysOnly: boolean;
  readonly countOnly: boolean;
  /** Inclusive; 0 = unset. */
  readonly minModRevision: number;
  readonly maxModRevision: number;
  readonly minCreateRevision: number;
  readonly maxCreateRevision: number;
}

export interface RangeResult {
  readonly kind: "range";
  readonly kvs: readonly KeyValue[];
  readonly more: boolean;
  readonly count: number;
  /** Of the store when it was served. */
  readonly revision: number;
}

export interface PutRequest {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly lease: bigint;
  readonly prevKv: boolean;
  readonly ignoreValue: boolean;
  readonly ignoreLease: boolean;
}
export interface PutResult {
  readonly kind: "put";
  readonly revision: number;
  /** Only when asked for. */
  readonly previous: KeyValue | undefined;
}

export interface DeleteRangeRequest extends KeyRange {
  readonly prevKv: boolean;
}
export interface DeleteRangeResult {
  readonly kind: "deleteRange";
  readonly revision: number;
  readonly deleted: number;
  readonly previous: readonly KeyValue[];
}

/** `any`: a number that means none of them; it holds for whatever is compared, as in etcd. */
export type CompareResult = "equal" | "greater" | "less" | "notEqual" | "any";
export interface Compare extends KeyRange {
  readonly result: CompareResult;
  readonly target:
    | { readonly kind: "version"; readonly version: number }
    | { readonly kind: "create"; readonly revision: number }
    | { readonly kind: "mod"; readonly revision: number }
    | { readonly kind: "value"; readonly value: Uint8Array }
    | { readonly kind: "lease"; readonly lease: bigint }
    /** A number that means none of them: always equal, as in etcd. */
    | { readonly kind: "none" };
}
export type RequestOp =
  | { readonly kind: "range"; readonly request: RangeRequest }
  | { readonly kind: "put"; readonly request: PutRequest }
  | { readonly kind: "deleteRange"; readonly request: DeleteRangeRequest }
  | { readonly kind: "txn"; readonly request: TxnRequest };
export interface TxnRequest {
  readonly compare: readonly Compare[];
  readonly success: readonly RequestOp[];
  readonly failure: readonly RequestOp[];
}
export interface TxnResult {
  readonly kind: "txn";
  readonly revision: number;
  readonly succeeded: boolean;
  readonly responses: readonly (RangeResult | PutResult | DeleteRangeResult | TxnResult)[];
}

/** Where a member is reached; written to the log by the member itself when it starts. */
export interface MemberAttributes {
  readonly memberId: bigint;
  readonly name: string;
  readonly clientUrls: readonly string[];
  /** Where its Kubernetes API is reached; empty when it serves none. */
  readonly apiUrl: string;
}

/** What the log carries: everything that changes the store. */
export type Command =
  | { readonly kind: "put"; readonly request: PutRequest }
  | { readonly kind: "deleteRange"; readonly request: DeleteRangeRequest }
  | { readonly kind: "txn"; readonly request: TxnRequest }
  | { readonly kind: "compact"; readonly revision: number; readonly physical: boolean }
  | { readonly kind: "leaseGrant"; readonly id: bigint; readonly ttlSeconds: number }
  | { readonly kind: "leaseRevoke"; readonly id: bigint }
  | { readonly kind: "memberAttributes"; readonly attributes: MemberAttributes }
  | { readonly kind: "alarm"; readonly action: "activate" | "deactivate"; readonly alarm: Alarm }
  /** Begins (`enabled`) or ends the way to an older version; `version` is empty when it ends. */
  | { readonly kind: "downgrade"; readonly enabled: boolean; readonly version: string }
  | AuthCommand;

export type AlarmKind = "noSpace" | "corrupt";

/**
 * Something at a member that the whole cluster has to heed (etcd server/etcdserver/api/v3alarm). While
 * any is `noSpace`, what would grow the store is refused; while any is `corrupt`, everything is.
 */
export interface Alarm {
  readonly memberId: bigint;
  readonly kind: AlarmKind;
}

/** Refusals that the state machine itself decides, named as etcd's errors are. */
export type StoreError =
  | "compacted"
  | "futureRevision"
  | "leaseNotFound"
  | "leaseExists"
  | "keyNotFound"
  /** A put without a key: nobody who checks what he proposes asks for that. */
  | "emptyKey"
  /** The command was bound to a leader's term and entered the log in another one. */
  | "fenced"
  /** The proposal's session may have been forgotten: whether it was applied before is not known. */
  | "sessionExpired"
  /** An alarm of this kind is raised, and the command is one that it forbids. */
  | "noSpace"
  | "corrupt"
  | AuthError;

export type CommandResult =
  | PutResult
  | DeleteRangeResult
  | TxnResult
  | { readonly kind: "compact"; readonly revision: number }
  | {
      readonly kind: "leaseGrant";
      readonly revision: number;
      readonly id: bigint;
      readonly ttlSeconds: number;
    }
  | { readonly kind: "leaseRevoke"; readonly revision: number }
  | { readonly kind: "memberAttributes"; readonly revision: number }
  /** `alarms`: the one that the command was about, unless there was nothing to take back. */
  | { readonly kind: "alarm"; readonly revision: number; readonly alarms: readonly Alarm[] }
  | { readonly kind: "downgrade"; readonly revision: number }
  | AuthResult
  | { readonly kind: "refused"; readonly error: StoreError };

/**
 * A command as it is proposed: who asked, and which of its requests this is, so that one sent twice
 * (because a leader died on it) is applied once.
 */
export interface Proposal {
  /** Random per start of the proposing member. */
  readonly session: bigint;
  /**
   * What the proposing member had applied when the session began: all its entries come later. A
   * session that the store does not know is new if no forgotten one has entries after this index;
   * otherwise it may be that one itself, and is refused with `sessionExpired` (T35).
   */
  readonly openedAt: number;
  /** Counts up from 1 within the session. */
  readonly sequence: number;
  /** Every sequence of this session below it is settled: nothing older will be sent again. */
  readonly settledBelow: number;
  /** When not 0: refused with `fenced` unless the entry's term is this one. */
  readonly onlyInTerm: number;
  /** On whose behalf; without it, whatever somebody has to be allowed is refused while auth is on. */
  readonly principal?: Requester;
  readonly command: Command;
}

/** Tables of the backend. Keys sort as unsigned bytes within a table. */
export type Table = string;

/** Reads see one state: the last finished `write`, or within a write its own changes too. */
export interface BackendReader {
  get(table: Table, key: Uint8Array): Uint8Array | undefined;
  /**
   * Entries with `from` <= key < `to` (undefined = to the end of the table), ascending, or descending
   * when `reverse`. Finish or drop the iteration before the next write.
   */
  range(
    table: Table,
    from: Uint8Array,
    to: Uint8Array | undefined,
    options?: { readonly reverse?: boolean; readonly limit?: number },
  ): Iterable<readonly [key: Uint8Array, value: Uint8Array]>;
  /** How many entries `range` would give. */
  count(table: Table, from: Uint8Array, to: Uint8Array | undefined): number;
}

export interface BackendWriter extends BackendReader {
  /** `key` stays as it is from now on; `value` is the caller's again when the call has returned. */
  put(table: Table, key: Uint8Array, value: Uint8Array): void;
  /** The same as `put`, for a key that is greater than every other in its table. */
  append(table: Table, key: Uint8Array, value: Uint8Array): void;
  delete(table: Table, key: Uint8Array): void;
}

/**
 * The state of one moment, to be read over many turns. It holds on to memory or to space on the disk,
 * so it is to be closed, and ends by itself when it has been open for too long.
 */
export interface BackendView extends BackendReader {
  /** False after `close` and when its time is up: nothing may be read any more. */
  readonly isOpen: boolean;
  close(): void;
}

/** An ordered, transactional key-value map: all that the store needs. Synchronous. */
export interface Backend extends BackendReader {
  /** The present state, which later writes do not change; undefined while too many views are open. */
  view(): BackendView | undefined;
  /**
   * All or nothing, visible to every later read on return. Throws `BackendError` when the disk fails.
   * After a `body` that throws nothing goes on: every call throws from then on, and who opens the
   * backend again finds what it was at some moment before this write.
   */
  write<T>(body: (writer: BackendWriter) => T): T;
  /** Bytes of the file, and of it the part that holds live data. */
  size(): { readonly totalBytes: number; readonly inUseBytes: number };
}

/** One that a process keeps: what its owner does to it beside the store. LMDB and memory implement it. */
export interface DurableBackend extends Backend {
  /** Resolves once everything written so far is on stable storage. */
  sync(): Promise<void>;
  /** A consistent copy of all tables as a byte stream that `restore` of the same kind of backend reads. */
  snapshot(): AsyncIterable<Uint8Array>;
  /** Replaces everything by the content of a snapshot; all or nothing, durable when it resolves. */
  restore(snapshot: AsyncIterable<Uint8Array>): Promise<void>;
  close(): Promise<void>;
}

export interface WatchRequest extends KeyRange {
  /** First revision wanted; 0 = from now on. */
  readonly startRevision: number;
  readonly prevKv: boolean;
  readonly noPut: boolean;
  readonly noDelete: boolean;
}

/**
 * Whole revisions in order: never part of one, never a gap, never twice. Everything up to `revision`
 * is given. `events` is empty when a long stretch of history held nothing for the watcher: take again.
 */
export type WatchBatch =
  | { readonly kind: "events"; readonly events: readonly WatchEvent[]; readonly revision: number }
  /** History up to `compactRevision` is gone and with it what this watcher still needed. It is over. */
  | { readonly kind: "compacted"; readonly compactRevision: number };

/**
 * One subscription. It holds a position, not a queue: a slow consumer costs no memory and is served
 * from history when it comes back.
 */
export interface Watcher {
  /** The next batch, about `bytesMax` at most but at least one revision; undefined when there is nothing yet. */
  take(bytesMax: number): WatchBatch | undefined;
  /** True when every event up to the store's revision was taken. */
  readonly synced: boolean;
  close(): void;
}

/**
 * What {@link RangeCursor.next} gives: rows in the order of the answer, or why there are none.
 * `tooManyCursors`: too many reads are under way already. `cursorExpired`: it was read too slowly.
 */
export type RangeSlice =
  | { readonly kind: "rows"; readonly kvs: readonly KeyValue[]; readonly isLast: false }
  | {
      readonly kind: "rows";
      readonly kvs: readonly KeyValue[];
      readonly isLast: true;
      readonly more: boolean;
      readonly count: number;
    }
  | { readonly kind: "refused"; readonly error: CursorRefusal };
export type CursorRefusal = "compacted" | "futureRevision" | "tooManyCursors" | "cursorExpired";

/** A range that is read in slices over many turns, all of one state: that of the first `next`. */
export interface RangeCursor {
  /** Of the store when it was served: at the first `next`. */
  readonly revision: number;
  /**
   * The next rows, about `bytesMax` of keys and values but at least one row, and at most `rowsMax`.
   * Without rows also when it has looked at much and is not there yet: go on in another turn. Not to
   * be called after the last slice, a refusal or `close`.
   */
  next(bytesMax: number, rowsMax?: number): RangeSlice;
  /** At any time, more than once if need be. The last slice and a refusal close it too. */
  close(): void;
}

/** What {@link HashCursor.next} gives: to be called again, the hash, or why there is none. */
export type HashSlice =
  | { readonly kind: "unfinished" }
  | HashResult
  | {
      readonly kind: "refused";
      readonly error: CursorRefusal;
    };
export interface HashResult {
  readonly kind: "hash";
  readonly hash: number;
  readonly compactRevision: number;
  readonly revision: number;
}

/** A hash over the history that is made in slices over many turns, of the state at the first `next`. */
export interface HashCursor {
  next(): HashSlice;
  close(): void;
}

export interface LeaseInfo {
  readonly id: bigint;
  readonly grantedTtlSeconds: number;
  readonly keys: readonly Uint8Array[];
}

/** The read side of the store: what the API floors use. Local state; linearizable after `Member.readBarrier`. */
export interface StoreReader {
  /** Latest revision; 1 on an empty store. */
  readonly revision: number;
  /** Reads and watches below it are refused; -1 before the first compaction, as in etcd. */
  readonly compactRevision: number;
  range(
    request: RangeRequest,
  ): RangeResult | { readonly kind: "refused"; readonly error: "compacted" | "futureRevision" };
  /** A transaction of ranges and compares only; asserts that it changes nothing. */
  readTxn(
    request: TxnRequest,
  ): TxnResult | { readonly kind: "refused"; readonly error: StoreError };
  /** `wake` is called, at most once between two `take`s, when `take` has something to give. It must not throw and must not call back into the store. It is not called for what lies there already when the watch begins: `take` once after `watch`. */
  watch(request: WatchRequest, wake: () => void): Watcher;
  lease(id: bigint): LeaseInfo | undefined;
  leases(): readonly bigint[];
  memberAttributes(): readonly MemberAttributes[];
  /** Who may do what. */
  readonly auth: AuthReader;
  /** Calls after each change that tokens have to follow. Returns the way to stop it. */
  onAuth(listener: (event: AuthEvent) => void): () => void;
  /** Sorted by member, then kind. */
  alarms(): readonly Alarm[];
  /** The version that the cluster is on its way to, if it is. */
  downgrade(): { readonly version: string } | undefined;
  /** As `range`, in slices: for what may be large. Nothing is read and held before its first `next`. */
  rangeCursor(request: RangeRequest): RangeCursor;
  /** As `hash`, in slices. */
  hashCursor(revision: number): HashCursor;
  /** True while rows that the last compaction dropped are still there. */
  readonly isCompacting: boolean;
  /** Calls each time when `isCompacting` has become false. Returns the way to stop it. */
  onCompacted(listener: () => void): () => void;
  /** CRC-32C over all revisions up to `revision` that a compaction would keep (etcd HashKV); equal on all members. */
  hash(
    revision: number,
  ): HashResult | { readonly kind: "refused"; readonly error: "compacted" | "futureRevision" };
  size(): { readonly totalBytes: number; readonly inUseBytes: number };
}

/** The whole store, as the driver uses it. */
export interface Store extends StoreReader {
  /** The last entry that the backend holds; durable after `DurableBackend.sync`. */
  readonly appliedIndex: number;
  readonly appliedTerm: number;
  /**
   * Applies entries in order in one backend transaction together with the applied index, then wakes
   * watchers. Deterministic: same entries, same state. `proposal` undefined = an entry without a
   * command. The result at each place is undefined for an entry without a command and for a repeated
   * proposal that was applied before.
   */
  apply(
    entries: readonly {
      readonly index: number;
      readonly term: number;
      readonly proposal: Proposal | undefined;
    }[],
  ): readonly (CommandResult | undefined)[];
  /**
   * Removes a slice of what the last compaction dropped; true while more is left. Each {@link apply}
   * does one too, so calling it is only of use when a store is idle. No reader sees a difference.
   */
  compact(): boolean;
  /** All leases with their granted time, for a leader that starts to count it. */
  grantedLeases(): readonly { readonly id: bigint; readonly ttlSeconds: number }[];
  /** Reads everything anew after the backend's content was replaced; watchers go on from their own position. */
  reload(): void;
}
