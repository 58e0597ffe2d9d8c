import { deepEqual, doesNotMatch, equal, match, throws } from "node:assert/strict";
import { describe, it } from "node:test";
import type { ConfigurationChange } from "@flotilla/consensus";
import { memberCalled } from "../src/membership/description.ts";
import { listing } from "../src/membership/listing.ts";
import { recovered, recoveryPlanned } from "../src/membership/recovery-text.ts";
import { refusalText } from "../src/membership/refusals.ts";
import { programCalled, startInstructions } from "../src/membership/start-command.ts";
import { clusterOf, idIn } from "./fixtures.ts";

const rows = (text: string) =>
  text
    .split("\n\n")[0]
    ?.split("\n")
    .map((line) => line.split(/ {2,}/).join("|"));

describe("listing()", () => {
  it("shows a plain cluster as a table", () => {
    const text = listing(clusterOf("m1* m2"), "table");
    deepEqual(rows(text), [
      "ID|NAME|STATE|ROLE|VOTES|PREFERRED|MATCH|LAG|PEERS|CLIENTS",
      "a1|m1|started|leader|1|-|100|0|http://127.0.0.1:2380|http://127.0.0.1:2379",
      "a2|m2|started|voter|1|-|90|10|http://127.0.0.1:2382|http://127.0.0.1:2381",
    ]);
    match(text, /\n2 votes, 2 are a quorum: 0 members may fail, whichever they are\.$/);
    match(listing(clusterOf("m1*"), "table"), /\n1 vote, 1 is a quorum: 0 members may fail/);
  });

  it("shows roles, silence, weights and who was never started", () => {
    const cluster = clusterOf("m1* m2:3- m3w m4l m5-");
    const members = cluster.members.map((member) =>
      member.name === "m5" ? { ...member, name: "", clientUrls: [], preferredRank: 2 } : member,
    );
    deepEqual(
      rows(listing({ ...cluster, members }, "table"))
        ?.slice(2)
        .map((row) => row.split("|").slice(1, 6).join(" ")),
      [
        "m2 silent voter 3 -",
        "m3 started witness 1 -",
        "m4 started learner 0 -",
        "- unstarted voter 1 2",
      ],
    );
  });

  it("takes a member that answers for started, before it has told its name", () => {
    const cluster = clusterOf("m1* m2");
    const members = cluster.members.map((one) => (one.name === "m2" ? { ...one, name: "" } : one));
    match(rows(listing({ ...cluster, members }, "table"))?.[2] ?? "", /^a2\|-\|started\|voter/);
  });

  it("does not guess without a leader", () => {
    const rowsOfAll = rows(listing(clusterOf("m1- m2-"), "table"));
    match(rowsOfAll?.[1] ?? "", /^a1\|m1\|started\|voter\|1\|-\|\?\|\?/);
  });

  it("tells what is not the plain case", () => {
    const cluster = clusterOf("m1* m2 m3", {
      epoch: 2,
      staticLeader: 0xa2n,
      transferTarget: 0xa2n,
      divergedAt: 7,
    });
    const members = cluster.members.map((member) => ({ ...member, outgoingVotes: 1 }));
    const text = listing({ ...cluster, members }, "table");
    match(text, /A change of the members is under way/);
    match(
      text,
      /only m2 may lead, and it does not: when m1 ends, .*\nLeadership is going to m2\.\nRecovered by force: epoch 2/,
    );
    match(text, /contradicts what is committed at index 7/);
  });

  it("says whether the static leader leads, answers, or is away", () => {
    const text = (members: string, staticLeader: bigint) =>
      listing(clusterOf(members, { staticLeader }), "table");
    match(text("m1* m2 m3", 0xa1n), /^Only m1 may lead, and does: a single point of failure/m);
    match(text("m1* m2 m3", 0xa2n), /^Warning: only m2 may lead, and it does not: when m1 ends/m);
    match(text("m1* m2- m3", 0xa2n), /^Warning: only m2 may lead, and it does not answer: /m);
  });

  it("names the static leader when there is no leader", () => {
    const text = listing(clusterOf("m1- m2-", { staticLeader: 0xa2n }), "table");
    match(text, /^There is no leader, and only m2 may lead: start it\./m);
    doesNotMatch(listing(clusterOf("m1- m2-"), "table"), /may lead/);
  });

  it("tells why the member that was asked takes no part", () => {
    const text = (kind: string) =>
      listing(clusterOf("m1* m2", { isolation: { kind, until: 9 } }), "table");
    match(text("lostEntries"), /takes no part: it has lost entries .* once it holds entry 9\.$/m);
    match(text("superseded"), /takes no part: the cluster was recovered by force without it\.$/m);
  });

  it("prints etcdctl's fields first for scripts", () => {
    equal(
      listing(clusterOf("m1* m2l"), "simple"),
      "a1, started, m1, http://127.0.0.1:2380, http://127.0.0.1:2379, false, leader, 1\n" +
        "a2, started, m2, http://127.0.0.1:2382, http://127.0.0.1:2381, true, learner, 0",
    );
  });

  it("prints ids as texts in JSON", () => {
    const shown = JSON.parse(listing(clusterOf("m1* m2 m3", { removed: [0xffn] }), "json"));
    equal(shown.members[1].id, "a2");
    deepEqual([shown.members[1].role, shown.members[1].lag], ["voter", 10]);
    deepEqual([shown.leader, shown.staticLeader, shown.removed], ["a1", null, ["ff"]]);
    deepEqual([shown.votes, shown.quorum, shown.tolerance, shown.isChanging], [3, 2, 1, false]);
  });
});

