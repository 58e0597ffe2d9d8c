import { deepEqual, equal, notDeepEqual, notEqual } from "node:assert/strict";
import { describe, it } from "node:test";
import { createStore, type Watcher, type WatchRequest } from "../src/index.ts";
import { Bench, b, everything, op, showBatch } from "./fixtures.ts";

interface Watch {
  readonly watcher: Watcher;
  wakes: number;
}

function watch(bench: Bench, options: Partial<WatchRequest> = {}): Watch {
  const request: WatchRequest = {
    ...everything,
    startRevision: 0,
    prevKv: false,
    noPut: false,
    noDelete: false,
    ...options,
  };
  const watched: Watch = { wakes: 0, watcher: bench.store.watch(request, () => watched.wakes++) };
  return watched;
}

function takeAll({ watcher }: Watch, bytesMax = 1_000_000): string {
  const batches: string[] = [];
  for (let batch = watcher.take(bytesMax); batch !== undefined; batch = watcher.take(bytesMax)) {
    batches.push(showBatch(batch));
  }
  return batches.join(" / ");
}

const single = (key: string) => ({ key: b(key), rangeEnd: b("") });

/** Keeps nothing in memory: every event comes from the history. */
const fromHistory = { recentEvents: 0 };

describe("watch: where it begins", () => {
  for (const [name, limits] of [
    ["memory", {}],
    ["history", fromHistory],
  ] as const) {
    it(`gives what comes from now on, from ${name}`, () => {
      const bench = new Bench(limits);
      bench.put("a", "1");
      const watched = watch(bench);
      equal(takeAll(watched), "");
      bench.put("a", "2");
      bench.delete("a");
      equal(takeAll(watched), "put a=2 @3, delete a @4 | 4");
      equal(watched.watcher.synced, true);
    });

    it(`gives what was, from ${name}`, () => {
      const bench = new Bench(limits);
      bench.put("a", "1");
      bench.put("b", "2");
      bench.delete("a");
      equal(takeAll(watch(bench, { startRevision: 3 })), "put b=2 @3, delete a @4 | 4");
      equal(
        takeAll(watch(bench, { startRevision: 1, ...single("a") })),
        "put a=1 @2, delete a @4 | 4",
      );
    });

    it(`waits for a revision that is to come, from ${name}`, () => {
      const bench = new Bench(limits);
      const watched = watch(bench, { startRevision: 4 });
      bench.put("a", "1");
      bench.put("a", "2");
      equal(`${watched.wakes} ${watched.watcher.synced} ${takeAll(watched)}`, "0 true ");
      bench.put("a", "3");
      equal(`${watched.wakes} ${takeAll(watched)}`, "1 put a=3 @4 | 4");
    });

    it(`gives previous values when asked, from ${name}`, () => {
      const bench = new Bench(limits);
      bench.put("a", "1");
      bench.put("a", "2");
      bench.delete("a");
      bench.put("a", "3");
      const want = "put a=1 @2, put a=2 @3 (1), delete a @4 (2), put a=3 @5 | 5";
      equal(takeAll(watch(bench, { startRevision: 2, prevKv: true })), want);
      equal(takeAll(watch(bench, { startRevision: 2 })), want.replace(/ \(.\)/g, ""));
    });

    it(`leaves out puts or deletes, from ${name}`, () => {
      const bench = new Bench(limits);
      const [noPut, noDelete] = [watch(bench, { noPut: true }), watch(bench, { noDelete: true })];
      bench.put("a", "1");
      equal(`${noPut.wakes} ${noDelete.wakes}`, "0 1");
      bench.delete("a");
      bench.put("b", "2");
      equal(takeAll(noPut), "delete a @3 | 4");
      equal(takeAll(noDelete), "put a=1 @2, put b=2 @4 | 4");
    });

    it(`never cuts a revision in two, from ${name}`, () => {
      const bench = new Bench(limits);
      bench.txn({ success: [op.put("a", "1"), op.put("b", "1"), op.put("c", "1")] });
      bench.put("a", "2");
      const watched = watch(bench, { startRevision: 1 });
      equal(takeAll(watched, 1), "put a=1 @2, put b=1 @2, put c=1 @2 | 2 / put a=2 @3 | 3");
    });
  }

  it("is told about the compact revision when it begins before it, and is over", () => {
    const bench = new Bench();
    bench.put("a", "1");
    bench.put("a", "2");
    bench.put("a", "3");
    bench.compact(3);
    // A fresh store has nothing in memory.
    bench.reopen();
    const watched = watch(bench, { startRevision: 2 });
    equal(takeAll(watched), "compacted 3");
    bench.put("a", "4");
    equal(`${watched.wakes} ${takeAll(watched)}`, "0 ");
    // While nobody watched, nothing was kept in memory.
    equal(takeAll(watch(bench, { startRevision: 3 })), "put a=2 @3, put a=3 @4, put a=4 @5 | 5");
  });

  it("refuses a beginning before the compact revision though it is still in memory", () => {
    const bench = new Bench();
    bench.put("a", "1");
    bench.put("a", "2");
    bench.compact(3);
    equal(takeAll(watch(bench, { startRevision: 2 })), "compacted 3");
  });
});

