import { deepEqual, equal, ok } from "node:assert/strict";
import { describe, it } from "node:test";
import { Prng, utf8 } from "@flotilla/base";
import { getRequest, putRequest, type Store } from "@flotilla/store";
import { comparedEntries, SimulatedState } from "../../src/state/simulated-state.ts";
import { World } from "../../src/world/world.ts";

/** A state whose operations end when the world runs. */
function makeState(seed: number, onApplied: (store: Store) => void = () => {}) {
  const world = new World(seed);
  const state = new SimulatedState(
    {
      world,
      random: new Prng(seed),
      speed: { latencyMinMs: 1, latencyMaxMs: 2, pieceBytes: 10 },
      limits: {},
      onApplied,
      onReplaced() {},
    },
    (completion) => completion.finish(),
  );
  const run = (): void => world.run(world.nowMs + 1_000, () => false);
  return { state, run };
}

function put(store: Store, index: number, value: string): void {
  const command = { kind: "put", request: putRequest(utf8("key"), utf8(value)) } as const;
  const proposal = {
    session: 1n,
    openedAt: 0,
    sequence: index,
    settledBelow: 1,
    onlyInTerm: 0,
    command,
  };
  store.apply([{ index, term: 1, proposal }]);
}

function textAt(store: Store): string {
  const result = store.range(getRequest(utf8("key")));
  if (result.kind !== "range") return result.error;
  return result.kvs.map(({ value }) => String.fromCharCode(...value)).join();
}

/** Copies the state of `from` to `to`, as a snapshot of entry `index`. */
function transfer(
  from: ReturnType<typeof makeState>,
  to: ReturnType<typeof makeState>,
  index: number,
): { pieces: number } {
  const source = from.state.read();
  const sink = to.state.receive({ index, term: 1 });
  let pieces = 0;
  let isDone = false;
  const next = (): void =>
    source.next((_, piece) => {
      if (piece === undefined) {
        sink.finish(() => {
          isDone = true;
        });
        return;
      }
      pieces++;
      ok(piece.length <= 10);
      sink.write(piece, next);
    });
  next();
  for (let turn = 0; turn < 100 && !isDone; turn++) {
    from.run();
    to.run();
  }
  ok(isDone);
  return { pieces };
}

describe("SimulatedState", () => {
  it("goes back to the last checkpoint that was done (30 seeds)", () => {
    for (let seed = 0; seed < 30; seed++) {
      const { state, run } = makeState(seed);
      const store = state.open();
      put(store, 1, "one");
      let isDone = false;
      state.checkpoint((error) => {
        equal(error, undefined);
        isDone = true;
      });
      put(store, 2, "two");
      run();
      ok(isDone);
      put(store, 3, "three");
      state.crash();
      const again = state.open();
      equal(textAt(again), "one", `seed=${seed}`);
      equal(again.appliedIndex, 1);
    }
  });

  it("may keep a checkpoint that was under way, and never calls back after a crash", () => {
    const found = new Set<string>();
    for (let seed = 0; seed < 30; seed++) {
      const { state, run } = makeState(seed);
      put(state.open(), 1, "one");
      let isDone = false;
      state.checkpoint(() => {
        isDone = true;
      });
      state.crash();
      run();
      equal(isDone, false);
      found.add(textAt(state.open()));
    }
    deepEqual([...found].sort(), ["", "one"]);
  });

  it("may be as new as it was when only the process died", () => {
    const found = new Set<string>();
    for (let seed = 0; seed < 30; seed++) {
      const { state } = makeState(seed);
      put(state.open(), 1, "one");
      state.abandon();
      found.add(textAt(state.open()));
    }
    deepEqual([...found].sort(), ["", "one"]);
  });

  it("does not get back what was lost with the power, when a process dies that has not opened it", () => {
    for (let seed = 0; seed < 30; seed++) {
      const { state } = makeState(seed);
      put(state.open(), 1, "one");
      state.replace();
      state.abandon();
      equal(textAt(state.open()), "", `seed=${seed}`);
    }
  });

  it("stops at the same entries on all servers, however many are applied at once", () => {
    const stops: number[] = [];
    const { state } = makeState(1, ({ appliedIndex }) => stops.push(appliedIndex));
    const store = state.open();
    const entries = Array.from({ length: 70 }, (_, at) => ({
      index: at + 1,
      term: 1,
      proposal: undefined,
    }));
    store.apply(entries.slice(0, 10));
    store.apply(entries.slice(10));
    deepEqual(stops, [10, comparedEntries, 2 * comparedEntries, 70]);
  });

  it("says how long the pieces of a snapshot take at most", () => {
    const from = makeState(1);
    const to = makeState(2);
    to.state.open();
    put(from.state.open(), 1, "a value that makes it longer");
    const { snapshotMs } = from.state;
    equal(snapshotMs, 2 * transfer(from, to, 1).pieces);
    ok(snapshotMs > to.state.snapshotMs);
  });

  it("gives a snapshot out in pieces, of the moment when it was asked for, and takes it in", () => {
    const from = makeState(1);
    const to = makeState(2);
    put(from.state.open(), 1, "sent");
    to.state.open();
    const { pieces } = transfer(from, to, 1);
    ok(pieces > 3);
    equal(textAt(to.state.store), "", "not before it is installed");
    let isDone = false;
    to.state.install({ index: 1, term: 1 }, () => {
      isDone = true;
    });
    to.run();
    ok(isDone);
    equal(textAt(to.state.store), "sent");
    to.state.crash();
    equal(textAt(to.state.open()), "sent", "an installed snapshot is durable");
  });

  it("finds a snapshot that was received whole after a crash, and no other", () => {
    const from = makeState(1);
    const to = makeState(2);
    put(from.state.open(), 1, "sent");
    to.state.open();
    transfer(from, to, 1);
    const half = to.state.receive({ index: 2, term: 1 });
    half.write(new Uint8Array(3), () => {});
    to.state.crash();
    to.state.open();
    equal(to.state.restore({ index: 2, term: 1 }), false);
    equal(to.state.restore({ index: 1, term: 1 }), true);
    equal(textAt(to.state.store), "sent");
  });

  it("takes a snapshot without bytes for an empty state: that of a witness", () => {
    const { state, run } = makeState(1);
    put(state.open(), 1, "gone");
    state.receive({ index: 9, term: 3 }).finish(() => {});
    run();
    state.install({ index: 9, term: 3 }, () => {});
    run();
    equal(textAt(state.store), "");
    deepEqual([state.store.appliedIndex, state.store.appliedTerm], [9, 3]);
  });
});
