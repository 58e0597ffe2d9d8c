import { deepEqual, throws } from "node:assert/strict";
import { describe, it } from "node:test";
import { WireError, WireReader } from "@flotilla/base";
import { decodeSnapshotMeta, encodeSnapshotMeta } from "../src/snapshot-record.ts";
import { configuration } from "./fixtures.ts";

const blank = { voters: [], learners: [], outgoing: [] };
const later = { index: 3, term: 2, configuration };

describe("the snapshot record", () => {
  it("gives back what was written", () => {
    deepEqual(decodeSnapshotMeta(encodeSnapshotMeta(later)), later);
  });

  it("may name nobody at index 0, with or without an epoch, and nowhere else", () => {
    for (const names of [blank, { ...blank, epoch: 3 }]) {
      const start = { index: 0, term: 0, configuration: names };
      deepEqual(decodeSnapshotMeta(encodeSnapshotMeta(start)), start);
      throws(() => decodeSnapshotMeta(encodeSnapshotMeta({ ...start, index: 1 })), WireError);
    }
  });

  it("shows etcd's tools the servers whose ids they can read", () => {
    const reader = new WireReader(encodeSnapshotMeta(later));
    while (reader.next() && reader.field !== 3) reader.skip();
    const voters: string[] = [];
    const learners: string[] = [];
    const body = reader.message();
    while (body.next()) {
      const id = body.varint64().toString(16);
      if (body.field === 1) voters.push(id);
      else if (body.field === 2) learners.push(id);
    }
    deepEqual([voters, learners], [["a1", "b2"], ["c3"]]);
  });

  it("refuses one without a configuration, as etcd writes it", () => {
    throws(() => decodeSnapshotMeta(encodeSnapshotMeta(later).subarray(0, 4)), WireError);
  });
});
