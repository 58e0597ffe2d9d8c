import { deepEqual, equal } from "node:assert/strict";
import { describe, it } from "node:test";
import { Prng } from "@flotilla/base";
import { decideAppend } from "../../src/raft/append-decision.ts";
import { format, raftLogOf, request, viewOf } from "../fixtures.ts";

// Raft paper section 5.3. A log is written as its terms: "112" is index 1..3, terms 1, 1, 2.
// "112:2" is the same log with its first two entries compacted away.
describe("decideAppend()", () => {
  // biome-ignore format: a table
  const cases = [
    // name                                          log      commit prev    entries want
    ["appends to an empty log",                      "",       0, [0, 0], "11",  "accept 11 match=2"],
    ["extends a log",                                "11",     1, [2, 1], "12",  "accept 12 match=4"],
    ["ignores a duplicate request",                  "112",    1, [1, 1], "12",  "accept - match=3"],
    ["keeps entries beyond a stale request (T9)",    "1122",   0, [1, 1], "1",   "accept - match=2"],
    ["confirms an empty request no further (T10)",   "1122",   0, [1, 1], "",    "accept - match=1"],
    ["acknowledges a late request up to commit",     "112",    3, [0, 0], "1",   "accept - match=3"],
    ["replaces a conflicting suffix",                "111",    1, [1, 1], "22",  "accept 22 match=3"],
    ["keeps what agrees before a conflict",          "1111",   1, [1, 1], "12",  "accept 2 match=3"],
    ["rejects a gap and hints at its last index",    "1",      0, [5, 1], "1",   "reject hint=1/1"],
    ["rejects a term mismatch one step back",        "12",     1, [2, 3], "",    "reject hint=1/1"],
    ["skips a whole term that the leader lacks",     "133333", 0, [6, 2], "",    "reject hint=1/1"],
    ["hints at nothing when nothing can match",      "33",     0, [2, 2], "",    "reject hint=0/0"],
    ["takes a compacted prefix for matching (T14)",  "112:2",  2, [1, 1], "12",  "accept - match=2"],
    ["appends right after the compacted prefix",     "11:2",   2, [2, 1], "2",   "accept 2 match=3"],
    ["does not hint below what is compacted",        "1133:2", 2, [4, 2], "",    "reject hint=2/1"],
    ["reports a mismatch at the commit index",       "11",     2, [2, 9], "",    "diverged at 2"],
    ["reports a late prefix that differs",           "112",    3, [2, 2], "2",   "diverged at 2"],
    ["reports late entries that differ",             "112",    3, [0, 0], "13",  "diverged at 2"],
  ] as const;
  for (const [name, notation, commit, prev, entries, want] of cases) {
    it(name, () => {
      const [terms = "", compacted = "0"] = notation.split(":");
      const view = viewOf(raftLogOf(terms, Number(compacted)), commit);
      equal(format(decideAppend(view, request(prev, entries))), want);
    });
  }

  it("is idempotent: applying a decision twice changes nothing (500 seeds)", () => {
    for (let seed = 0; seed < 500; seed++) {
      const prng = new Prng(seed);
      const leader = randomTerms(prng);
      const shared = leader.slice(0, prng.below(leader.length));
      const log = raftLogOf(shared + randomTerms(prng, Number(shared.at(-1) ?? 1)));
      const first = decideAppend(viewOf(log, 0), request([0, 0], leader));
      equal(first.kind, "accept", `seed=${seed}`);
      if (first.kind === "accept" && first.append[0] !== undefined) {
        if (first.append[0].index <= log.lastIndex) log.truncateFrom(first.append[0].index);
        log.append(first.append);
      }
      const again = decideAppend(viewOf(log, 0), request([0, 0], leader));
      deepEqual(again, { kind: "accept", append: [], matchIndex: leader.length }, `seed=${seed}`);
    }
  });
});

/** One to eight terms that never fall. */
function randomTerms(prng: Prng, first = 1): string {
  let term = first;
  let terms = "";
  for (let count = prng.between(1, 8); count > 0; count--) {
    term = Math.min(9, term + prng.below(3));
    terms += term;
  }
  return terms;
}
