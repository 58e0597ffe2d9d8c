import { deepEqual, equal, match } from "node:assert/strict";
import { describe, it } from "node:test";
import type { ConfigurationChange } from "@flotilla/consensus";
import type { MembershipDescription } from "@flotilla/etcd-api";
import { consequencesOf } from "../src/membership/consequences.ts";
import { transferConsequences } from "../src/membership/transfer-consequences.ts";
import { clusterOf, idIn } from "./fixtures.ts";

const add = (id: string, votes = 1, witness = false): ConfigurationChange => ({
  kind: "add",
  id,
  votes,
  witness,
  urls: ["http://127.0.0.1:9999"],
});

/** A step as `remove m3`, `add m4`, `add m4 learner|witness`, `promote m4`, `demote m1`, `m1=3`, `prefer m1 m2`, `static m1`, `nobody static`. */
function parseStep(cluster: MembershipDescription, text: string): ConfigurationChange {
  const words = text.split(" ");
  const [verb = "", name = "", role] = words;
  const id = (who: string) => idIn(cluster, who);
  if (verb === "add") return add(name, role === "learner" ? 0 : 1, role === "witness");
  if (verb === "remove" || verb === "demote") return { kind: verb, id: id(name) };
  if (verb === "promote") return { kind: verb, id: id(name), votes: 1 };
  if (verb === "prefer") return { kind: verb, ids: words.slice(1).map(id) };
  if (verb === "static") return { kind: "staticLeader", id: id(name) };
  if (verb === "nobody") return { kind: "staticLeader", id: undefined };
  const [who = "", votes = ""] = text.split("=");
  return { kind: "votes", id: id(who), votes: Number(votes) };
}

function said(cluster: MembershipDescription, ...steps: string[]) {
  const consequences = consequencesOf(
    cluster,
    steps.map((step) => parseStep(cluster, step)),
  );
  if (consequences.kind === "refused")
    return { lines: [], warnings: [consequences.reason], danger: "" };
  return { ...consequences, danger: consequences.danger ?? "" };
}

describe("consequencesOf(): votes, quorum and tolerance", () => {
  // biome-ignore format: a table
  const cases: readonly (readonly [string, string, string])[] = [
    // now                    change                      votes, quorum, tolerance
    ["m1* m2 m3",             "remove m3",                "3 -> 2, 2 -> 2, 1 -> 0"],
    ["m1* m2 m3",             "add m4",                   "3 -> 4, 2 -> 3, 1 -> 1"],
    ["m1* m2",                "add w witness",            "2 -> 3, 2 -> 2, 0 -> 1"],
    ["m1* m2 m3 m4l",         "promote m4",               "3 -> 4, 2 -> 3, 1 -> 1"],
    ["m1* m2 m3",             "m1=3",                     "3 -> 5, 2 -> 3, 1 -> 0"],
    ["m1* m2 m3 m4 m5",       "demote m5",                "5 -> 4, 3 -> 3, 2 -> 1"],
    ["m1* m2 m3",             "static m2",                "3 -> 3, 2 -> 2, 1 -> 0"],
    ["m1*",                   "add m2",                   "1 -> 2, 1 -> 2, 0 -> 0"],
  ];
  for (const [now, step, want] of cases) {
    it(`${now}: ${step}`, () => {
      const [votes = "", quorum = "", tolerance = ""] = said(clusterOf(now), step).lines;
      const counts = /^votes +(\d+) \(.*\) -> (\d+) /.exec(votes);
      const rest = [
        /^quorum +(\d+ -> \d+)$/.exec(quorum),
        /^tolerance +(-?\d+ -> -?\d+)/.exec(tolerance),
      ];
      equal([`${counts?.[1]} -> ${counts?.[2]}`, ...rest.map((one) => one?.[1])].join(", "), want);
    });
  }

  it("names every voter with its votes, and new ones too", () => {
    equal(
      said(clusterOf("m1* m2:3"), "add m3").lines[0],
      "votes      4 (m1 1, m2 3) -> 5 (m1 1, m2 3, m3 1)",
    );
  });

  it("says so when no vote changes", () => {
    equal(
      said(clusterOf("m1* m2 m3"), "add m4 learner").lines[0],
      "No vote changes: 3 (m1 1, m2 1, m3 1), quorum 2, tolerance 1.",
    );
  });
});