describe("memberCalled()", () => {
  const cluster = clusterOf("m1* m2 m2");
  it("takes a name, and an id in any case", () => {
    equal(memberCalled(cluster, "m1").id, 0xa1n);
    equal(memberCalled(cluster, "A2").id, 0xa2n);
  });
  it("refuses strangers and names that two have", () => {
    throws(() => memberCalled(cluster, "m9"), /There is no member "m9"/);
    throws(() => memberCalled(cluster, "m2"), /2 members are called "m2"/);
  });
});

describe("startInstructions()", () => {
  it("gives etcdctl's variables and the command, with a free port for clients", () => {
    const before = clusterOf("m1* m2");
    const added = { id: 0xa3n, name: "m3", peerUrls: ["http://127.0.0.1:2384"] };
    const members = [
      ...before.members,
      { ...clusterOf("m3").members[0], ...added, name: "", clientUrls: [] },
    ] as typeof before.members;
    const style = { program: "node /f/flotilla.js", pace: ["--election-timeout", "500"] };
    const text = startInstructions({ ...before, members }, added, style);
    match(
      text,
      /^ETCD_NAME="m3"\nETCD_INITIAL_CLUSTER="m1=http:\/\/127\.0\.0\.1:2380,m2=http:\/\/127\.0\.0\.1:2382,m3=http:\/\/127\.0\.0\.1:2384"\nETCD_INITIAL_ADVERTISE_PEER_URLS="http:\/\/127\.0\.0\.1:2384"\nETCD_INITIAL_CLUSTER_STATE="existing"\n/,
    );
    const command = text.slice(text.indexOf("node ")).replaceAll("\\\n", "");
    deepEqual(command.split(/\s+/).slice(0, 7), [
      ...["node", "/f/flotilla.js", "member", "--name", "m3", "--data-dir", "m3.etcd"],
    ]);
    match(command, /--listen-client-urls http:\/\/127\.0\.0\.1:2383 /);
    match(command, /--election-timeout 500$/);
  });

  it("names a member that was never started by its id", () => {
    const before = clusterOf("m1* m2");
    const members = before.members.map((one) => (one.name === "m2" ? { ...one, name: "" } : one));
    const added = { id: 0xa3n, name: "m3", peerUrls: ["http://h:1"] };
    const text = startInstructions({ ...before, members }, added, {
      program: "flotilla",
      pace: [],
    });
    match(text, /,a2=http:\/\/127\.0\.0\.1:2382/);
  });

  it("calls the program as it can be called, but for npx, which keeps signals from it", () => {
    const path = ["/usr/bin", "/home/me/work/node_modules/.bin"];
    const cases: readonly (readonly [script: string, called: string])[] = [
      ["/usr/bin/flotilla", "flotilla"],
      ["/opt/flotilla", "/opt/flotilla"],
      ["/opt/cli/bin/flotilla.js", "node /opt/cli/bin/flotilla.js"],
      ["/home/me/work/node_modules/.bin/flotilla", "/home/me/work/node_modules/.bin/flotilla"],
    ];
    for (const [script, called] of cases) equal(programCalled(script, path), called);
  });
});

describe("refusalText()", () => {
  it("names the member whose role does not fit, and its role", () => {
    const cluster = clusterOf("m1* m2l m3w");
    const [m1, m2, m3] = ["m1", "m2", "m3"].map((name) => idIn(cluster, name)) as [
      string,
      string,
      string,
    ];
    const cases: readonly (readonly [ConfigurationChange, RegExp])[] = [
      [{ kind: "promote", id: m1, votes: 1 }, /^m1 votes already$/],
      [{ kind: "votes", id: m2, votes: 2 }, /^m2 is a learner and has no votes: `flotilla member/],
      [{ kind: "prefer", ids: [m1, m2] }, /^m2 is a learner, and only a voter with data can lead$/],
      [{ kind: "staticLeader", id: m3 }, /^m3 is a witness, and only/],
    ];
    for (const [change, text] of cases) match(refusalText("wrongRole", cluster, [change]), text);
    match(refusalText("unchanged", cluster, []), /it would change nothing/);
  });
});

describe("the texts of a forced recovery", () => {
  const info = (id: bigint, name: string) => ({
    ...{ id, name, peerUrls: [], clientUrls: [], apiUrl: "" },
    ...{ isLearner: false, votes: 1, isWitness: false, preferredRank: 0 },
  });
  const plan = {
    member: info(1n, "m1"),
    epoch: 1,
    keptIndex: 50,
    committedIndex: 47,
    superseded: [info(2n, "m2"), info(3n, "")],
  };

  it("say what is kept, what is lost, and who is refused", () => {
    const text = recoveryPlanned(plan);
    match(text, /^m1 becomes the only member of the cluster, in epoch 1\.$/m);
    match(text, /^Entries up to 50 are kept; what only others had is lost\.$/m);
    match(text, /^The last 3 of them may never have been acknowledged/m);
    match(text, /^Members m2 and 3 of the old epoch will be refused until their data is wiped/m);
    match(
      recovered(plan, "/d"),
      /^Recovered: start m1 on \/d as before, and it leads alone\.\nThen /,
    );
  });

  it("leave out what does not apply", () => {
    const alone = recoveryPlanned({ ...plan, committedIndex: 50, superseded: [] });
    equal(/acknowledged|refused/.test(alone), false, alone);
  });
});
