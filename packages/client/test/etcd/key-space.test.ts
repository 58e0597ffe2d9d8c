import { deepEqual, equal } from "node:assert/strict";
import { describe, it } from "node:test";
import { textOf, utf8 } from "@flotilla/base";
import type { KeyRange, KeyValue, TxnResult } from "@flotilla/store";
import { KeySpace } from "../../src/etcd/key-space.ts";
import { rangeOf } from "../../src/etcd/keys.ts";
import { compare, op } from "../../src/etcd/operations.ts";

const shown = ({ key, rangeEnd }: KeyRange): string =>
  `${JSON.stringify(textOf(key))} to ${JSON.stringify(textOf(rangeEnd))}`;

const kvOf = (key: string): KeyValue => ({
  key: utf8(key),
  value: utf8("v"),
  createRevision: 1,
  modRevision: 1,
  version: 1,
  lease: 0n,
});

describe("KeySpace", () => {
  const space = new KeySpace(utf8("app/"));
  // biome-ignore format: a table
  const cases = [
    ["one key",                 "k",                      '"app/k" to ""'],
    ["a prefix",                { prefix: "k" },          '"app/k" to "app/l"'],
    ["everything",              { prefix: "" },           '"app/\\u0000" to "app0"'],
    ["all from a key on",       { from: "k" },            '"app/k" to "app0"'],
    ["a range",                 { from: "a", to: "c" },   '"app/a" to "app/c"'],
    ["a range from the start",  { from: "", to: "c" },    '"app/\\u0000" to "app/c"'],
    ["no key, to be refused",   "",                       '"" to ""'],
  ] as const;
  for (const [name, keys, want] of cases) {
    it(`puts ${name} under its prefix`, () => equal(shown(space.into(rangeOf(keys))), want));
  }

  it("ends at the end of all keys when the prefix has no end of its own", () => {
    const last = new KeySpace(Uint8Array.of(0xff));
    deepEqual([...last.into(rangeOf({ prefix: "" })).rangeEnd], [0]);
  });

  it("nests", () => equal(textOf(space.within(utf8("a/")).key(utf8("k"))), "app/a/k"));

  it("reaches comparisons and operations of nested transactions", () => {
    const inner = { compare: [compare.exists("c")], success: [op.put("p", "v")], failure: [] };
    const outer = { compare: [], success: [op.txn(inner)], failure: [op.delete({ prefix: "d" })] };
    const { success, failure } = space.intoTxn(outer);
    const [nested] = success;
    const txn = nested?.kind === "txn" ? nested.request : undefined;
    equal(txn?.compare[0] && shown(txn.compare[0]), '"app/c" to ""');
    const [put] = txn?.success ?? [];
    equal(put?.kind === "put" && textOf(put.request.key), "app/p");
    const [gone] = failure;
    equal(gone?.kind === "deleteRange" && shown(gone.request), '"app/d" to "app/e"');
  });

  it("takes its prefix out of every result", () => {
    const range = {
      kind: "range",
      kvs: [kvOf("app/a")],
      more: false,
      count: 1,
      revision: 1,
    } as const;
    const put = { kind: "put", revision: 1, previous: kvOf("app/b") } as const;
    const gone = {
      kind: "deleteRange",
      revision: 1,
      deleted: 1,
      previous: [kvOf("app/c")],
    } as const;
    const inner = { kind: "txn", revision: 1, succeeded: true, responses: [gone] } as const;
    const result: TxnResult = {
      kind: "txn",
      revision: 1,
      succeeded: true,
      responses: [range, put, inner],
    };
    const [first, second, third] = space.outOfResult(result).responses;
    const nested = third?.kind === "txn" ? third.responses[0] : undefined;
    const keys = [
      first?.kind === "range" ? first.kvs[0] : undefined,
      second?.kind === "put" ? second.previous : undefined,
      nested?.kind === "deleteRange" ? nested.previous[0] : undefined,
    ];
    deepEqual(
      keys.map((kv) => kv && textOf(kv.key)),
      ["a", "b", "c"],
    );
  });
});
