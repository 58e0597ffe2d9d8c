/**
 * The store as one would write it without a care for speed: the whole state of every revision is
 * kept. What createStore() does is compared with it. Keys are strings of one character per byte.
 */
import type {
  Command,
  CommandResult,
  Compare,
  KeyRange,
  KeyValue,
  PutRequest,
  RangeRequest,
  RangeResult,
  RequestOp,
  StoreError,
  TxnRequest,
  TxnResult,
  WatchEvent,
} from "@flotilla/store";

type State = ReadonlyMap<string, KeyValue>;
type Refusal = { readonly kind: "refused"; readonly error: StoreError };
const none = new Uint8Array(0);

export class ModelStore {
  revision = 1;
  compactRevision = -1;
  readonly leases = new Map<bigint, number>();
  /** State after each revision; index 0 is unused. */
  readonly states: State[] = [new Map(), new Map()];
  /** Events of each revision. */
  readonly events: (readonly WatchEvent[])[] = [[], []];
  #now = new Map<string, KeyValue>();
  #changes: WatchEvent[] = [];

  apply(command: Command): CommandResult {
    this.#now = new Map(this.states[this.revision]);
    this.#changes = [];
    const result = this.#run(command);
    if (result.kind !== "refused" && this.#changes.length > 0) {
      this.revision++;
      this.states.push(this.#now);
      this.events.push(this.#changes);
    }
    return result;
  }

  range(request: RangeRequest): RangeResult | Refusal {
    const error = this.#checkRange(request);
    if (error !== undefined) return { kind: "refused", error };
    return this.#range(request, this.revision, this.states[this.revision] as State);
  }

  #run(command: Command): CommandResult {
    switch (command.kind) {
      case "put":
      case "deleteRange":
        return this.#single(command);
      case "txn":
        return this.#txn(command.request);
      case "compact":
        if (command.revision <= this.compactRevision)
          return { kind: "refused", error: "compacted" };
        if (command.revision > this.revision) return { kind: "refused", error: "futureRevision" };
        this.compactRevision = command.revision;
        return { kind: "compact", revision: this.revision };
      case "leaseGrant":
        if (this.leases.has(command.id)) return { kind: "refused", error: "leaseExists" };
        this.leases.set(command.id, command.ttlSeconds);
        return { ...command, revision: this.revision };
      case "leaseRevoke":
        return this.#revoke(command.id);
      case "memberAttributes":
        return { kind: "memberAttributes", revision: this.revision };
      default:
        throw new Error(`unexpected command ${JSON.stringify(command)}`);
    }
  }

  #single(op: RequestOp): CommandResult {
    const error = this.#check([op]);
    return error === undefined
      ? (this.#execute(op, []) as CommandResult)
      : { kind: "refused", error };
  }

  #txn(request: TxnRequest): TxnResult | Refusal {
    const path = this.#path(request);
    const error = this.#check(this.#takenOps(request, [...path]));
    return error === undefined ? this.#branch(request, path) : { kind: "refused", error };
  }

  /** etcd's way of writing it: the outcome of each transaction, in the order of a walk. */
  #path(request: TxnRequest): boolean[] {
    const holds = request.compare.every((compare) => this.#holds(compare));
    const nested = (holds ? request.success : request.failure).flatMap((op) =>
      op.kind === "txn" ? this.#path(op.request) : [],
    );
    return [holds, ...nested];
  }

