import { equal, match } from "node:assert/strict";
import { describe, it } from "node:test";
import { checkWatches, type WatchHistory, type WatchStream } from "../../src/checkers/watch.ts";
import { eventOf, storeOf } from "./store-fixture.ts";

const store = "2 a=1; 3 b=2; 4 a=3 c=4; 5 z=5; 6 a; 7 b=7; 8 c=8";

/**
 * A stream: where it starts, then its batches, then perhaps the end of it.
 * "2: 2 a=1, 3 b=2 | 5: 4 a=3" after "2>": up to revision 2 ... up to 5; "!6" = told that 6 is compacted.
 * "0@3>" from now on, at a server that is at revision 3.
 */
function streamOf(text: string): WatchStream {
  const [start = "", rest = ""] = text.split(">");
  const [from = "", opened = "0"] = start.split("@");
  const [told = "", compacted] = rest.split("!");
  const batches = told
    .split("|")
    .map((part) => part.trim())
    .filter((part) => part !== "")
    .map((part) => {
      const [revision, events = ""] = part.split(":");
      return {
        revision: Number(revision),
        events: events
          .split(",")
          .map((event) => event.trim())
          .filter((event) => event !== "")
          .map((event) => {
            const [at, change = ""] = event.split(" ");
            return { ...eventOf(change), revision: Number(at) };
          }),
      };
    });
  return {
    server: "s1",
    startRevision: Number(from),
    openedRevision: Number(opened),
    batches,
    compactedAt: compacted === undefined ? undefined : Number(compacted),
  };
}

function check(
  streams: readonly string[],
  more: Partial<WatchHistory> & { compact?: number } = {},
) {
  const { compact = -1, ...rest } = more;
  const watch = { client: 1, from: "a", to: "d", dueRevision: 0, ...rest };
  return checkWatches([{ ...watch, streams: streams.map(streamOf) }], storeOf(store), compact);
}

describe("checkWatches()", () => {
  // biome-ignore format: a table
  const good = [
    ["nothing", []],
    ["everything at once", ["2> 8: 2 a=1, 3 b=2, 4 a=3, 4 c=4, 6 a, 7 b=7, 8 c=8"]],
    ["bit by bit", ["2> 2: 2 a=1 | 4: 3 b=2, 4 a=3, 4 c=4 | 5: | 6: 6 a"]],
    ["from a later revision", ["5> 7: 6 a, 7 b=7"]],
    ["from now on", ["0@3> 6: 4 a=3, 4 c=4, 6 a"]],
    ["from now on, with nothing at first", ["0@3> 3: | 4: 4 a=3, 4 c=4"]],
    ["a resumption elsewhere", ["2> 4: 2 a=1, 3 b=2, 4 a=3, 4 c=4", "5> 6: 6 a", "7>", "7> 8: 7 b=7, 8 c=8"]],
    ["a resumption after nothing was told", ["0@2>", "0@5> 6: 6 a"]],
  ] as const;
  for (const [name, streams] of good) {
    it(`accepts ${name}`, () => equal(check(streams), undefined));
  }

  // biome-ignore format: a table
  const bad = [
    ["a gap", ["2> 4: 2 a=1, 4 a=3, 4 c=4"], /after revision 2 .* is put a=3 at 4 and should be put b=2 at 3/],
    ["a gap at the end of a batch", ["2> 3: 2 a=1"], /is nothing and should be put b=2 at 3/],
    ["a gap before the first change", ["2> 3: 3 b=2"], /after revision 1 .* should be put a=1 at 2/],
    ["half a revision", ["4> 4: 4 a=3 | 4: 4 c=4"], /is nothing and should be put c=4 at 4/],
    ["a repetition", ["2> 2: 2 a=1 | 3: 2 a=1, 3 b=2"], /is put a=1 at 2 and should be put b=2 at 3/],
    ["changes out of order", ["2> 3: 3 b=2, 2 a=1"], /is put b=2 at 3 and should be put a=1/],
    ["a batch that goes back", ["2> 3: 2 a=1, 3 b=2 | 2: 2 a=1"], /is put a=1 at 2 and should be nothing/],
    ["another value", ["2> 2: 2 a=9"], /is put a=9 at 2 and should be put a=1/],
    ["another key", ["2> 2: 2 b=1"], /is put b=1 at 2/],
    ["another kind", ["2> 2: 2 a"], /is delete a at 2/],
    ["another revision", ["2> 2: 3 a=1"], /is put a=1 at 3/],
    ["a change that it did not ask for", ["5> 6: 5 z=5, 6 a"], /is put z=5 at 5 and should be delete a/],
    ["a revision that nobody has applied", ["2> 9: 2 a=1"], /given revision 9, which nobody has applied/],
    ["a resumption that leaves something out", ["2> 2: 2 a=1", "4> 4: 4 a=3, 4 c=4"], /it goes on at 4 and needs 3/],
    ["a resumption that repeats", ["2> 2: 2 a=1", "2> 2: 2 a=1"], /it goes on at 2 and needs 3/],
    ["from now on, with a gap at first", ["0@2> 4: 4 a=3, 4 c=4"], /after revision 2 .* should be put b=2 at 3/],
    ["from now on, with what was before", ["0@3> 4: 3 b=2, 4 a=3, 4 c=4"], /is put b=2 at 3 and should be put a=3 at 4/],
    ["a resumption from now on, after something was told", ["0@3> 3:", "0@4> 6: 6 a"], /it goes on at 0 and needs 4/],
    ["a gap across a resumption", ["2> 2: 2 a=1", "3> 4: 4 a=3, 4 c=4"], /should be put b=2 at 3/],
  ] as const;
  for (const [name, streams, facts] of bad) {
    it(`rejects ${name}`, () => {
      const found = check(streams);
      equal(found?.oracle, "watch");
      match(found?.message ?? "", facts);
    });
  }

  it("watches a single key", () => {
    equal(check(["2> 6: 2 a=1, 4 a=3, 6 a"], { to: undefined }), undefined);
    match(check(["2> 4: 2 a=1, 4 a=3, 4 c=4"], { to: undefined })?.message ?? "", /c=4 at 4/);
  });

  it("accepts compactions that were made and needed, and goes on behind them", () => {
    equal(check(["2> 2: 2 a=1 !5", "5> 6: 6 a"], { compact: 5 }), undefined);
  });

  it("rejects compactions that nobody made, or that did not concern the watcher", () => {
    match(check(["2> !5"], { compact: 4 })?.message ?? "", /5 is compacted; it needed 2, and 4 is/);
    match(check(["5> !5"], { compact: 5 })?.message ?? "", /5 is compacted; it needed 5/);
    match(check(["2> !5", "6> 6: 6 a"], { compact: 5 })?.message ?? "", /goes on at 6 and needs 5/);
  });

  it("wants everything that was due to be told", () => {
    equal(check(["2> 4: 2 a=1, 3 b=2, 4 a=3, 4 c=4"], { dueRevision: 5 }), undefined);
    const found = check(["2> 4: 2 a=1, 3 b=2, 4 a=3, 4 c=4"], { dueRevision: 6 });
    match(found?.message ?? "", /it was never told of delete a at 6/);
    match(check(["7>"], { dueRevision: 8 })?.message ?? "", /never told of put b=7 at 7/);
    equal(check(["0@8>"], { dueRevision: 8 }), undefined);
    match(check(["0@6>"], { dueRevision: 8 })?.message ?? "", /never told of put b=7 at 7/);
  });
});
