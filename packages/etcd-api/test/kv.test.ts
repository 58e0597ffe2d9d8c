import { equal } from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { emptyBytes, utf8 } from "@flotilla/base";
import {
  type Compare,
  encodeDeleteRangeRequest,
  encodePutRequest,
  encodeRangeRequest,
  encodeTxnRequest,
  openEnd,
  type PutRequest,
  putRequest,
  type RangeOptions,
  type RequestOp,
  rangeRequest,
  type TxnRequest,
} from "@flotilla/store";
import {
  encoded,
  headerOf,
  type Running,
  type Shape,
  show,
  startSolo,
  stopAll,
} from "./fixtures.ts";

let running: Running;
before(async () => {
  running = await startSolo();
});
after(stopAll);

const key = (text: string): Uint8Array => utf8(text);
const range = (from: string, to = "", options: RangeOptions = {}): Uint8Array =>
  encodeRangeRequest(rangeRequest({ key: key(from), rangeEnd: key(to) }, options));
const put = (name: string, value = "", options: Partial<PutRequest> = {}): Uint8Array =>
  encodePutRequest(putRequest(key(name), key(value), options));
const remove = (from: string, to = "", prevKv = false): Uint8Array =>
  encodeDeleteRangeRequest({ key: key(from), rangeEnd: key(to), prevKv });

const opPut = (name: string, value = "", options: Partial<PutRequest> = {}): RequestOp => ({
  kind: "put",
  request: putRequest(key(name), key(value), options),
});
const opGet = (from: string, to = "", options: RangeOptions = {}): RequestOp => ({
  kind: "range",
  request: rangeRequest({ key: key(from), rangeEnd: key(to) }, options),
});
const opDelete = (from: string, to: Uint8Array = emptyBytes): RequestOp => ({
  kind: "deleteRange",
  request: { key: key(from), rangeEnd: to, prevKv: false },
});
const opTxn = (success: readonly RequestOp[], failure: readonly RequestOp[] = []): RequestOp => ({
  kind: "txn",
  request: { compare: [], success, failure },
});
const txn = (request: Partial<TxnRequest>): Uint8Array =>
  encodeTxnRequest({ compare: [], success: [], failure: [], ...request });
const isNew = (name: string): Compare => ({
  key: key(name),
  rangeEnd: emptyBytes,
  result: "equal",
  target: { kind: "create", revision: 0 },
});
const times = (count: number, op: RequestOp): RequestOp[] =>
  Array.from({ length: count }, () => op);
const compact = (revision: number): Uint8Array =>
  encoded((writer) => writer.fieldVarint(1, revision));

const rangeShape: Shape = {
  1: ["", "header"],
  2: ["kv", "kv"],
  3: ["more", "number"],
  4: ["count", "number"],
};
const putShape: Shape = { 1: ["", "header"], 2: ["prev", "kv"] };
const deleteShape: Shape = { 1: ["", "header"], 2: ["deleted", "number"], 3: ["prev", "kv"] };
const leafShape: Shape = {
  1: ["get", rangeShape],
  2: ["put", putShape],
  3: ["delete", deleteShape],
};
const innerShape: Shape = { 1: ["", "header"], 2: ["succeeded", "number"], 3: ["", leafShape] };
const txnShape: Shape = {
  1: ["", "header"],
  2: ["succeeded", "number"],
  3: ["", { ...leafShape, 4: ["txn", innerShape] }],
};

/** Runs one request and shows its response. */
async function run(method: string, request: Uint8Array): Promise<string> {
  const shapes: Readonly<Record<string, Shape>> = {
    Range: rangeShape,
    Put: putShape,
    DeleteRange: deleteShape,
    Txn: txnShape,
    Compact: { 1: ["", "header"] },
  };
  return show(
    await running.client.unary(`/etcdserverpb.KV/${method}`, request),
    shapes[method] as Shape,
  );
}