describe("consequencesOf(): warnings", () => {
  // biome-ignore format: a table
  const cases: readonly (readonly [string, string, readonly RegExp[]])[] = [
    ["m1* m2 m3",     "remove m3",        [/^Removing m3 leaves a tolerance of 0: no further failure is survived\.$/, /^2 votes are an even total.*A witness as the tie-breaker lets either of m1 and m2 fail/]],
    ["m1* m2 m3 m4 m5", "remove m5",      [/^Removing m5 lowers the tolerance from 2 to 1\.$/, /^4 votes are an even total.*One vote more or one less is better/]],
    ["m1* m2 m3",     "add m4",           [/^4 votes are an even total/, /^m4 will vote before holding any data.*--learner/]],
    ["m1* m2",        "add w witness",    []],
    ["m1* m2 m3 m4l", "promote m4",       [/^4 votes are an even total/]],
    ["m1* m2 m3",     "m1=3",             [/leaves a tolerance of 0/, /^m1 has a majority by itself \(3 of 5 votes\)/]],
    ["m1* m2 m3w",    "remove m2",        [/^Removing m2 leaves a tolerance of 0/, /^2 votes are an even/, /^m1 is the only voter with data/]],
    ["m1* m2 m3-",    "add m4 learner",   [/^m3 does not answer the leader: as long as that lasts, no further failure is survived\.$/]],
    ["m1* m2 m3 m4 m5-", "prefer m1",     [/^m5 does not answer the leader: as long as that lasts, only 1 more can be survived\.$/]],
    ["m1* m2 m3-",    "remove m3",        [/^Removing m3 leaves a tolerance of 0/, /^2 votes are an even/]],
    ["m1* m2- m3-l",  "prefer m1",        [/^m2 and m3 do not answer the leader\.$/]],
    ["m1* m2 m3",     "static m2",        [/^This change leaves a tolerance of 0/, /^As the static leader m2 is a single point of failure.*Softer: `flotilla member prefer m2`/]],
    ["m1*",           "add m2",           [/^2 votes are an even total/, /^Nothing can be written from now until m2 runs/]],
  ];
  for (const [now, step, want] of cases) {
    it(`${now}: ${step}`, () => {
      const { warnings } = said(clusterOf(now), step);
      equal(warnings.length, want.length, warnings.join("\n"));
      for (const [at, pattern] of want.entries()) match(warnings[at] ?? "", pattern);
    });
  }
});

describe("consequencesOf(): danger to members that run", () => {
  // biome-ignore format: a table
  const cases: readonly (readonly [string, string, RegExp])[] = [
    ["m1* m2 m3",        "remove m2", /^$/],
    ["m1* m2 m3-",       "remove m3", /^$/],
    ["m1* m2 m3-",       "remove m2", /^Of the voters then, m1 would answer, with 1 of 2 votes where 2 are needed: nothing could be written/],
    ["m1* m2 m3-",       "add m4",    /^Of the voters then, m1 and m2 would answer, with 2 of 4 votes where 3 are needed/],
    ["m1* m2 m3-",       "m3=3",      /with 2 of 5 votes where 3 are needed/],
    ["m1* m2 m3-",       "add m4 learner", /^$/],
    ["m1*",              "add m2",    /^$/],
    ["m1* m2- m3w",      "remove m1", /m3 would answer.*, and none that can lead/],
    ["m1* m2 m3-",       "static m3", /none that can lead/],
    ["m1* m2 m3-",       "prefer m3", /^$/],
    ["m1* m2- m3-",      "add m4 learner", /^$/], // No worse than it is.
  ];
  for (const [now, step, want] of cases) {
    it(`${now}: ${step}`, () => match(said(clusterOf(now), step).danger, want));
  }
});