describe("watch: what was before", () => {
  it("is told to the first who asks for it, also of what came while others watched", () => {
    const bench = new Bench();
    const plain = watch(bench, single("a"));
    bench.put("a", "1");
    bench.put("a", "2");
    const asking = watch(bench, { ...single("a"), startRevision: 2, prevKv: true });
    equal(takeAll(asking), "put a=1 @2, put a=2 @3 (1) | 3");
    bench.put("a", "3");
    equal(takeAll(asking), "put a=3 @4 (2) | 4");
    equal(takeAll(plain), "put a=1 @2, put a=2 @3 | 3 / put a=3 @4 | 4");
    asking.watcher.close();
    bench.put("a", "4");
    const again = watch(bench, { ...single("a"), startRevision: 4, prevKv: true });
    equal(takeAll(again), "put a=3 @4 (2), put a=4 @5 (3) | 5");
  });
});

describe("watch: waking", () => {
  it("happens once between two takes, and only for its own keys", () => {
    const bench = new Bench();
    const [a, b1, prefix] = [
      watch(bench, single("a")),
      watch(bench, single("b")),
      watch(bench, { key: b("a"), rangeEnd: b("b") }),
    ];
    bench.put("a", "1");
    bench.put("a", "2");
    bench.put("ab", "3");
    deepEqual([a.wakes, b1.wakes, prefix.wakes], [1, 0, 1]);
    equal(takeAll(a), "put a=1 @2, put a=2 @3 | 4");
    equal(takeAll(prefix), "put a=1 @2, put a=2 @3, put ab=3 @4 | 4");
    bench.put("a", "4");
    deepEqual([a.wakes, b1.wakes, prefix.wakes], [2, 0, 2]);
  });

  it("finds each watcher of one key, and none that is closed", () => {
    const bench = new Bench();
    const [first, second] = [watch(bench, single("a")), watch(bench, single("a"))];
    first.watcher.close();
    first.watcher.close();
    bench.put("a", "1");
    deepEqual([first.wakes, second.wakes], [0, 1]);
    equal(takeAll(first), "");
    second.watcher.close();
    equal(takeAll(second), "", "also what it was woken for");
  });

  it("comes after the whole batch is applied", () => {
    const bench = new Bench();
    let seen = 0;
    const request = {
      ...everything,
      startRevision: 0,
      prevKv: false,
      noPut: false,
      noDelete: false,
    };
    bench.store.watch(request, () => {
      seen = bench.store.revision;
    });
    const entry = (index: number) => ({
      index,
      term: 1,
      proposal: {
        session: 2n,
        openedAt: 0,
        sequence: index,
        settledBelow: 1,
        onlyInTerm: 0,
        command: {
          kind: "put",
          request: {
            ...single("a"),
            value: b("x"),
            lease: 0n,
            prevKv: false,
            ignoreValue: false,
            ignoreLease: false,
          },
        } as const,
      },
    });
    bench.store.apply([entry(1), entry(2), entry(3)]);
    equal(seen, 4);
  });
});