/** Requests that are refused for what they say, whatever the store holds; the answers are etcd 3.7.1's. */
// biome-ignore format: a table
const refused: readonly (readonly [string, string, Uint8Array, string])[] = [
  ["Range", "without a key", range(""), "3 etcdserver: key is not provided"],
  ["Range", "of an unknown order", encoded((w) => { w.fieldText(1, "a"); w.fieldVarint(5, 7); }), "3 etcdserver: invalid sort option"],
  ["Range", "by an unknown target", encoded((w) => { w.fieldText(1, "a"); w.fieldVarint(6, 9); }), "3 etcdserver: invalid sort option"],
  ["Range", "of the future", range("a", "", { revision: 999_999 }), "11 etcdserver: mvcc: required revision is a future revision"],
  ["Range", "of the future, local", range("a", "", { revision: 999_999, serializable: true }), "11 etcdserver: mvcc: required revision is a future revision"],
  ["Put", "without a key", put(""), "3 etcdserver: key is not provided"],
  ["Put", "that ignores a value", put("a", "1", { ignoreValue: true }), "3 etcdserver: value is provided"],
  ["Put", "that ignores a lease", put("a", "1", { ignoreLease: true, lease: 5n }), "3 etcdserver: lease is provided"],
  ["Put", "of the value of a missing key", put("none", "", { ignoreValue: true }), "3 etcdserver: key not found"],
  ["Put", "of the lease of a missing key", put("none", "1", { ignoreLease: true }), "3 etcdserver: key not found"],
  ["Put", "under a missing lease", put("a", "1", { lease: 555n }), "5 etcdserver: requested lease not found"],
  ["Put", "of 1.5 MiB", put("big", "x".repeat(1_572_864)), "3 etcdserver: request is too large"],
  ["Put", "beyond 2 MiB", put("big", "x".repeat(2_200_000)), "8 grpc: received message larger than max (2200010 vs. 2097152)"],
  ["DeleteRange", "without a key", remove(""), "3 etcdserver: key is not provided"],
  ["Txn", "with a comparison without a key", txn({ compare: [isNew("")] }), "3 etcdserver: key is not provided"],
  ["Txn", "with a range without a key", txn({ success: [opGet("")] }), "3 etcdserver: key is not provided"],
  ["Txn", "with a put without a key in the branch that will not run", txn({ failure: [opPut("")] }), "3 etcdserver: key is not provided"],
  ["Txn", "with a put without a key, nested", txn({ success: [opTxn([], [opTxn([opPut("")])])] }), "3 etcdserver: key is not provided"],
  ["Txn", "with an operation that is none", encoded((w) => w.fieldMessage(2, () => {})), "3 etcdserver: key not found"],
  ["Txn", "of 129 operations", txn({ failure: times(129, opGet("a")) }), "3 etcdserver: too many operations in txn request"],
  ["Txn", "of 129 comparisons", txn({ compare: Array.from({ length: 129 }, () => isNew("a")) }), "3 etcdserver: too many operations in txn request"],
  ["Txn", "of 1 + 128 operations, nested", txn({ success: [opTxn(times(128, opGet("a")))] }), "3 etcdserver: too many operations in txn request"],
  ["Txn", "that puts a key twice", txn({ success: [opPut("k"), opPut("k")] }), "3 etcdserver: duplicate key given in txn request"],
  ["Txn", "that puts a key twice where it will not run", txn({ failure: [opPut("k"), opPut("k")] }), "3 etcdserver: duplicate key given in txn request"],
  ["Txn", "that puts a key and deletes it", txn({ success: [opPut("k"), opDelete("k")] }), "3 etcdserver: duplicate key given in txn request"],
  ["Txn", "that puts a key and deletes its range", txn({ success: [opPut("k"), opDelete("a", key("z"))] }), "3 etcdserver: duplicate key given in txn request"],
  ["Txn", "whose nested ones put the same key", txn({ success: [opTxn([opPut("k")]), opTxn([opPut("k")])] }), "3 etcdserver: duplicate key given in txn request"],
  ["Txn", "whose nested ones put the same key on failure", txn({ success: [opTxn([], [opPut("k")]), opTxn([], [opPut("k")])] }), "3 etcdserver: duplicate key given in txn request"],
  ["Txn", "that puts a key of a nested put", txn({ success: [opTxn([opPut("k")]), opPut("k")] }), "3 etcdserver: duplicate key given in txn request"],
  ["Txn", "that puts a key of a nested deletion", txn({ success: [opTxn([opDelete("k")]), opPut("k")] }), "3 etcdserver: duplicate key given in txn request"],
  ["Txn", "that deletes the key of a nested put", txn({ success: [opDelete("k"), opTxn([opPut("k")])] }), "3 etcdserver: duplicate key given in txn request"],
  ["Txn", "that reads the future", txn({ success: [opGet("a", "", { revision: 999_999 })] }), "11 etcdserver: mvcc: required revision is a future revision"],
  ["Txn", "that writes and reads the future", txn({ success: [opPut("a"), opGet("a", "", { revision: 999_999 })] }), "11 etcdserver: mvcc: required revision is a future revision"],
  ["Txn", "under a missing lease", txn({ success: [opPut("a", "", { lease: 555n })] }), "5 etcdserver: requested lease not found"],
  ["Compact", "of the future", compact(999_999), "11 etcdserver: mvcc: required revision is a future revision"],
];