describe("consequencesOf(): what happens", () => {
  // biome-ignore format: a table
  const cases: readonly (readonly [string, string, readonly RegExp[]])[] = [
    ["m1* m2 m3",     "remove m1",      [/^m1 leads: it hands over to another member\.$/, /^m1 is removed for good/]],
    ["m1* m2 m3",     "demote m2",      [/^m2 goes on receiving the log and does not vote any more\.$/]],
    ["m1* m2 m3 m4l", "promote m4",     [/^m4 becomes a voter; it lacks the last 10 entries of the log\.$/]],
    ["m1* m2",        "add w witness",  [/^w votes and holds no data: it never leads, and serves no client\.$/]],
    ["m1* m2",        "add l learner",  [/^l receives the log and does not vote\. `flotilla member promote l`/]],
    ["m1* m2 m3",     "prefer m2 m3",   [/^m2 should lead, else m3 in this order/]],
    ["m1* m2 m3",     "static m2",      [/^Only m2 may lead: while it is away there is no leader/]],
  ];
  for (const [now, step, want] of cases) {
    it(`${now}: ${step}`, () => {
      const events = said(clusterOf(now), step).lines.filter(
        (line) => !/^(votes|quorum|tolerance|No vote changes)/.test(line),
      );
      equal(events.length, want.length, events.join("\n"));
      for (const [at, pattern] of want.entries()) match(events[at] ?? "", pattern);
    });
  }

  it("goes on about a static leader", () => {
    const staticLeader = 0xa1n;
    const three = clusterOf("m1* m2 m3", { staticLeader });
    match(
      said(three, "remove m3").warnings[0] ?? "",
      /^m1 is the static leader and stays a single/,
    );
    deepEqual(said(three, "prefer m1").warnings, []);
    equal(said(three, "remove m1").lines.at(-2), "Every voter with data may lead again.");
    const one = clusterOf("m1*", { staticLeader });
    match(said(one, "add m2").warnings[0] ?? "", /^As the static leader m1 is a single point/);
  });

  it("judges several steps as one change", () => {
    const { lines, warnings } = said(clusterOf("m1* m2 m3"), "remove m3", "m1=2", "m2=1");
    match(lines[0] ?? "", /-> 3 \(m1 2, m2 1\)$/);
    match(warnings[0] ?? "", /^This change leaves a tolerance of 0/);
  });

  it("refuses as the engine would", () => {
    deepEqual(said(clusterOf("m1* m2w"), "remove m1").warnings, ["noDataVoter"]);
    deepEqual(said(clusterOf("m1* m2 m3"), "promote m2").warnings, ["wrongRole"]);
    deepEqual(said(clusterOf("m1* m2 m3"), "nobody static").warnings, ["unchanged"]);
    deepEqual(said(clusterOf("m1* m2l m3"), "prefer m2").warnings, ["wrongRole"]);
  });
});

describe("transferConsequences()", () => {
  const judged = (cluster: MembershipDescription, name: string) => {
    const target = cluster.members.find((member) => member.name === name);
    if (target === undefined) throw new Error(`no member ${name}`);
    const consequences = transferConsequences(cluster, target);
    return consequences.kind === "refused" ? consequences.why : consequences.lines.join("\n");
  };

  // biome-ignore format: a table
  const cases: readonly (readonly [string, string, RegExp])[] = [
    ["m1* m2 m3",   "m2", /^m1 leads now\..*\nm2 lacks the last 10 entries/],
    ["m1* m2 m3",   "m1", /^it leads already$/],
    ["m1* m2 m3l",  "m3", /^a learner cannot lead/],
    ["m1* m2 m3w",  "m3", /^a witness holds no data/],
    ["m1* m2 m3-",  "m3", /^it does not answer the leader$/],
  ];
  for (const [now, name, want] of cases) {
    it(`${now}: ${name}`, () => match(judged(clusterOf(now), name), want));
  }

  it("warns when another member is preferred, and refuses against a static leader", () => {
    const cluster = clusterOf("m1* m2 m3");
    const preferred = cluster.members.map((member) =>
      member.name === "m1" ? { ...member, preferredRank: 1 } : member,
    );
    match(judged({ ...cluster, members: preferred }, "m2"), /Warning: another member is preferred/);
    match(judged({ ...cluster, staticLeader: 0xa1n }, "m2"), /the only one that may lead/);
  });
});