describe("watch: falling behind", () => {
  it("goes over from history to memory without a gap", () => {
    const bench = new Bench({ recentEvents: 3 });
    const watched = watch(bench);
    for (let count = 1; count <= 8; count++) bench.put("a", String(count));
    const events = takeAll(watched, 2);
    equal(
      events,
      [1, 2, 3, 4, 5, 6, 7, 8]
        .map((count) => `put a=${count} @${count + 1} | ${count + 1}`)
        .join(" / "),
    );
  });

  it("keeps no more in memory than it may, also when one revision is larger than that", () => {
    const bench = new Bench({ recentBytes: 10 });
    const watched = watch(bench);
    bench.put("a", "x".repeat(100));
    bench.put("b", "1");
    equal(takeAll(watched), `put a=${"x".repeat(100)} @2 | 2 / put b=1 @3 | 3`);
  });

  it("is not overtaken by a compaction while nothing concerns it", () => {
    const bench = new Bench(fromHistory);
    const watched = watch(bench, single("quiet"));
    for (let count = 0; count < 5; count++) bench.put("noise");
    bench.compact(6);
    equal(watched.watcher.synced, true);
    bench.put("quiet", "1");
    equal(takeAll(watched), "put quiet=1 @7 | 7");
  });

  it("is over when a compaction takes what it still needs", () => {
    const bench = new Bench(fromHistory);
    const [slow, fast] = [watch(bench, single("a")), watch(bench, single("a"))];
    bench.put("a", "1");
    bench.put("a", "2");
    equal(takeAll(fast), "put a=1 @2, put a=2 @3 | 3");
    bench.put("a", "3");
    bench.compact(3);
    equal(takeAll(slow), "compacted 3");
    equal(takeAll(fast), "put a=3 @4 | 4");
  });

  it("is given a delete at the compact revision", () => {
    const bench = new Bench(fromHistory);
    bench.put("a", "1");
    const watched = watch(bench);
    bench.delete("a");
    bench.compact(3);
    equal(takeAll(watched), "delete a @3 | 3");
  });

  it("looks at a bounded stretch of history at a time, and says how far it has come", () => {
    const bench = new Bench({ recentEvents: 0, historyRows: 2 });
    for (let count = 0; count < 4; count++) bench.put("noise");
    bench.put("a", "1");
    equal(
      takeAll(watch(bench, { startRevision: 2, ...single("a") })),
      " | 3 /  | 5 / put a=1 @6 | 6",
    );
  });
});

describe("reload()", () => {
  it("lets every watcher go on where it was, over what came by snapshot", () => {
    const bench = new Bench();
    const [synced, behind, future] = [
      watch(bench),
      watch(bench),
      watch(bench, { startRevision: 6 }),
    ];
    bench.put("a", "1");
    equal(takeAll(synced), "put a=1 @2 | 2");
    // Another store over the same rows stands for the member that sent the snapshot.
    const ahead = new Bench();
    ahead.backend = bench.backend;
    ahead.store = createStore(bench.backend);
    ahead.index = bench.index;
    for (let count = 2; count <= 5; count++) ahead.put("a", String(count));
    bench.store.reload();
    deepEqual([synced.wakes, behind.wakes, future.wakes], [2, 1, 1]);
    equal(bench.store.revision, 6);
    equal(takeAll(synced), "put a=2 @3, put a=3 @4, put a=4 @5, put a=5 @6 | 6");
    equal(takeAll(behind), "put a=1 @2, put a=2 @3, put a=3 @4, put a=4 @5, put a=5 @6 | 6");
    equal(takeAll(future), "put a=5 @6 | 6");
  });

  it("does not take an idle watcher for one that has missed something", () => {
    const bench = new Bench();
    const watched = watch(bench, single("quiet"));
    for (let count = 0; count < 5; count++) bench.put("noise");
    bench.compact(5);
    bench.store.reload();
    equal(`${watched.wakes} ${takeAll(watched)}`, "0 ");
    bench.put("quiet", "1");
    equal(takeAll(watched), "put quiet=1 @7 | 7");
  });

  it("tells a watcher whose history the snapshot does not have", () => {
    const bench = new Bench();
    const watched = watch(bench);
    const ahead = new Bench();
    ahead.backend = bench.backend;
    ahead.store = createStore(bench.backend);
    for (let count = 1; count <= 5; count++) ahead.put("a", String(count));
    ahead.compact(4);
    bench.store.reload();
    equal(takeAll(watched), "compacted 4");
  });
});

