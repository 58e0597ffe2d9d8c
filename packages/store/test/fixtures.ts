/** A store over a naive backend, and a short way of writing commands and results. */
import { compareBytes, textOf, utf8 } from "@flotilla/base";
import {
  type Backend,
  type BackendView,
  type BackendWriter,
  type Command,
  type CommandResult,
  createStore,
  deleteRequest,
  type KeyValue,
  type PutRequest,
  prefixRange,
  putRequest,
  type RangeResult,
  type Requester,
  type RequestOp,
  type Store,
  type StoreLimits,
  type TxnRequest,
  type TxnResult,
  type WatchBatch,
  type WatchEvent,
} from "../src/index.ts";

export const b = utf8;
type Rows = [key: Uint8Array, value: Uint8Array][];

/** Sorted arrays, copied as a whole before each write. Only for few rows. */
export function arrayBackend(): Backend & BackendWriter & { tables: Map<string, Rows> } {
  const backend = {
    tables: new Map<string, Rows>(),
    get: (table: string, key: Uint8Array) =>
      backend.tables.get(table)?.find(([found]) => compareBytes(found, key) === 0)?.[1],
    range(
      table: string,
      from: Uint8Array,
      to: Uint8Array | undefined,
      options: { readonly reverse?: boolean; readonly limit?: number } = {},
    ) {
      const rows = (backend.tables.get(table) ?? []).filter(
        ([key]) => compareBytes(key, from) >= 0 && (to === undefined || compareBytes(key, to) < 0),
      );
      if (options.reverse === true) rows.reverse();
      return rows.slice(0, options.limit);
    },
    count: (table: string, from: Uint8Array, to: Uint8Array | undefined) =>
      backend.range(table, from, to).length,
    put(table: string, key: Uint8Array, value: Uint8Array) {
      backend.delete(table, key);
      const rows = backend.tables.get(table) ?? [];
      rows.push([key, value.slice()]);
      rows.sort(([left], [right]) => compareBytes(left, right));
      backend.tables.set(table, rows);
    },
    append: (table: string, key: Uint8Array, value: Uint8Array) => backend.put(table, key, value),
    delete(table: string, key: Uint8Array) {
      const rows = backend.tables.get(table) ?? [];
      backend.tables.set(
        table,
        rows.filter(([found]) => compareBytes(found, key) !== 0),
      );
    },
    write<T>(body: (writer: BackendWriter) => T): T {
      const before = new Map([...backend.tables].map(([name, rows]) => [name, [...rows]]));
      try {
        return body(backend);
      } catch (error) {
        backend.tables = before;
        throw error;
      }
    },
    size: () => ({ totalBytes: 0, inUseBytes: 0 }),
    view(): BackendView {
      const copy = arrayBackend();
      copy.tables = new Map([...backend.tables].map(([name, rows]) => [name, [...rows]]));
      let isOpen = true;
      return {
        ...copy,
        get isOpen() {
          return isOpen;
        },
        close() {
          isOpen = false;
        },
      };
    },
  };
  return backend;
}

/** A store to which commands are applied one by one. */
export class Bench {
  backend = arrayBackend();
  store: Store;
  index = 0;
  term = 1;
  readonly #limits: Partial<StoreLimits>;

  constructor(limits: Partial<StoreLimits> = {}) {
    this.#limits = limits;
    this.store = createStore(this.backend, limits);
  }

