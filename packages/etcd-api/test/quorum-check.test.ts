import { equal } from "node:assert/strict";
import { describe, it } from "node:test";
import { addedMemberId, parsePeerUrls } from "../src/membership/peer-urls.ts";
import {
  type Electorate,
  electorateAfter,
  judgeQuorum,
  type QuorumVerdict,
} from "../src/membership/quorum-check.ts";
import type { ConfigurationChange } from "../src/membership/types.ts";

/** "a b:3 c- d? w" = a with one vote, b with three, c that does not answer, d that was never started, w a witness. */
function parse(text: string): {
  electorate: Electorate;
  started: Set<string>;
  active: Set<string>;
} {
  const electorate = new Map<string, number>();
  const [started, active] = [new Set<string>(), new Set<string>()];
  for (const [, id = "", votes, mark] of text.matchAll(/([a-z])(?::(\d+))?([-?])?/g)) {
    electorate.set(id, Number(votes ?? "1"));
    if (mark !== "?") started.add(id);
    if (mark === undefined) active.add(id);
  }
  return { electorate, started, active };
}

describe("judgeQuorum()", () => {
  // biome-ignore format: a table
  const cases: readonly (readonly [string, string, string, QuorumVerdict])[] = [
    // etcd's rules, one step each.                        now         after        verdict
    ["lets one become two",                                "a",        "a b?",      "safe"],
    ["lets three become four",                             "a b c",    "a b c d?",  "safe"],
    ["refuses a second that was never started",            "a b?",     "a b? c?",   "notEnoughStarted"],
    ["refuses a fourth while one of three is down",        "a b c-",   "a b c- d?", "unhealthy"],
    ["lets a fifth come with all four up",                 "a b c d",  "a b c d e?", "safe"],
    ["lets the dead one of three go",                      "a b c-",   "a b",       "safe"],
    ["lets the leader of three go",                        "a b c",    "b c",       "safe"],
    ["refuses to take a live one where the rest is none",  "a b c-",   "b c-",      "unhealthy"],
    ["refuses to take the last one",                       "a",        "",          "notEnoughStarted"],
    ["refuses to leave one that was never started",        "a b?",     "b?",        "notEnoughStarted"],
    ["lets a learner that runs become the fourth",         "a b c-",   "a b c- d",  "safe"],
    // With votes.
    ["lets the weight move to one that runs",              "a b c-",   "a:3 b c-",  "safe"],
    ["refuses weight for one that is down",                "a b c-",   "a b c-:3",  "unhealthy"],
    ["refuses weight for the one of two that is down",     "a:2 b-",   "a b-:3",    "unhealthy"],
    ["says nothing where no vote changes",                 "a b- c-",  "a b- c-",   "safe"],
    ["refuses half of the votes, which is no majority",    "a b c",    "a:2 b:2-",  "unhealthy"],
    ["refuses two new ones beside a single one",           "a",        "a b? c?",   "notEnoughStarted"],
    // With witnesses.
    ["lets the dead one of two with data go",              "a b- w",   "a w",       "safe"],
    ["refuses to leave only witnesses that answer",        "a b- v w", "b- v w",    "unhealthy"],
    ["lets one with data go while another answers",        "a b v w",  "b v w",     "safe"],
  ];
  for (const [name, now, after, want] of cases) {
    it(name, () => {
      const later = parse(after.replace(/-:(\d+)/g, ":$1-"));
      const verdict = judgeQuorum(parse(now).electorate, later.electorate, {
        isStarted: (id) => later.started.has(id),
        isActive: (id) => later.active.has(id),
        hasData: (id) => id !== "v" && id !== "w",
      });
      equal(verdict, want);
    });
  }
});

describe("electorateAfter()", () => {
  const configuration = {
    voters: [
      { id: "a", votes: 1 },
      { id: "b", votes: 2 },
    ],
    learners: ["l"],
    outgoing: [],
  };
  // biome-ignore format: a table
  const cases: readonly (readonly [string, readonly ConfigurationChange[], string])[] = [
    ["adds a voter",             [{ kind: "add", id: "c", votes: 3 }],                     "a1 b2 c3"],
    ["passes over a learner",    [{ kind: "add", id: "c", votes: 0 }],                     "a1 b2"],
    ["promotes",                 [{ kind: "promote", id: "l", votes: 1 }],                 "a1 b2 l1"],
    ["demotes and removes",      [{ kind: "demote", id: "a" }, { kind: "remove", id: "b" }], ""],
    ["changes votes",            [{ kind: "votes", id: "a", votes: 5 }],                   "a5 b2"],
    ["gives strangers no votes", [{ kind: "votes", id: "x", votes: 5 }],                   "a1 b2"],
    ["ignores preferences",      [{ kind: "prefer", ids: ["b"] }],                         "a1 b2"],
  ];
  for (const [name, changes, want] of cases) {
    it(name, () => {
      const after = electorateAfter(configuration, changes);
      equal([...after].map(([id, votes]) => `${id}${votes}`).join(" "), want);
    });
  }
});

describe("parsePeerUrls()", () => {
  // biome-ignore format: a table
  const cases: readonly (readonly [readonly string[], string | undefined])[] = [
    [["http://b:2380", " http://a:1 "],  "http://b:2380,http://a:1"],
    [["https://[::1]:2380"],             "https://[::1]:2380"],
    [[],                                 undefined],
    [["http://a:2380", "foo"],           undefined],
    [["http://a"],                       undefined],
    [["http://a:2380/"],                 undefined],
    [["http://a:2380/path"],             undefined],
    [["http://a:0"],                     undefined],
    [["http://a:65536"],                 undefined],
    [["unix://a:2380"],                  undefined],
    [["http://u@a:2380"],                undefined],
    [Array.from({ length: 17 }, (_, at) => `http://a:${at + 1}`), undefined],
  ];
  for (const [given, want] of cases) {
    it(`${want === undefined ? "refuses" : "takes"} ${JSON.stringify(given).slice(0, 60)}`, () => {
      equal(parsePeerUrls(given)?.join(","), want);
    });
  }
});

describe("addedMemberId()", () => {
  it("is etcd's: the first 8 bytes of sha1(sorted URLs + seconds), without the token", () => {
    // printf 'http://a:1http://b:21700000000' | sha1sum
    const id = addedMemberId(["http://b:2", "http://a:1"], 1_700_000_000);
    equal(id.toString(16), "8fa6c5444a914e68");
  });
});
