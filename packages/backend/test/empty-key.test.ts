import { deepEqual, equal } from "node:assert/strict";
import { it } from "node:test";
import { emptyBytes } from "@flotilla/base";
import { type Compare, createStore, getRequest, type TxnRequest } from "@flotilla/store";
import { createMemoryBackend, openLmdbBackend } from "../src/index.ts";
import { openIn } from "./fixtures.ts";

/** The API refuses it; but a log may hold anything, and what ends one member would end them all. */
const compare: Compare = {
  key: emptyBytes,
  rangeEnd: emptyBytes,
  result: "equal",
  target: { kind: "version", version: 0 },
};
const request: TxnRequest = {
  compare: [compare],
  success: [{ kind: "range", request: getRequest(emptyBytes) }],
  failure: [],
};
const proposal = {
  session: 1n,
  openedAt: 0,
  sequence: 1,
  settledBelow: 0,
  onlyInTerm: 0,
  command: { kind: "txn", request },
} as const;

it("a transaction that names the empty key finds nothing there, in memory as in LMDB", (context) => {
  const lmdb = openIn(context, (directory) => openLmdbBackend({ directory }));
  for (const backend of [createMemoryBackend(), lmdb]) {
    const [result] = createStore(backend).apply([{ index: 1, term: 1, proposal }]);
    equal(result?.kind === "txn" && result.succeeded, true);
    deepEqual(
      result?.kind === "txn" && result.responses.map((each) => "count" in each && each.count),
      [0],
    );
  }
});