describe("watchers of the same keys", () => {
  it("are given the very same batch, until one asks otherwise or is elsewhere", () => {
    const bench = new Bench();
    const [first, second, otherKeys, otherForm] = [
      watch(bench, single("a")),
      watch(bench, single("a")),
      watch(bench),
      watch(bench, { ...single("a"), prevKv: true }),
    ];
    bench.put("a", "1");
    const later = watch(bench, { ...single("a"), startRevision: 3 });
    bench.put("a", "2");
    const batch = first.watcher.take(1000);
    equal(batch && showBatch(batch), "put a=1 @2, put a=2 @3 | 3");
    equal(second.watcher.take(1000), batch);
    notEqual(otherKeys.watcher.take(1000), batch);
    equal(takeAll(otherForm), "put a=1 @2, put a=2 @3 (1) | 3");
    equal(takeAll(later), "put a=2 @3 | 3");
  });

  it("take what was kept for them also when more has come since, and the rest after it", () => {
    const bench = new Bench();
    const [first, second] = [watch(bench, single("a")), watch(bench, single("a"))];
    bench.put("a", "1");
    equal(takeAll(first), "put a=1 @2 | 2");
    bench.put("a", "2");
    equal(takeAll(second), "put a=1 @2 | 2 / put a=2 @3 | 3");
    equal(takeAll(first), "put a=2 @3 | 3");
    equal(`${first.watcher.synced} ${second.watcher.synced}`, "true true");
  });

  it("come together again when they have parted", () => {
    const bench = new Bench();
    const [first, second] = [watch(bench, single("a")), watch(bench, single("a"))];
    bench.put("a", "1");
    first.watcher.take(1_000_000);
    for (let count = 0; count < 100; count++) bench.put("a", "2");
    notDeepEqual(first.watcher.take(1_000_000), second.watcher.take(1_000_000));
    const batch = first.watcher.take(1_000_000);
    equal(batch?.kind === "events" && batch.revision, 102);
    equal(second.watcher.take(1_000_000), batch);
  });

  it("keep to their own sizes", () => {
    const bench = new Bench();
    const [first, second] = [watch(bench, single("a")), watch(bench, single("a"))];
    bench.put("a", "1");
    bench.put("a", "2");
    equal(takeAll(first, 1), "put a=1 @2 | 2 / put a=2 @3 | 3");
    equal(takeAll(second), "put a=1 @2, put a=2 @3 | 3");
  });

  it("are told each time, though others of them lag", () => {
    const bench = new Bench();
    const [fast, slow, future] = [
      watch(bench, single("a")),
      watch(bench, single("a")),
      watch(bench, { ...single("a"), startRevision: 4 }),
    ];
    bench.put("a", "1");
    takeAll(fast);
    bench.put("a", "2");
    bench.put("a", "3");
    equal(`${fast.wakes} ${slow.wakes} ${future.wakes}`, "2 1 1");
    slow.watcher.close();
    fast.watcher.close();
    equal(takeAll(future), "put a=3 @4 | 4");
    bench.put("a", "4");
    equal(`${fast.wakes} ${slow.wakes} ${future.wakes}`, "2 1 2");
  });

  it("differ by where their keys end", () => {
    const bench = new Bench();
    // By name alone, what has no end could be taken for what has one.
    const endless = watch(bench, { key: b("1,ab"), rangeEnd: new Uint8Array(1) });
    const ended = watch(bench, { key: b("a"), rangeEnd: b("b") });
    bench.put("a", "1");
    bench.put("c", "1");
    equal(takeAll(endless), "put a=1 @2, put c=1 @3 | 3");
    equal(takeAll(ended), "put a=1 @2 | 3");
  });
});
