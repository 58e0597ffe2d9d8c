/**
 * The store: the state machine behind the log, over a backend. Pure: all it does happens in the
 * backend that it is given and in the `wake` of its watchers.
 */
import { assert, failpoint } from "@flotilla/base";
import { type Applied, applyCommand, refused } from "./apply-command.ts";
import type { AuthEvent, AuthReader } from "./auth/contract.ts";
import { StoreAuth } from "./auth/store-auth.ts";
import { loadDowngrade } from "./cluster-state.ts";
import { compactSlice } from "./compaction.ts";
import type {
  Alarm,
  Backend,
  BackendWriter,
  CommandResult,
  HashCursor,
  LeaseInfo,
  MemberAttributes,
  Proposal,
  RangeCursor,
  RangeRequest,
  RangeResult,
  RequestOp,
  Store,
  StoreError,
  StoreReader,
  TxnRequest,
  TxnResult,
  Watcher,
  WatchRequest,
} from "./contract.ts";
import { StoreHashCursor } from "./hash-cursor.ts";
import { allLeases, type GrantedLease, leaseInfo } from "./leases.ts";
import { type StoreLimits, storeLimitsDefault } from "./limits.ts";
import { allMembers } from "./members.ts";
import { StoreRangeCursor } from "./range-cursor.ts";
import { type ReadRefusal, readRange, type View } from "./read-range.ts";
import { Sessions } from "./sessions.ts";
import { loadState, type StoreState, saveState } from "./state.ts";
import { checkBranch, chooseBranch, runBranch } from "./transaction.ts";
import { type RevisionEvents, WatchHub } from "./watch-hub.ts";

/**
 * Opens the store that `backend` holds; an empty backend is an empty store. Throws `WireError` when
 * what it holds is damaged. `limits` replaces some of {@link storeLimitsDefault}.
 */
export function createStore(backend: Backend, limits: Partial<StoreLimits> = {}): Store {
  return new MvccStore(backend, { ...storeLimitsDefault, ...limits });
}

type LogEntry = Parameters<Store["apply"]>[0][number];

class MvccStore implements Store {
  readonly #backend: Backend;
  readonly #limits: StoreLimits;
  readonly #watchers: WatchHub;
  readonly auth: AuthReader;
  readonly #authListeners = new Set<(event: AuthEvent) => void>();
  readonly #compactedListeners = new Set<() => void>();
  #state: StoreState;
  #sessions: Sessions;

