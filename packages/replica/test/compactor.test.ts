import { deepEqual } from "node:assert/strict";
import { describe, it } from "node:test";
import type { Configuration, Engine } from "@flotilla/consensus";
import type { Store } from "@flotilla/store";
import type { Wal } from "@flotilla/wal";
import { Compactor } from "../src/compactor.ts";
import type { StateStorage } from "../src/contract.ts";
import { compactBytes } from "../src/limits.ts";

const founded: Configuration = { voters: [{ id: "a", votes: 1 }], learners: [], outgoing: [] };

/** Notes what happens, in order; every 100 entries, of which 30 are kept. */
function scene() {
  const log: string[] = [];
  const steps: ((error: unknown) => void)[] = [];
  const given = {
    sentIndex: Number.POSITIVE_INFINITY,
    configuration: founded,
    store: { appliedIndex: 0, appliedTerm: 1 },
  };
  const step = (name: string, done: (error: undefined) => void) => {
    log.push(name);
    steps.push(done as (error: unknown) => void);
  };
  const engine = { compact: (index: number) => log.push(`compact ${index}`) };
  const wal = {
    append: ({ snapshot }, done) => step(`note ${snapshot?.index}`, done),
    release: (index, done) => step(`release ${index}`, done),
  } as Partial<Wal> as Wal;
  const state = {
    store: given.store as Store,
    checkpoint: (done) => step("checkpoint", done),
  } as Partial<StateStorage> as StateStorage;
  const compactor = new Compactor(
    {
      wal,
      state,
      configuration: () => given.configuration,
      sentIndex: () => given.sentIndex,
      input: (give) => give(engine as unknown as Engine),
      onFailure: (error) => void log.push(String(error)),
    },
    { everyEntries: 100, catchUpEntries: 30, lastIndex: 0 },
  );
  const begin = (index: number, bytes = 0) => {
    given.store.appliedIndex = index;
    compactor.applied(index, bytes);
  };
  /** Ends the oldest step that is under way. */
  const end = (error?: Error) => steps.shift()?.(error);
  const apply = (index: number, bytes: number) => {
    begin(index, bytes);
    while (steps.length > 0) end();
    return log.splice(0);
  };
  return { compactor, given, log, begin, end, apply };
}

describe("Compactor", () => {
  it("makes the store durable, notes that, and only then drops anything", () => {
    const { apply } = scene();
    deepEqual(apply(99, 1000), []);
    deepEqual(apply(100, 1000), ["checkpoint", "note 100", "compact 70", "release 100"]);
    deepEqual(apply(199, 1000), []);
    deepEqual(apply(200, 1000), ["checkpoint", "note 200", "compact 170", "release 200"]);
  });

  it("does not wait for many entries when they are large, nor keeps many", () => {
    const { apply } = scene();
    const half = compactBytes / 2;
    deepEqual(apply(5, half), []);
    deepEqual(apply(10, half), ["checkpoint", "note 10", "compact 0", "release 10"]);
    deepEqual(apply(15, half), []);
    deepEqual(apply(20, half), ["checkpoint", "note 20", "compact 10", "release 20"]);
    deepEqual(apply(119, 0), []);
    deepEqual(apply(120, 0), ["checkpoint", "note 120", "compact 90", "release 120"]);
  });

  it("goes on one at a time, and names the store as it was at the beginning", () => {
    const { begin, end, log, compactor } = scene();
    begin(100);
    begin(250);
    let isIdle = false;
    compactor.idle(() => {
      isIdle = true;
    });
    end();
    deepEqual(log, ["checkpoint", "note 100"]);
    end();
    end();
    deepEqual([log.at(-1), isIdle], ["release 100", true]);
  });

  it("drops nothing after a failure", () => {
    const { begin, end, log } = scene();
    begin(100);
    end(new Error("disk"));
    deepEqual(log, ["checkpoint", "Error: disk"]);
  });

  it("keeps what comes after a snapshot that is on its way, up to a limit (trap T31)", () => {
    const { apply, given } = scene();
    given.sentIndex = 40;
    deepEqual(apply(100, compactBytes).at(2), "compact 40");
    deepEqual(apply(200, 3 * compactBytes).at(2), "compact 40");
    deepEqual(apply(300, compactBytes).at(2), "compact 270", "too much memory");
    given.sentIndex = 290;
    deepEqual(apply(400, compactBytes).at(2), "compact 290");
  });

  it("waits until it knows who takes part: a log cannot begin otherwise", () => {
    const { apply, given } = scene();
    given.configuration = { voters: [], learners: [], outgoing: [] };
    deepEqual(apply(500, 0), []);
    given.configuration = founded;
    deepEqual(apply(501, 0).length, 4);
  });
});
