import { deepEqual } from "node:assert/strict";
import { describe, it } from "node:test";
import type { Engine } from "@flotilla/consensus";
import type { DurableBackend, Store } from "@flotilla/store";
import type { Wal } from "@flotilla/wal";
import { Compactor } from "../src/compactor.ts";
import { compactBytes } from "../src/limits.ts";

/** Notes what happens, in order; every 100 entries, of which 30 are kept. */
function scene() {
  const log: string[] = [];
  const store = { appliedIndex: 0, appliedTerm: 1 };
  const engine = {
    status: () => ({ configuration: { voters: [], learners: [], outgoing: [] } }),
    compact: (index: number) => log.push(`compact ${index}`),
  } as unknown as Engine;
  const wal = {
    append: async ({ snapshot }) => void log.push(`note ${snapshot?.index}`),
    release: async (index) => void log.push(`release ${index}`),
  } as Partial<Wal> as Wal;
  const backend = { sync: async () => void log.push("sync") } as Partial<DurableBackend> as DurableBackend;
  const onFailure = (error: unknown): void => void log.push(String(error));
  const input = (give: (engine: Engine) => void): void => give(engine);
  const compactor = new Compactor(
    { engine, wal, backend, store: store as Store, input, onFailure },
    { everyEntries: 100, catchUpEntries: 30, lastIndex: 0 },
  );
  const apply = async (index: number, bytes: number) => {
    store.appliedIndex = index;
    compactor.applied(index, bytes);
    await compactor.idle();
    return log.splice(0);
  };
  return { apply };
}

describe("Compactor", () => {
  it("makes the store durable, notes that, and only then drops anything", async () => {
    const { apply } = scene();
    deepEqual(await apply(99, 1000), []);
    deepEqual(await apply(100, 1000), ["sync", "note 100", "compact 70", "release 100"]);
    deepEqual(await apply(199, 1000), []);
    deepEqual(await apply(200, 1000), ["sync", "note 200", "compact 170", "release 200"]);
  });

  it("does not wait for many entries when they are large, nor keeps many", async () => {
    const { apply } = scene();
    const half = compactBytes / 2;
    deepEqual(await apply(5, half), []);
    deepEqual(await apply(10, half), ["sync", "note 10", "compact 0", "release 10"]);
    deepEqual(await apply(15, half), []);
    deepEqual(await apply(20, half), ["sync", "note 20", "compact 10", "release 20"]);
    deepEqual(await apply(119, 0), []);
    deepEqual(await apply(120, 0), ["sync", "note 120", "compact 90", "release 120"]);
  });
});