  reopen(): void {
    this.store = createStore(this.backend, this.#limits);
  }

  run(command: Command, principal?: Requester): CommandResult {
    this.index++;
    const proposal = {
      session: 1n,
      openedAt: 0,
      sequence: this.index,
      settledBelow: 1,
      onlyInTerm: 0,
      ...(principal === undefined ? {} : { principal }),
      command,
    };
    const [result] = this.store.apply([{ index: this.index, term: this.term, proposal }]);
    if (result === undefined) throw new Error("a new proposal has a result");
    return result;
  }

  put(key: string, value = "", options: Partial<PutRequest> = {}): string {
    return show(this.run({ kind: "put", request: putRequest(b(key), b(value), options) }));
  }

  delete(key: string, rangeEnd = "", prevKv = false): string {
    const request = deleteRequest(b(key), { rangeEnd: b(rangeEnd), prevKv });
    return show(this.run({ kind: "deleteRange", request }));
  }

  txn(request: Partial<TxnRequest>): string {
    const whole = { compare: [], success: [], failure: [], ...request };
    return show(this.run({ kind: "txn", request: whole }));
  }

  compact(revision: number): string {
    return show(this.run({ kind: "compact", revision, physical: false }));
  }

  grant(id: bigint, ttlSeconds = 60): string {
    return show(this.run({ kind: "leaseGrant", id, ttlSeconds }));
  }

  revoke(id: bigint): string {
    return show(this.run({ kind: "leaseRevoke", id }));
  }

  /** The rows of a table, for what no request shows. */
  rows(table: string): number {
    return this.backend.tables.get(table)?.length ?? 0;
  }
}

export const op = {
  put: (key: string, value = "", options: Partial<PutRequest> = {}): RequestOp => ({
    kind: "put",
    request: putRequest(b(key), b(value), options),
  }),
  delete: (key: string, rangeEnd = ""): RequestOp => ({
    kind: "deleteRange",
    request: deleteRequest(b(key), { rangeEnd: b(rangeEnd) }),
  }),
  txn: (request: Partial<TxnRequest>): RequestOp => ({
    kind: "txn",
    request: { compare: [], success: [], failure: [], ...request },
  }),
};

export const everything = prefixRange(b(""));

/** A key-value as `key=value c1 m2 v3 l4`: created, modified, version, and lease if any. */
export function showKv(kv: KeyValue): string {
  const lease = kv.lease === 0n ? "" : ` l${kv.lease}`;
  const numbers = `c${kv.createRevision} m${kv.modRevision} v${kv.version}${lease}`;
  return `${textOf(kv.key)}=${textOf(kv.value)} ${numbers}`;
}

type Result = CommandResult | RangeResult | TxnResult;

/** A result on one line; `@7` is its revision. */
export function show(result: Result): string {
  switch (result.kind) {
    case "refused":
      return result.error;
    case "range":
      return `${showRows(result.kvs)} count=${result.count}${result.more ? " more" : ""}`;
    case "put":
      return `put @${result.revision}${result.previous === undefined ? "" : ` was ${showKv(result.previous)}`}`;
    case "deleteRange":
      return `deleted ${result.deleted} @${result.revision}${result.previous.length === 0 ? "" : ` was ${showRows(result.previous)}`}`;
    case "alarm":
      return `[${result.alarms.map(({ memberId, kind }) => `${memberId} ${kind}`)}]`;
    case "authenticate":
      return result.token;
    case "txn":
      return `${result.succeeded ? "then" : "else"}(${result.responses.map(show).join("; ")}) @${result.revision}`;
    default:
      return `${result.kind} @${result.revision}`;
  }
}

function showRows(kvs: readonly KeyValue[]): string {
  return `[${kvs.map(showKv).join(", ")}]`;
}

/** An event as `put a=1 @2` or `delete a @3`, with the previous value in brackets. */
export function showEvent({ kind, kv, previous }: WatchEvent): string {
  const what = kind === "put" ? `${textOf(kv.key)}=${textOf(kv.value)}` : textOf(kv.key);
  const before = previous === undefined ? "" : ` (${textOf(previous.value)})`;
  return `${kind} ${what} @${kv.modRevision}${before}`;
}

/** A batch on one line. */
export function showBatch(batch: WatchBatch | undefined): string {
  if (batch === undefined) return "nothing";
  if (batch.kind === "compacted") return `compacted ${batch.compactRevision}`;
  return `${batch.events.map(showEvent).join(", ")} | ${batch.revision}`;
}
