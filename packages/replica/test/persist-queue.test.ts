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
const snapshot: SnapshotMeta = {
  index: 9,
  term: 1,
  configuration: { voters: [], learners: [], outgoing: [] },
};

function scene() {
  const events: string[] = [];
  const writes = new Map<number, (error?: Error) => void>();
  const installs: ((error?: Error) => void)[] = [];
  const queue = new PersistQueue({
    append: ({ token }, done) => void writes.set(token.sequence, done),
    install: ({ index }, done) => {
      events.push(`install ${index}`);
      installs.push(done);
    },
    onPersisted: ({ token }) => events.push(`persisted ${token.sequence}`),
    send: ({ term }) => events.push(`send ${term}`),
    onFailure: (error) => events.push(`failed ${(error as Error).message}`),
  });
  return { queue, events, writes, installs };
}

describe("PersistQueue", () => {
  it("sends at once when nothing is on its way", () => {
    const { queue, events } = scene();
    queue.add(undefined, [messageOf(1)]);
    deepEqual(events, ["send 1"]);
  });

  it("holds every message back until its batch and all before it are durable (T4, 200 seeds)", () => {
    for (let seed = 0; seed < 200; seed++) {
      const prng = new Prng(seed);
      const { queue, events, writes } = scene();
      const want: string[] = [];
      const isDone = new Set<number>();
      for (let at = 1; at <= 6; at++) {
        const isBatch = at === 1 || prng.chance(0.7);
        if (isBatch) want.push(`persisted ${at}`);
        want.push(`send ${at}`);
        queue.add(isBatch ? batchOf(at) : undefined, [messageOf(at)]);
      }
      // A log that completes out of order must not matter.
      for (const sequence of [...writes.keys()].sort(() => prng.below(3) - 1)) {
        writes.get(sequence)?.();
        isDone.add(sequence);
        const firstOpen = [...writes.keys()].find((write) => !isDone.has(write));
        const end = want.indexOf(`persisted ${firstOpen}`);
        deepEqual(events, end === -1 ? want : want.slice(0, end), `seed=${seed}`);
      }
    }
  });

  it("installs a snapshot after it is in the log and before its batch counts", () => {
    const { queue, events, writes, installs } = scene();
    queue.add(batchOf(1, snapshot), [messageOf(1)]);
    queue.add(batchOf(2), [messageOf(2)]);
    let isIdle = false;
    queue.idle(() => {
      isIdle = true;
    });
    writes.get(2)?.();
    deepEqual(events, []);
    writes.get(1)?.();
    deepEqual([events, queue.hasSnapshot, isIdle], [["install 9"], true, false]);
    installs[0]?.();
    deepEqual(events, ["install 9", "persisted 1", "send 1", "persisted 2", "send 2"]);
    deepEqual([queue.hasSnapshot, isIdle], [false, true]);
  });

  it("promises nothing after a failed write, and fails once", () => {
    const { queue, events, writes } = scene();
    queue.add(batchOf(1), [messageOf(1)]);
    queue.add(batchOf(2), [messageOf(2)]);
    writes.get(1)?.(new Error("disk"));
    queue.add(undefined, [messageOf(3)]);
    writes.get(2)?.(new Error("disk"));
    deepEqual(events, ["failed disk"]);
    let isIdle = false;
    queue.idle(() => {
      isIdle = true;
    });
    equal(isIdle, true, "nothing is under way");
  });

  it("promises nothing after a failed installation, nor when a write fails during one", () => {
    for (const failing of ["install", "write"]) {
      const { queue, events, writes, installs } = scene();
      queue.add(batchOf(1, snapshot), [messageOf(1)]);
      queue.add(batchOf(2), [messageOf(2)]);
      writes.get(1)?.();
      writes.get(2)?.(failing === "write" ? new Error("disk") : undefined);
      installs[0]?.(failing === "install" ? new Error("disk") : undefined);
      deepEqual(events, ["install 9", "failed disk"], failing);
    }
  });
});
