import { deepEqual, equal } from "node:assert/strict";
import { describe, it } from "node:test";
import { Prng } from "@flotilla/base";
import type { Message, Persist, SnapshotMeta } from "@flotilla/consensus";
import { PersistQueue } from "../src/persist-queue.ts";

const batchOf = (sequence: number, snapshot?: SnapshotMeta): Persist => ({
  token: { sequence, term: 1, lastIndex: sequence, lastTerm: 1 },
  hardState: undefined,
  entries: [],
  snapshot,
  mustSync: true,
});
const messageOf = (term: number): Message => ({
  kind: "voteResponse",
  from: "a",
  to: "b",
  term,
  granted: true,
});
const settled = () => new Promise((resolve) => setImmediate(resolve));

function scene() {
  const events: string[] = [];
  const writes = new Map<number, { resolve(): void; reject(error: Error): void }>();
  const queue = new PersistQueue({
    append: ({ token }) =>
      new Promise((resolve, reject) => writes.set(token.sequence, { resolve, reject })),
    install: async ({ index }) => {
      events.push(`install ${index}`);
      await settled();
    },
    onPersisted: ({ token }) => events.push(`persisted ${token.sequence}`),
    send: ({ term }) => events.push(`send ${term}`),
    onFailure: (error) => events.push(`failed ${(error as Error).message}`),
  });
  return { queue, events, writes };
}

describe("PersistQueue", () => {
  it("sends at once when nothing is on its way", () => {
    const { queue, events } = scene();
    queue.add(undefined, [messageOf(1)]);
    deepEqual(events, ["send 1"]);
  });

  it("holds every message back until its batch and all before it are durable (200 seeds)", async () => {
    for (let seed = 0; seed < 200; seed++) {
      const prng = new Prng(seed);
      const { queue, events, writes } = scene();
      const want: string[] = [];
      for (let at = 1; at <= 6; at++) {
        const isBatch = at === 1 || prng.chance(0.7);
        if (isBatch) want.push(`persisted ${at}`);
        want.push(`send ${at}`);
        queue.add(isBatch ? batchOf(at) : undefined, [messageOf(at)]);
      }
      // A log that completes out of order must not matter.
      const order = [...writes.keys()].sort(() => prng.below(3) - 1);
      for (const sequence of order) {
        deepEqual(events, want.slice(0, events.length), `seed=${seed}`);
        writes.get(sequence)?.resolve();
        if (prng.chance(0.5)) await settled();
      }
      await queue.idle();
      deepEqual(events, want, `seed=${seed}`);
    }
  });

  it("installs a snapshot after it is in the log and before its batch counts", async () => {
    const { queue, events, writes } = scene();
    const configuration = { voters: [], learners: [], outgoing: [] };
    queue.add(batchOf(1, { index: 9, term: 1, configuration }), [messageOf(1)]);
    queue.add(batchOf(2), [messageOf(2)]);
    writes.get(2)?.resolve();
    await settled();
    deepEqual(events, []);
    writes.get(1)?.resolve();
    await queue.idle();
    deepEqual(events, ["install 9", "persisted 1", "send 1", "persisted 2", "send 2"]);
  });

  it("promises nothing after a failed write", async () => {
    const { queue, events, writes } = scene();
    queue.add(batchOf(1), [messageOf(1)]);
    writes.get(1)?.reject(new Error("disk"));
    await queue.idle();
    deepEqual(events, ["failed disk"]);
    equal(writes.size, 1);
  });
});
