/**
 * Queues of keys: who put his key under a prefix first is the owner, the others wait for those before
 * them. Locks and elections are both that.
 *
 * Source: etcd client/v3/concurrency (mutex.go, election.go, key.go). A key is `name/` and the lease in
 * hexadecimal digits, so that a session that asks twice has one place.
 */
import { assert, concatBytes, utf8 } from "@flotilla/base";
import {
  type Compare,
  deleteRequest,
  getRequest,
  type KeyValue,
  prefixRequest,
  putRequest,
  type RangeResult,
  type RequestOp,
  type TxnResult,
} from "@flotilla/store";
import type { Caller } from "./caller.ts";

/** A place in a queue. */
export interface Place {
  readonly prefix: Uint8Array;
  readonly key: Uint8Array;
  /** At which the key came to be; the lowest under the prefix owns. */
  readonly createRevision: number;
  /** What the key held before, when it was there. */
  readonly previous: KeyValue | undefined;
  /** Who was the first when the place was taken. */
  readonly owner: KeyValue | undefined;
  /** Of the store then. */
  readonly revision: number;
}

/** Where all of a queue's keys are. */
export function queuePrefix(name: Uint8Array): Uint8Array {
  return concatBytes([name, utf8("/")]);
}

/** Puts the session's key, unless it is there. */
export async function takePlace(
  caller: Caller,
  name: Uint8Array,
  session: { readonly lease: bigint; readonly value: Uint8Array },
): Promise<Place> {
  const prefix = queuePrefix(name);
  const key = concatBytes([prefix, utf8(session.lease.toString(16))]);
  const first: RequestOp = { kind: "range", request: firstRequest(prefix) };
  const put = putRequest(key, session.value, { lease: session.lease });
  const result = await caller.txn({
    compare: [createdAt(key, 0)],
    success: [{ kind: "put", request: put }, first],
    failure: [{ kind: "range", request: getRequest(key) }, first],
  });
  const previous = result.succeeded ? undefined : rangeAt(result, 0).kvs[0];
  return {
    prefix,
    key,
    createRevision: previous?.createRevision ?? result.revision,
    previous,
    owner: rangeAt(result, 1).kvs[0],
    revision: result.revision,
  };
}

/**
 * Waits until no key is left that came before the place's; the revision of the store then. Undefined when
 * the place is lost by then: its lease has ended, and who came behind it may be the owner.
 */
export async function waitForTurn(caller: Caller, place: Place): Promise<number | undefined> {
  const { prefix, key, createRevision, owner } = place;
  if (owner?.createRevision === createRevision) return place.revision;
  for (;;) {
    const before = await caller.get(
      prefixRequest(prefix, {
        sortTarget: "create",
        sortOrder: "descend",
        limit: 1,
        maxCreateRevision: createRevision - 1,
      }),
    );
    const [next] = before.kvs;
    if (next === undefined) break;
    await caller.deletionOf(next.key, before.revision);
  }
  const { kvs, revision } = await caller.get(getRequest(key));
  // One that was made anew is further behind.
  return kvs[0]?.createRevision === createRevision ? revision : undefined;
}

/** Changes the key, if it still is the one of that place; undefined when it is not. */
export async function putInPlace(
  caller: Caller,
  place: Pick<Place, "key" | "createRevision">,
  session: { readonly lease: bigint; readonly value: Uint8Array },
): Promise<number | undefined> {
  const request = putRequest(place.key, session.value, { lease: session.lease });
  const result = await caller.txn({
    compare: [createdAt(place.key, place.createRevision)],
    success: [{ kind: "put", request }],
    failure: [],
  });
  return result.succeeded ? result.revision : undefined;
}

/** Deletes the key, if it still is the one of that place. The revision of the store afterwards. */
export async function leavePlace(
  caller: Caller,
  place: Pick<Place, "key" | "createRevision">,
): Promise<number> {
  const result = await caller.txn({
    compare: [createdAt(place.key, place.createRevision)],
    success: [{ kind: "deleteRange", request: deleteRequest(place.key) }],
    failure: [],
  });
  return result.revision;
}

/** The owner. */
export function firstRequest(prefix: Uint8Array): ReturnType<typeof prefixRequest> {
  return prefixRequest(prefix, { sortTarget: "create", sortOrder: "ascend", limit: 1 });
}

function createdAt(key: Uint8Array, revision: number): Compare {
  const target = { kind: "create", revision } as const;
  return { key, rangeEnd: new Uint8Array(0), result: "equal", target };
}

function rangeAt(result: TxnResult, at: number): RangeResult {
  const response = result.responses[at];
  assert(response?.kind === "range", "a range must be answered by a range");
  return response;
}
