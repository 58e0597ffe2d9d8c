/**
 * `Storage` over a member in the same process: requests in etcd's shape, outcomes back.
 *
 * Reads are the member's local store and synchronous; writes go through its log.
 */
import { assert, concatBytes, emptyBytes, textOf, utf8 } from "@flotilla/base";
import type { Member, Unavailable } from "@flotilla/member";
import {
  type Command,
  type CommandResult,
  deleteRequest,
  getRequest,
  type KeyValue,
  prefixRange,
  putRequest,
  type RequestOp,
  rangeRequest,
  type TxnResult,
  type WatchEvent,
} from "@flotilla/store";
import {
  type CommitOutcome,
  type ReadAt,
  type Storage,
  StorageError,
  type StorageEvent,
  type StorageWatch,
  type StoredValue,
  type Transaction,
  type WriteOptions,
} from "./storage.ts";

/** Bytes of events that a watch takes from the store at a time. */
export const watchBatchBytesMax: number = 256 * 1024;

/** The port on `member`, which must outlive it. */
export function memberStorage(member: Member): Storage {
  return {
    get revision() {
      return member.store.revision;
    },
    get compactRevision() {
      return member.store.compactRevision;
    },
    async barrier(signal) {
      const outcome = await member.readBarrier(signal);
      if (outcome.kind !== "ready") throw unavailable(outcome);
    },
    get(key) {
      const result = member.store.range(getRequest(utf8(key)));
      assert(result.kind === "range", "storage: a read of the latest state is never refused");
      const kv = result.kvs[0];
      return kv === undefined ? undefined : storedValue(kv);
    },
    list: (prefix, options) => list(member, prefix, options),
    commit: (transaction, options) => commit(member, transaction, options),
    watch: (prefix, afterRevision, wake) => watch(member, prefix, afterRevision, wake),
    async grantLease(id, ttlSeconds, options) {
      const ttl = Math.max(ttlSeconds, member.leaseTtlMinSeconds);
      const command: Command = { kind: "leaseGrant", id, ttlSeconds: ttl };
      const result = await propose(member, command, options);
      if (result.kind === "leaseGrant") return "granted";
      if (result.kind === "refused" && result.error === "fenced") return "fenced";
      assert(result.kind === "refused" && result.error === "leaseExists", "storage: lease grant");
      return "exists";
    },
    async renewLease(id, signal) {
      const outcome = await member.renewLease(id, signal);
      if (outcome.kind === "renewed" || outcome.kind === "leaseNotFound") return outcome.kind;
      throw unavailable(outcome);
    },
  };
}

function list(member: Member, prefix: string, options: Parameters<Storage["list"]>[1]): ReadAt {
  const { from = prefix, limit, revision } = options;
  const { rangeEnd } = prefixRange(utf8(prefix));
  for (let key = utf8(from); ; ) {
    const result = member.store.range(rangeRequest({ key, rangeEnd }, { limit, revision }));
    if (result.kind !== "range") {
      assert(result.error === "compacted", "storage: the caller waits until a revision is there");
      return { kind: "compacted", compactRevision: member.store.compactRevision };
    }
    const { kvs, more, count } = result;
    // A key that is no text is not ours, and a caller could not go on from it.
    const values = kvs.map(storedValue).filter((value) => !value.key.includes("\ufffd"));
    const last = kvs.at(-1);
    if (values.length > 0 || !more || last === undefined) {
      const at = revision === 0 ? result.revision : revision;
      return { kind: "page", page: { values, more, count, revision: at } };
    }
    key = concatBytes([last.key, zeroByte]);
  }
}

const zeroByte = new Uint8Array(1);

async function commit(
  member: Member,
  transaction: Transaction,
  options: WriteOptions | undefined,
): Promise<CommitOutcome> {
  const { expect, puts, deletes } = transaction;
  const result = await propose(
    member,
    {
      kind: "txn",
      request: {
        compare: expect.map(({ key, modRevision }) => ({
          key: utf8(key),
          rangeEnd: emptyBytes,
          result: "equal",
          target: { kind: "mod", revision: modRevision },
        })),
        success: [
          ...puts.map(({ key, value, lease = 0n }): RequestOp => {
            return { kind: "put", request: putRequest(utf8(key), value, { lease }) };
          }),
          ...deletes.map((key): RequestOp => {
            return { kind: "deleteRange", request: deleteRequest(utf8(key)) };
          }),
        ],
        failure: expect.map(({ key }): RequestOp => {
          return { kind: "range", request: getRequest(utf8(key)) };
        }),
      },
    },
    options,
  );
  if (result.kind === "refused") {
    if (result.error === "fenced" || result.error === "leaseNotFound") {
      return { kind: result.error };
    }
    assert(false, () => `storage: transaction refused with ${result.error}`);
  }
  assert(result.kind === "txn", "storage: a transaction answers a transaction");
  if (result.succeeded) return { kind: "committed", revision: result.revision };
  return { kind: "conflict", current: currentOf(result) };
}

function currentOf(result: TxnResult): (StoredValue | undefined)[] {
  return result.responses.map((response) => {
    assert(response.kind === "range", "storage: the failure branch only reads");
    const kv = response.kvs[0];
    return kv === undefined ? undefined : storedValue(kv);
  });
}

async function propose(
  member: Member,
  command: Command,
  options: WriteOptions = {},
): Promise<CommandResult> {
  // Its users are known here; etcd's users are not asked.
  const outcome = await member.propose(command, { ...options, principal: "cluster" });
  if (outcome.kind !== "applied") throw unavailable(outcome);
  const { result } = outcome;
  if (result.kind !== "refused") return result;
  if (result.error !== "noSpace" && result.error !== "corrupt") return result;
  throw new StorageError(result.error);
}

function unavailable(outcome: Unavailable): StorageError {
  return new StorageError(outcome.kind);
}

function storedValue(kv: KeyValue): StoredValue {
  const { value, createRevision, modRevision, lease } = kv;
  return { key: textOf(kv.key), value, createRevision, modRevision, lease };
}

function watch(
  member: Member,
  prefix: string,
  afterRevision: number,
  wake: () => void,
): StorageWatch {
  const watcher = member.store.watch(
    {
      ...prefixRange(utf8(prefix)),
      startRevision: afterRevision + 1,
      prevKv: true,
      noPut: false,
      noDelete: false,
    },
    wake,
  );
  let progress = afterRevision;
  return {
    take() {
      const batch = watcher.take(watchBatchBytesMax);
      if (batch === undefined || batch.kind === "compacted") return batch;
      progress = Math.max(progress, batch.revision);
      return { kind: "events", events: batch.events.map(storageEvent) };
    },
    progress() {
      if (watcher.synced) progress = Math.max(progress, member.store.revision);
      return progress;
    },
    close: () => watcher.close(),
  };
}

function storageEvent(event: WatchEvent): StorageEvent {
  return {
    key: textOf(event.kv.key),
    revision: event.kv.modRevision,
    current: event.kind === "put" ? storedValue(event.kv) : undefined,
    previous: event.previous === undefined ? undefined : storedValue(event.previous),
  };
}
