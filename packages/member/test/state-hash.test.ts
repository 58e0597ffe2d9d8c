import { deepEqual, equal } from "node:assert/strict";
import { describe, it } from "node:test";
import { utf8 } from "@flotilla/base";
import type { HashCursor, HashSlice, StoreReader } from "@flotilla/store";
import type { StateHash } from "../src/contract.ts";
import { hashesMax } from "../src/limits.ts";
import {
  decodeHashAnswer,
  decodeHashQuestion,
  encodeHashAnswer,
  encodeHashQuestion,
  StateHasher,
} from "../src/state-hash.ts";

const nextTurn = (): Promise<void> => Promise.resolve();

/** A store of which only hashes are asked; `closed` counts cursors that were let go. */
function storeOf(slices: readonly HashSlice[]): { store: StoreReader; closed: number } {
  const fake = { store: {} as StoreReader, closed: 0 };
  const hashCursor = (): HashCursor => {
    let at = 0;
    return { next: () => slices[at++] as HashSlice, close: () => void fake.closed++ };
  };
  fake.store = { revision: 9, hashCursor } as unknown as StoreReader;
  return fake;
}

describe("the question for a hash", () => {
  it("is told apart from other calls", () => {
    for (const revision of [0, 1, 2 ** 40]) {
      equal(decodeHashQuestion(encodeHashQuestion(revision)), revision);
    }
    for (const other of [utf8(""), Uint8Array.of(8, 1), Uint8Array.of(0xaa), Uint8Array.of(0x82)]) {
      equal(decodeHashQuestion(other), undefined);
    }
  });

  it("is answered in every kind", () => {
    const hash = { hash: 0xffff_ffff, compactRevision: -1, revision: 5, storeRevision: 7 };
    const answers: readonly StateHash[] = [
      { kind: "hash", ...hash },
      { kind: "hash", ...hash, compactRevision: 3 },
      { kind: "compacted", storeRevision: 7 },
      { kind: "futureRevision", storeRevision: 1 },
      { kind: "busy" },
    ];
    for (const answer of answers) deepEqual(decodeHashAnswer(encodeHashAnswer(answer)), answer);
    equal(decodeHashAnswer(new Uint8Array(0)).kind, "unreachable");
    equal(decodeHashAnswer(Uint8Array.of(8)).kind, "unreachable");
  });
});

describe("the hash of a store", () => {
  const result = { kind: "hash", hash: 1, compactRevision: 2, revision: 3 } as const;

  it("is made in slices and lets the cursor go", async () => {
    const fake = storeOf([{ kind: "unfinished" }, { kind: "unfinished" }, result]);
    const hasher = new StateHasher(fake.store, nextTurn);
    deepEqual(await hasher.hash(3), { ...result, storeRevision: 9 });
    equal(fake.closed, 1);
  });

  it("lets the cursor go when it is given up, or refused", async () => {
    const fake = storeOf([{ kind: "refused", error: "compacted" }]);
    const hasher = new StateHasher(fake.store, nextTurn);
    deepEqual(await hasher.hash(3), { kind: "compacted", storeRevision: 9 });
    const error = await hasher.hash(3, AbortSignal.abort()).catch((reason: Error) => reason);
    equal((error as Error).name, "AbortError");
    equal(fake.closed, 2);
  });

  it("is made for few at a time", async () => {
    const fake = storeOf([{ kind: "unfinished" }, result]);
    const hasher = new StateHasher(fake.store, nextTurn);
    const kinds = await Promise.all(
      Array.from({ length: hashesMax + 1 }, async () => (await hasher.hash(3)).kind),
    );
    deepEqual(kinds, [...Array(hashesMax).fill("hash"), "busy"]);
    equal((await hasher.hash(3)).kind, "hash");
  });
});