  constructor(backend: Backend, limits: StoreLimits) {
    this.#backend = backend;
    this.#limits = limits;
    this.#state = loadState(backend);
    this.#sessions = new Sessions(backend, limits.sessionsMax);
    this.auth = new StoreAuth(backend, () => this.#state.auth);
    this.#watchers = new WatchHub({
      limits,
      reader: backend,
      revision: () => this.#state.revision,
      compactRevision: () => this.#state.compactRevision,
    });
  }

  get revision(): number {
    return this.#state.revision;
  }

  get compactRevision(): number {
    return this.#state.compactRevision;
  }

  get appliedIndex(): number {
    return this.#state.appliedIndex;
  }

  get appliedTerm(): number {
    return this.#state.appliedTerm;
  }

  range(
    request: RangeRequest,
  ): RangeResult | { readonly kind: "refused"; readonly error: ReadRefusal } {
    return readRange(this.#view(), request);
  }

  readTxn(
    request: TxnRequest,
  ): TxnResult | { readonly kind: "refused"; readonly error: StoreError } {
    assert(isReadOnly(request), "store: a read transaction has only ranges");
    const view = this.#view();
    const branch = chooseBranch(view.reader, request);
    const error = checkBranch(view, branch);
    if (error !== undefined) return { kind: "refused", error };
    return runBranch({ view: () => view, mutation: undefined }, branch);
  }

  watch(request: WatchRequest, wake: () => void): Watcher {
    return this.#watchers.watch(request, wake);
  }

  lease(id: bigint): LeaseInfo | undefined {
    return leaseInfo(this.#backend, id);
  }

  leases(): readonly bigint[] {
    return allLeases(this.#backend).map(({ id }) => id);
  }

  grantedLeases(): readonly GrantedLease[] {
    return allLeases(this.#backend);
  }

  memberAttributes(): readonly MemberAttributes[] {
    return allMembers(this.#backend);
  }

  onAuth(listener: (event: AuthEvent) => void): () => void {
    this.#authListeners.add(listener);
    return () => this.#authListeners.delete(listener);
  }

  alarms(): readonly Alarm[] {
    return this.#state.alarms;
  }

  downgrade(): { readonly version: string } | undefined {
    return loadDowngrade(this.#backend);
  }

  rangeCursor(request: RangeRequest): RangeCursor {
    const { cursorRows: rowsMax } = this.#limits;
    const source = { backend: this.#backend, rowsMax, view: () => this.#view() };
    return new StoreRangeCursor(source, request);
  }

  hashCursor(revision: number): HashCursor {
    return this.#hashCursor(revision, this.#limits.cursorRows);
  }

  get isCompacting(): boolean {
    return this.#state.compacting;
  }

  onCompacted(listener: () => void): () => void {
    this.#compactedListeners.add(listener);
    return () => this.#compactedListeners.delete(listener);
  }

  hash(revision: number): ReturnType<StoreReader["hash"]> {
    const result = this.#hashCursor(revision, Number.POSITIVE_INFINITY).next();
    assert(result.kind !== "unfinished", "store: a slice without a limit is the last");
    if (result.kind === "hash") return result;
    const { error } = result;
    assert(error === "compacted" || error === "futureRevision", "store: nothing else is refused");
    return { kind: "refused", error };
  }

  size(): { readonly totalBytes: number; readonly inUseBytes: number } {
    return this.#backend.size();
  }

  apply(entries: readonly LogEntry[]): readonly (CommandResult | undefined)[] {
    if (entries.length === 0) return [];
    try {
      const { results, changes, authEvents, state } = this.#backend.write((writer) =>
        this.#applyAll(writer, entries),
      );
      const wasCompacting = this.#state.compacting;
      this.#state = state;
      this.#watchers.publish(changes);
      for (const event of authEvents) this.#tellAuth(event);
      if (!state.compacting && (wasCompacting || compactsIn(entries))) this.#tellCompacted();
      return results;
    } catch (error) {
      this.#sessions = new Sessions(this.#backend, this.#limits.sessionsMax); // They were changed along the way.
      throw error;
    }
  }

  compact(): boolean {
    if (!this.#state.compacting) return false;
    this.#state = this.#backend.write((writer) => {
      const state = compactSlice(writer, this.#state, this.#limits.compactRows);
      saveState(writer, state);
      return state;
    });
    if (!this.#state.compacting) this.#tellCompacted();
    return this.#state.compacting;
  }

  reload(): void {
    const { revision } = this.#state;
    this.#state = loadState(this.#backend);
    this.#sessions = new Sessions(this.#backend, this.#limits.sessionsMax);
    this.#watchers.reload(revision);
    this.#tellAuth({ kind: "reset" });
  }

  #hashCursor(revision: number, rowsMax: number): HashCursor {
    const source = { backend: this.#backend, rowsMax, state: () => this.#state };
    return new StoreHashCursor(source, revision);
  }

  #tellAuth(event: AuthEvent): void {
    for (const listener of [...this.#authListeners]) listener(event);
  }

  #tellCompacted(): void {
    failpoint("compactAfterSetFinishedCompact");
    for (const listener of [...this.#compactedListeners]) listener();
  }

  #view(): View {
    const { revision, compactRevision } = this.#state;
    return { reader: this.#backend, revision, compactRevision };
  }

  #applyAll(writer: BackendWriter, entries: readonly LogEntry[]): AppliedBatch {
    const results: (CommandResult | undefined)[] = [];
    const changes: RevisionEvents[] = [];
    const authEvents: AuthEvent[] = [];
    let rows = 0;
    let state = this.#state;
    let { appliedIndex, appliedTerm } = state;
    for (const entry of entries) {
      assert(entry.index > appliedIndex, "store: entries are applied once and in order");
      appliedIndex = entry.index;
      appliedTerm = entry.term;
      const applied = this.#applyEntry(writer, state, entry);
      results.push(applied?.result);
      if (applied === undefined) continue;
      state = applied.state;
      if (applied.authEvent !== undefined) authEvents.push(applied.authEvent);
      if (applied.changed === undefined) continue;
      changes.push(applied.changed);
      rows += applied.changed.events.length;
    }
    state = { ...state, appliedIndex, appliedTerm };
    this.#sessions.save(writer);
    // At least as fast as new rows can come.
    state = compactSlice(writer, state, this.#limits.compactRows + rows);
    failpoint("commitBeforePreCommitHook");
    saveState(writer, state);
    failpoint("commitAfterPreCommitHook");
    return { results, changes, authEvents, state };
  }

  #applyEntry(writer: BackendWriter, state: StoreState, entry: LogEntry): Applied | undefined {
    const { proposal } = entry;
    if (proposal === undefined) return undefined;
    const admission = this.#sessions.admit(proposal, entry.index);
    if (admission === "repeated") return undefined;
    if (admission === "expired") return refused(state, "sessionExpired");
    if (isFenced(proposal, entry.term)) return refused(state, "fenced");
    const { command, principal: requester } = proposal;
    const { tellsPrevious } = this.#watchers;
    return applyCommand(writer, state, { command, requester, index: entry.index, tellsPrevious });
  }
}

interface AppliedBatch {
  readonly results: readonly (CommandResult | undefined)[];
  readonly changes: readonly RevisionEvents[];
  readonly authEvents: readonly AuthEvent[];
  readonly state: StoreState;
}

function compactsIn(entries: readonly LogEntry[]): boolean {
  return entries.some(({ proposal }) => proposal?.command.kind === "compact");
}

function isFenced(proposal: Proposal, term: number): boolean {
  return proposal.onlyInTerm !== 0 && proposal.onlyInTerm !== term;
}

function isReadOnly(request: TxnRequest): boolean {
  const isRead = (op: RequestOp): boolean =>
    op.kind === "range" || (op.kind === "txn" && isReadOnly(op.request));
  return request.success.every(isRead) && request.failure.every(isRead);
}