  #check(ops: readonly RequestOp[]): StoreError | undefined {
    for (const op of ops) {
      const error =
        op.kind === "range"
          ? this.#checkRangeInTxn(op.request)
          : op.kind === "put"
            ? this.#checkPut(op.request)
            : undefined;
      if (error !== undefined) return error;
    }
    return undefined;
  }

  /** All operations of the taken branches, flat. */
  #takenOps(request: TxnRequest, path: boolean[]): readonly RequestOp[] {
    const ops = path.shift() === true ? request.success : request.failure;
    return ops.flatMap((op) => (op.kind === "txn" ? this.#takenOps(op.request, path) : [op]));
  }

  #branch(request: TxnRequest, path: boolean[]): TxnResult {
    const succeeded = path.shift() === true;
    const ops = succeeded ? request.success : request.failure;
    const responses = ops.map((op) => this.#execute(op, path) as TxnResult["responses"][number]);
    return { kind: "txn", revision: this.#revisionNow(), succeeded, responses };
  }

  #execute(op: RequestOp, path: boolean[]): CommandResult | RangeResult {
    if (op.kind === "txn") return this.#branch(op.request, path);
    if (op.kind === "range") return this.#range(op.request, this.#revisionNow(), this.#now);
    if (op.kind === "put") return this.#put(op.request);
    const rows = [...this.#now.values()].filter((kv) => inRange(op.request, name(kv.key)));
    for (const row of rows.sort(byKey)) this.#delete(row);
    const previous = op.request.prevKv ? rows : [];
    return { kind: "deleteRange", revision: this.#revisionNow(), deleted: rows.length, previous };
  }

  #put(request: PutRequest): CommandResult {
    const previous = this.#now.get(name(request.key));
    const main = this.revision + 1;
    const kv: KeyValue = {
      key: request.key,
      value: request.ignoreValue ? (previous?.value ?? request.value) : request.value,
      lease: request.ignoreLease ? (previous?.lease ?? request.lease) : request.lease,
      createRevision: previous?.createRevision ?? main,
      modRevision: main,
      version: (previous?.version ?? 0) + 1,
    };
    this.#now.set(name(kv.key), kv);
    const told = kv.createRevision === main ? undefined : this.#beforeRevision(kv.key, previous);
    this.#changes.push({ kind: "put", kv, previous: told });
    return { kind: "put", revision: main, previous: request.prevKv ? previous : undefined };
  }

  #delete(previous: KeyValue): void {
    this.#now.delete(name(previous.key));
    const modRevision = this.revision + 1;
    const gone = { value: none, createRevision: 0, version: 0, lease: 0n, modRevision };
    const told = this.#beforeRevision(previous.key, previous);
    this.#changes.push({ kind: "delete", kv: { key: previous.key, ...gone }, previous: told });
  }

  /** What a key held before the first change of this revision; `previous` when this is the first. */
  #beforeRevision(key: Uint8Array, previous: KeyValue | undefined): KeyValue | undefined {
    const first = this.#changes.find((change) => name(change.kv.key) === name(key));
    return first === undefined ? previous : first.previous;
  }

  #revoke(id: bigint): CommandResult {
    if (!this.leases.delete(id)) return { kind: "refused", error: "leaseNotFound" };
    const rows = [...this.#now.values()].filter((kv) => kv.lease === id).sort(byKey);
    for (const row of rows) this.#delete(row);
    return { kind: "leaseRevoke", revision: this.#revisionNow() };
  }

  #revisionNow(): number {
    return this.#changes.length > 0 ? this.revision + 1 : this.revision;
  }

  #checkRange({ revision }: RangeRequest): "compacted" | "futureRevision" | undefined {
    if (revision <= 0) return undefined;
    if (revision > this.revision) return "futureRevision";
    return revision < this.compactRevision ? "compacted" : undefined;
  }

  #checkRangeInTxn(request: RangeRequest): "compacted" | "futureRevision" | undefined {
    const isTooLow = request.revision < 0 && request.revision < this.compactRevision;
    return isTooLow ? "compacted" : this.#checkRange(request);
  }

  #checkPut(request: PutRequest): StoreError | undefined {
    if (request.lease !== 0n && !this.leases.has(request.lease)) return "leaseNotFound";
    const needed = request.ignoreValue || request.ignoreLease;
    return needed && !this.#now.has(name(request.key)) ? "keyNotFound" : undefined;
  }

  #range(request: RangeRequest, current: number, now: State): RangeResult {
    const isOld = request.revision > 0 && request.revision < current;
    const state = isOld ? (this.states[request.revision] as State) : now;
    const all = [...state.values()].filter((kv) => inRange(request, name(kv.key))).sort(byKey);
    const count = all.length;
    if (request.countOnly) return { kind: "range", kvs: [], more: false, count, revision: current };
    let kvs = all.filter((kv) =>
      within(kv.modRevision, request.minModRevision, request.maxModRevision),
    );
    kvs = kvs.filter((kv) =>
      within(kv.createRevision, request.minCreateRevision, request.maxCreateRevision),
    );
    const isFiltered = kvs.length < count || filters(request).some((filter) => filter !== 0);
    // The quirk: without an order, only the first limit + 1 rows by key are sorted.
    if (request.sortOrder === "none" && request.limit > 0 && !isFiltered) {
      kvs = kvs.slice(0, request.limit + 1);
    }
    kvs = sorted(kvs, request);
    const more = request.limit > 0 && kvs.length > request.limit;
    if (more) kvs = kvs.slice(0, request.limit);
    if (request.keysOnly) {
      const lease = request.sortTarget === "value" ? {} : { lease: 0n };
      kvs = kvs.map((kv) => ({ ...kv, value: none, ...lease }));
    }
    return { kind: "range", kvs, more, count, revision: current };
  }

  #holds(compare: Compare): boolean {
    const rows = [...this.#now.values()].filter((kv) => inRange(compare, name(kv.key)));
    if (rows.length > 0) return rows.every((row) => holdsFor(compare, row));
    if (compare.target.kind === "value") return false;
    const zero = {
      key: none,
      value: none,
      createRevision: 0,
      modRevision: 0,
      version: 0,
      lease: 0n,
    };
    return holdsFor(compare, zero);
  }
}