describe("KV refuses", () => {
  for (const [method, name, request, want] of refused) {
    it(`${method} ${name}`, async () => {
      equal(await running.client.status(`/etcdserverpb.KV/${method}`, request), want);
    });
  }

  it("what is not protobuf", async () => {
    const status = await running.client.status("/etcdserverpb.KV/Put", Uint8Array.of(0x0a, 0xff));
    equal(status.startsWith("13 grpc: error unmarshalling request: "), true, status);
  });

  it("and changes nothing by any of it", async () => {
    equal(await run("Range", range("\0", "\0")), "rev=1");
  });
});

/** One history; each row is a request and etcd's answer to it. Shown: key=value @create/mod/version. */
// biome-ignore format: a table
const history: readonly (readonly [string, Uint8Array, string])[] = [
  ["Put", put("a", "1"), "rev=2"],
  ["Put", put("a", "2", { prevKv: true }), "rev=3 prev(a=1 @2/2/1)"],
  ["Put", put("b", ""), "rev=4"],
  ["Put", put("a", "", { ignoreValue: true }), "rev=5"],
  ["Put", put("c", "3", { prevKv: true }), "rev=6"],
  ["Range", range("a"), "rev=6 kv(a=2 @2/5/3) count=1"],
  ["Range", range("a", "", { revision: 2, serializable: true }), "rev=6 kv(a=1 @2/2/1) count=1"],
  ["Range", range("a", "z"), "rev=6 kv(a=2 @2/5/3) kv(b= @4/4/1) kv(c=3 @6/6/1) count=3"],
  ["Range", range("b", "a"), "rev=6"],
  ["Range", range("a", "z", { limit: 1 }), "rev=6 kv(a=2 @2/5/3) more=1 count=3"],
  ["Range", range("a", "z", { countOnly: true, limit: 1 }), "rev=6 count=3"],
  ["Range", range("a", "z", { keysOnly: true, limit: -1 }), "rev=6 kv(a= @2/5/3) kv(b= @4/4/1) kv(c= @6/6/1) count=3"],
  ["Range", range("a", "z", { sortOrder: "descend", sortTarget: "mod", limit: 2 }), "rev=6 kv(c=3 @6/6/1) kv(a=2 @2/5/3) more=1 count=3"],
  ["DeleteRange", remove("zz"), "rev=6"],
  ["DeleteRange", remove("b", "", true), "rev=7 deleted=1 prev(b= @4/4/1)"],
  ["Txn", txn({}), "rev=7 succeeded=1"],
  ["Txn", txn({ compare: [isNew("a")], success: [opPut("a", "x")], failure: [opGet("a")] }), "rev=7 {get{rev=7 kv(a=2 @2/5/3) count=1}}"],
  ["Txn", txn({ success: [opDelete("q"), opDelete("q", key("r")), opPut("w", "1")] }), "rev=8 succeeded=1 {delete{rev=7}} {delete{rev=7}} {put{rev=8}}"],
  ["Txn", txn({ success: [opPut("a", "t", { prevKv: true }), opGet("a"), opDelete("w")] }), "rev=9 succeeded=1 {put{rev=9 prev(a=2 @2/5/3)}} {get{rev=9 kv(a=t @2/9/4) count=1}} {delete{rev=9 deleted=1}}"],
  ["Txn", txn({ success: [opTxn([opPut("n", "1")], [opPut("n", "2")])] }), "rev=10 succeeded=1 {txn{rev=0 succeeded=1 {put{rev=10}}}}"],
  ["Txn", txn({ success: [opTxn(times(127, opGet("none")))] }), `rev=10 succeeded=1 {txn{rev=0 succeeded=1 ${Array.from({ length: 127 }, () => "{get{rev=10}}").join(" ")}}}`],
  // etcd takes the open end of a deletion literally when it looks for duplicates, and lets this pass.
  ["Txn", txn({ success: [opPut("z", "1"), opDelete("n", openEnd)] }), "rev=11 succeeded=1 {put{rev=11}} {delete{rev=11 deleted=2}}"],
  ["Compact", compact(6), "rev=11"],
  ["Range", range("a", "", { revision: 6 }), "rev=11 kv(a=2 @2/5/3) count=1"],
];

describe("KV", () => {
  it("answers as etcd does, request after request", async () => {
    for (const [at, [method, request, want]] of history.entries()) {
      equal(await run(method, request), want, `step ${at}: ${method}`);
    }
    const status = (method: string, request: Uint8Array): Promise<string> =>
      running.client.status(`/etcdserverpb.KV/${method}`, request);
    const compacted = "11 etcdserver: mvcc: required revision has been compacted";
    equal(await status("Range", range("a", "", { revision: 5 })), compacted);
    equal(await status("Compact", compact(6)), compacted);
    equal(
      await status("Txn", txn({ success: [opPut("a"), opGet("a", "", { revision: 5 })] })),
      compacted,
    );
    equal(await run("Range", range("a")), "rev=11 kv(a=t @2/9/4) count=1");
  });

  it("puts the ids of cluster and member, and the term, in every header", async () => {
    const response = await running.client.unary("/etcdserverpb.KV/Range", range("a"));
    const length = response[1] as number;
    const header = headerOf(response.subarray(2, 2 + length));
    equal(header.clusterId, running.member.clusterId);
    equal(header.memberId, running.member.id);
    equal(header.term, 7);
  });

  it("follows nested transactions as deep as etcd, which takes 128 operations on the way", async () => {
    const leaf = encoded((op) => op.fieldMessage(1, (get) => get.fieldText(1, "a")));
    /** `depth` transactions in one another; the innermost holds `ops`. */
    const nested = (depth: number, ops: readonly Uint8Array[] = []): Uint8Array => {
      let inner = encoded((writer) => {
        for (const op of ops) writer.fieldBytesAlways(2, op);
      });
      for (let level = 1; level < depth; level++) {
        const within = inner;
        inner = encoded((outer) => outer.fieldMessage(2, (op) => op.fieldBytesAlways(4, within)));
      }
      return inner;
    };
    const tooMany = "3 etcdserver: too many operations in txn request";
    const tooDeep = "13 grpc: error unmarshalling request: proto: exceeded maximum recursion depth";
    for (const [depth, empty, withOne] of [
      [1, "ok", "ok"],
      [128, "ok", "ok"],
      [129, "ok", tooMany],
      [130, tooMany, tooMany],
      [4999, tooMany, tooMany],
      [5000, tooMany, tooDeep],
      [5001, tooDeep, tooDeep],
    ] as const) {
      const status = (request: Uint8Array): Promise<string> =>
        running.client.status("/etcdserverpb.KV/Txn", request);
      equal(await status(nested(depth)), empty, `${depth}, the innermost empty`);
      equal(await status(nested(depth, [leaf])), withOne, `${depth}, the innermost with a range`);
    }
  });

  it("serves large values and wide ranges", async () => {
    for (let at = 0; at < 8; at++) await run("Put", put(`large/${at}`, "x".repeat(1_000_000)));
    const response = await running.client.unary(
      "/etcdserverpb.KV/Range",
      range("large/", "large0"),
    );
    equal(response.length > 8_000_000, true);
  });
});