function holdsFor({ target, result }: Compare, row: KeyValue): boolean {
  const [left, right] =
    target.kind === "version"
      ? [row.version, target.version]
      : target.kind === "create"
        ? [row.createRevision, target.revision]
        : target.kind === "mod"
          ? [row.modRevision, target.revision]
          : target.kind === "lease"
            ? [row.lease, target.lease]
            : target.kind === "value"
              ? [name(row.value), name(target.value)]
              : [0, 0];
  if (result === "equal") return left === right;
  if (result === "notEqual") return left !== right;
  return result === "greater" ? left > right : left < right;
}

function filters(request: RangeRequest): readonly number[] {
  const { minModRevision, maxModRevision, minCreateRevision, maxCreateRevision } = request;
  return [minModRevision, maxModRevision, minCreateRevision, maxCreateRevision];
}

function within(value: number, low: number, high: number): boolean {
  return (low === 0 || value >= low) && (high === 0 || value <= high);
}

function sorted(kvs: readonly KeyValue[], { sortOrder, sortTarget }: RangeRequest): KeyValue[] {
  const value = (kv: KeyValue) =>
    ({
      key: name(kv.key),
      value: name(kv.value),
      version: kv.version,
      create: kv.createRevision,
      mod: kv.modRevision,
    })[sortTarget];
  const sign = sortOrder === "descend" ? -1 : 1;
  return [...kvs].sort((left, right) => {
    const [a, b] = [value(left), value(right)];
    return a < b ? -sign : a > b ? sign : 0;
  });
}

/** Half open, with etcd's two special ends. */
export function inRange(range: KeyRange, key: string): boolean {
  const [from, end] = [name(range.key), name(range.rangeEnd)];
  if (end === "") return key === from;
  return key >= from && (end === "\0" || key < end);
}

function byKey(left: KeyValue, right: KeyValue): number {
  return name(left.key) < name(right.key) ? -1 : 1;
}

/** One character for each byte. */
export function name(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("latin1");
}
