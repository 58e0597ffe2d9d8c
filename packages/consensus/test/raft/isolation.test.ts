import { deepEqual, equal, ok } from "node:assert/strict";
import { describe, it } from "node:test";
import { Prng, utf8 } from "@flotilla/base";
import type { Effects, Message, Persist } from "../../src/contract.ts";
import { forcedRecovery, recoveredConfiguration } from "../../src/forced-recovery.ts";
import { createRaft } from "../../src/raft/raft.ts";
import { Cluster, cutOff, entriesOf, type Member, termsOf, votersOf } from "../cluster.ts";
import { only, show } from "../fixtures.ts";

const electionTicks = 10;
const abc = votersOf("a", "b", "c");
type Options = Partial<ConstructorParameters<typeof Cluster>[0]>;

function led(options: Options = {}): [Cluster, Member] {
  const cluster = new Cluster({ configuration: abc, ...options });
  cluster.elect("a");
  cluster.run(2);
  return [cluster, cluster.get("a")];
}

/** Writes to the stopped member `id` what a tool writes, and starts it. */
function recover(cluster: Cluster, id: string): Member {
  const member = cluster.get(id);
  member.crash();
  const { hardState, snapshot, entries } = member.disk;
  const state = { hardState, snapshot, entries, appliedIndex: snapshot.index };
  const recovery = forcedRecovery(state, id);
  member.disk.hardState = recovery.hardState;
  member.disk.entries.push(recovery.entry);
  member.restart();
  return member;
}

function isolationOf(member: Member): string {
  const { isolation } = member.raft.status();
  return isolation === undefined ? "none" : isolation.kind;
}

describe("recoveredConfiguration()", () => {
  it("is the survivor alone, in the next epoch, and knows all others as removed", () => {
    const servers = [
      { id: "a", incarnation: 1, urls: ["a"] },
      { id: "b", incarnation: 2, urls: ["b"] },
    ];
    const before = {
      ...abc,
      learners: ["d"],
      staticLeader: "a",
      epoch: 4,
      servers,
      removed: ["x"],
    };
    const after = recoveredConfiguration(before, "b");
    equal(show(after), "b epoch 5 removed x a c d");
    deepEqual(after.servers, [servers[1]]);
  });
});

describe("a forced recovery", () => {
  /** "c" goes on alone; "a" and "b" have a quorum of the old epoch and do not know. */
  function recovered(): [Cluster, Member] {
    const [cluster, leader] = led();
    leader.input((raft) => raft.propose([utf8("kept")]));
    cluster.run(2);
    leader.input((raft) => raft.propose([utf8("lost")]));
    cluster.run(2, cutOff("c"));
    const survivor = recover(cluster, "c");
    for (let tick = 0; tick < 3; tick++) survivor.input((raft) => raft.tick());
    return [cluster, survivor];
  }

  it("makes the survivor lead at once, with all that it held", () => {
    const [, survivor] = recovered();
    ok(survivor.isLeader);
    survivor.input((raft) => raft.propose([utf8("new")]));
    const texts = survivor.machine.map((text) => text.split(":")[2]);
    ok(texts.includes("kept") && texts.includes("new") && !texts.includes("lost"));
  });

  it("has the old servers refused, even with a quorum of their own, and for good", () => {
    const [cluster, survivor] = recovered();
    const { term } = survivor.server;
    ok(cluster.get("a").isLeader);
    cluster.run(6 * electionTicks);
    equal(isolationOf(cluster.get("a")), "superseded"); // By its own heartbeat to "c".
    equal(isolationOf(cluster.get("b")), "superseded");
    equal(survivor.server.term, term);
    equal(isolationOf(survivor), "none");
    for (const id of ["a", "b"]) {
      const member = cluster.get(id);
      member.restart();
      equal(isolationOf(member), "superseded");
      equal(member.disk.hardState.supersededBy, 1);
      deepEqual(member.raft.propose([utf8("x")]), { kind: "dropped", reason: "isolated" });
    }
    cluster.run(6 * electionTicks);
    deepEqual(cluster.leaders, [survivor]);
  });

  it("lets new servers join, which replay the epochs before", () => {
    const [cluster, survivor] = recovered();
    for (const id of ["d", "e"]) {
      cluster.join(id);
      equal(survivor.change({ kind: "add", id, votes: 1 }), "appended");
      cluster.run(4);
    }
    equal(show(survivor.raft.configuration), "c d e epoch 1 removed a b");
    deepEqual(cluster.get("e").machine, survivor.machine);
    survivor.crash();
    cluster.run(6 * electionTicks);
    ok(cluster.leader !== undefined && ["d", "e"].includes(cluster.leader.id));
  });

  it("is not forgotten by a new server that crashes amid the epochs before", () => {
    const [cluster, survivor] = recovered();
    const joiner = cluster.join("d");
    survivor.change({ kind: "add", id: "d", votes: 1 });
    // Only the first entries arrive: their configuration is one of the old epoch.
    const old = entriesOf("11");
    const head = { from: "c", to: "d", term: survivor.server.term, epoch: 1 } as const;
    joiner.input((raft) =>
      raft.step({
        kind: "appendRequest",
        ...head,
        prevIndex: 0,
        prevTerm: 0,
        entries: old,
        commit: 2,
      }),
    );
    joiner.disk.snapshot = { index: 2, term: 1, configuration: abc };
    joiner.disk.machine = joiner.machine.slice();
    joiner.disk.entries = [];
    joiner.restart();
    equal(joiner.server.epoch, 1);
    joiner.input((raft) => raft.step({ kind: "heartbeat", ...head, commit: 0, readRound: 1 }));
    equal(isolationOf(joiner), "none");
  });

  it("is known to a new server from the start where it was told when it joined", () => {
    const [cluster, survivor] = recovered();
    const joiner = cluster.join("d");
    joiner.disk.snapshot = {
      ...joiner.disk.snapshot,
      configuration: { ...joiner.raft.configuration, epoch: 1 },
    };
    joiner.restart();
    survivor.change({ kind: "add", id: "d", votes: 1 });
    cluster.run(4);
    equal(isolationOf(joiner), "none");
    deepEqual(joiner.machine, survivor.machine);
    equal(joiner.disk.hardState.epoch, 1);
  });

  it("cannot be joined by a survivor that was recovered into an epoch of the same number", () => {
    const [cluster, survivor] = recovered();
    const other = recover(cluster, "a");
    for (let tick = 0; tick < 3; tick++) other.input((raft) => raft.tick());
    for (const [member, text] of [
      [survivor, "here"],
      [other, "there"],
    ] as const) {
      member.input((raft) => raft.propose([utf8(text)]));
    }
    equal(other.server.epoch, survivor.server.epoch);
    cluster.run(2);
    equal(survivor.change({ kind: "add", id: "a", votes: 1 }), "serverRemoved");
    const { term } = survivor.server;
    const head = { from: "a", to: "c", term: term + 9, epoch: survivor.server.epoch } as const;
    survivor.input((raft) =>
      raft.step({
        ...head,
        kind: "voteRequest",
        lastIndex: 99,
        lastTerm: term + 8,
        transfer: true,
      }),
    );
    equal(survivor.server.term, term);
    ok(survivor.isLeader);
  });

  it("of a server that was left behind outruns the epoch that did so", () => {
    const [cluster] = recovered();
    cluster.run(2);
    const other = recover(cluster, "a");
    equal(isolationOf(other), "none");
    equal(show(other.raft.configuration), "a epoch 2 removed b c");
  });
});

describe("epochs", () => {
  it("ahead are taken by blank servers only", () => {
    const cluster = new Cluster({ configuration: abc, ids: ["a"] });
    const joiner = cluster.join("d");
    const beat = {
      kind: "heartbeat",
      from: "b",
      term: 3,
      epoch: 2,
      commit: 0,
      readRound: 1,
    } as const;
    joiner.input((raft) => raft.step({ ...beat, to: "d" }));
    equal(
      only(
        cluster.take(() => true),
        "heartbeatResponse",
      )[0]?.epoch,
      2,
    );
    const member = cluster.get("a");
    member.input((raft) => raft.step({ ...beat, to: "a" }));
    deepEqual(member.raft.status().isolation, { kind: "superseded", by: "b" });
    equal(member.server.term, 0);
    deepEqual(cluster.network, []);
  });

  it("behind are refused, and not listened to", () => {
    const cluster = new Cluster({ configuration: { ...abc, epoch: 2 }, ids: ["a"] });
    const member = cluster.get("a");
    const head = { from: "b", to: "a", term: 9, lastIndex: 9, lastTerm: 8 } as const;
    member.input((raft) => raft.step({ kind: "voteRequest", ...head, epoch: 1, transfer: true }));
    equal(member.server.term, 0);
    const [refusal] = only(cluster.network, "refused");
    deepEqual([refusal?.reason, refusal?.epoch, refusal?.to], ["superseded", 2, "b"]);
  });

  it("of late refusals are past", () => {
    const cluster = new Cluster({ configuration: { ...abc, epoch: 2 }, ids: ["a"] });
    const member = cluster.get("a");
    const head = { kind: "refused", from: "b", to: "a", term: 9 } as const;
    member.input((raft) => raft.step({ ...head, epoch: 2, reason: "superseded" }));
    member.input((raft) => raft.step({ ...head, epoch: 1, reason: "removed" }));
    equal(isolationOf(member), "none");
  });
});

describe("a server whose disk is lost (T18)", () => {
  const incarnations = { a: 1, b: 2, c: 3 };

  it("is known by the incarnations that the leader has registered", () => {
    const [cluster, leader] = led({ incarnations });
    cluster.run(3);
    const known = leader.raft.configuration.servers?.map((server) => server.incarnation);
    deepEqual(known?.toSorted(), [1, 2, 3]);
    const { lastIndex } = leader.server.log;
    cluster.run(30);
    equal(leader.server.log.lastIndex, lastIndex);
  });

  it("is refused, and neither votes nor counts", () => {
    const [cluster, leader] = led({ incarnations });
    cluster.run(3);
    const wiped = cluster.get("c");
    wiped.wipe(33);
    cluster.run(2);
    deepEqual(wiped.raft.status().isolation, { kind: "lostDisk", by: "a" });
    cluster.get("b").crash();
    leader.input((raft) => raft.propose([utf8("x")]));
    cluster.run(3);
    equal(leader.machine.at(-1)?.endsWith(":x"), false);
  });

  it("cannot elect a leader without what it had acknowledged", () => {
    const [cluster, leader] = led({ incarnations });
    cluster.run(3);
    leader.input((raft) => raft.propose([utf8("x")]));
    cluster.run(2, cutOff("b")); // On "a" and "c".
    leader.crash();
    cluster.get("c").wipe(33);
    cluster.run(10 * electionTicks);
    equal(cluster.leaders.length, 0);
    equal(isolationOf(cluster.get("c")), "lostDisk"); // It was asked, and "b" did not like the answer.
    leader.restart();
    cluster.run(6 * electionTicks);
    ok(cluster.leader?.machine.some((text) => text.endsWith(":x")));
  });

  it("is noticed also while a change keeps the leader from registering", () => {
    const cluster = new Cluster({ configuration: abc, incarnations });
    cluster.elect("a", cutOff("c"));
    const leader = cluster.get("a");
    equal(leader.change({ kind: "votes", id: "c", votes: 5 }), "appended");
    // Nothing is committed without "c", which is heard as 3.
    cluster.run(2, ({ kind, to }) => kind === "appendRequest" && to === "c");
    equal(leader.server.isConfigurationCommitted, false);
    cluster.get("c").wipe(33);
    cluster.run(4);
    equal(isolationOf(cluster.get("c")), "lostDisk");
    equal(leader.server.isConfigurationCommitted, false);
  });

  it("comes back under a new id", () => {
    const [cluster, leader] = led({ incarnations: { ...incarnations, d: 4 } });
    cluster.run(3);
    cluster.get("c").crash();
    cluster.join("d");
    equal(
      leader.change({ kind: "remove", id: "c" }, { kind: "add", id: "d", votes: 1 }),
      "appended",
    );
    cluster.run(4);
    equal(show(leader.raft.configuration), "a b d removed c");
    equal(leader.raft.configuration.servers?.find(({ id }) => id === "d")?.incarnation, 4);
  });

  it("is not what a refusal of another incarnation is about", () => {
    const cluster = new Cluster({ configuration: abc, ids: ["a"], incarnations });
    const member = cluster.get("a");
    const head = { kind: "refused", from: "b", to: "a", term: 9, reason: "lostDisk" } as const;
    member.input((raft) => raft.step({ ...head, refusedIncarnation: 99 }));
    equal(isolationOf(member), "none");
    member.input((raft) => raft.step({ ...head, refusedIncarnation: 1 }));
    equal(isolationOf(member), "lostDisk");
  });

  it("is not checked where incarnations are not told", () => {
    const [cluster, leader] = led();
    cluster.get("c").wipe(0);
    leader.input((raft) => raft.propose([utf8("x")]));
    cluster.run(3);
    equal(isolationOf(cluster.get("c")), "none");
  });
});

describe("a follower that has lost entries it had acknowledged (T8)", () => {
  /** "c" comes back without its last `count` entries, and without knowing that. */
  function forgetful(count: number, options: Options = {}): [Cluster, Member, Member] {
    const [cluster, leader] = led(options);
    for (const text of ["x", "y", "z"]) leader.input((raft) => raft.propose([utf8(text)]));
    cluster.run(2);
    const follower = cluster.get("c");
    follower.crash();
    follower.disk.entries = follower.disk.entries.slice(0, -count);
    follower.disk.hardState = { ...follower.disk.hardState, commit: 0 };
    follower.restart();
    return [cluster, leader, follower];
  }
  const isToLeader = (message: Message): boolean => message.to === "a";

  it("neither votes nor campaigns, says so, and is given them again", () => {
    const [cluster, leader, follower] = forgetful(2);
    leader.input((raft) => raft.tick());
    cluster.settle(isToLeader);
    deepEqual(follower.raft.status().isolation, { kind: "lostEntries", until: 4 });
    const head = {
      from: "b",
      to: "c",
      term: 9,
      lastIndex: 9,
      lastTerm: 8,
      transfer: true,
    } as const;
    follower.input((raft) => raft.step({ kind: "voteRequest", ...head }));
    equal(
      only(
        cluster.take(() => true),
        "voteResponse",
      )[0]?.granted,
      false,
    );
    cluster.network = [];
    for (let tick = 0; tick < 5 * electionTicks; tick++) follower.input((raft) => raft.tick());
    deepEqual(only(cluster.network, "preVoteRequest"), []);
    cluster.network = [];
    cluster.run(8 * electionTicks);
    equal(isolationOf(follower), "none");
    deepEqual(follower.machine, cluster.leader?.machine);
  });

  it("is repaired without an election, and shows at the leader meanwhile", () => {
    const [cluster, leader, follower] = forgetful(3);
    const { term } = leader.server;
    leader.input((raft) => raft.tick());
    cluster.settle((message) => message.kind === "appendRequest" && message.to === "c");
    equal(leader.raft.status().progress.get("c")?.hasLostEntries, true);
    cluster.run(3);
    equal(leader.raft.status().progress.get("c")?.hasLostEntries, undefined);
    equal(isolationOf(follower), "none");
    deepEqual(follower.machine, leader.machine);
    equal(leader.server.term, term);
    equal(leader.raft.status().diverged, undefined);
  });

  it("is still isolated after a restart: the next leader would not know", () => {
    const [cluster, leader, follower] = forgetful(2);
    leader.input((raft) => raft.tick());
    cluster.settle(isToLeader);
    follower.restart();
    deepEqual(follower.raft.status().isolation, { kind: "lostEntries", until: 4 });
  });

  it("is repaired although its report is lost", () => {
    const [cluster, leader, follower] = forgetful(2);
    leader.input((raft) => raft.tick());
    cluster.settle((message) => message.kind === "dataLost");
    equal(isolationOf(follower), "lostEntries");
    cluster.run(electionTicks + 1);
    equal(isolationOf(follower), "none");
    deepEqual(follower.machine, leader.machine);
  });

  it("does not commit what an older disk holds in their place", () => {
    // "c" had acknowledged 1 and 2 of term 3, and comes back with those of term 1.
    const cluster = new Cluster({
      configuration: abc,
      ids: ["c"],
      logs: { c: "11" },
      terms: { c: 3 },
    });
    const member = cluster.get("c");
    const head = { from: "a", to: "c", term: 3 } as const;
    member.input((raft) => raft.step({ kind: "heartbeat", ...head, commit: 2, readRound: 1 }));
    equal(member.server.commitIndex, 0);
    const append = {
      kind: "appendRequest",
      ...head,
      prevIndex: 0,
      prevTerm: 0,
      commit: 2,
    } as const;
    member.input((raft) => raft.step({ ...append, entries: entriesOf("33") }));
    equal(member.server.commitIndex, 2);
    equal(termsOf(member), "33");
  });

  it("that denies what it acknowledged is given it again, not asked for ever", () => {
    const [cluster, leader] = led();
    const head = { from: "c", to: "a", term: leader.server.term } as const;
    for (const text of ["x", "y"]) leader.input((raft) => raft.propose([utf8(text)]));
    leader.input((raft) => raft.step({ kind: "appendAccepted", ...head, matchIndex: 3 }));
    cluster.network = [];
    const progress = leader.server.leadership?.progress.get("c");
    const reject = { kind: "appendRejected", ...head, hintIndex: 0, hintTerm: 0 } as const;
    for (let count = 0; count < 3; count++) {
      leader.input((raft) => raft.step({ ...reject, rejectedIndex: 3 }));
    }
    equal(progress?.matchIndex, 0);
    const last = only(cluster.network, "appendRequest").findLast(({ to }) => to === "c");
    equal(last?.prevIndex, 0);
    equal(last?.entries.length, 3);
  });

  it("starts, isolated, when its log ends before what was committed or applied", () => {
    const [cluster, leader] = led();
    for (const text of ["x", "y", "z"]) leader.input((raft) => raft.propose([utf8(text)]));
    cluster.run(2);
    const follower = cluster.get("c");
    follower.compact(1);
    follower.crash();
    follower.disk.snapshot = { index: 1, term: 1, configuration: abc };
    follower.disk.entries = [];
    follower.restart();
    deepEqual(follower.raft.status().isolation, { kind: "lostEntries", until: 4 });
    cluster.run(3);
    equal(isolationOf(follower), "none");
    deepEqual(follower.machine, leader.machine);
  });

  it("applies nothing twice when its state machine is ahead of what is left of the log", () => {
    const raft = createRaft(
      { id: "c", random: new Prng(1) },
      {
        hardState: { term: 1, vote: "", commit: 1 },
        snapshot: { index: 0, term: 0, configuration: abc },
        entries: entriesOf("1"),
        appliedIndex: 4,
      },
    );
    const { persist } = raft.takeEffects() as Effects; // What is lost is written down.
    equal(persist?.hardState?.lostUntil, 4);
    const head = { kind: "appendRequest", from: "a", to: "c", term: 1 } as const;
    raft.step({ ...head, prevIndex: 1, prevTerm: 1, entries: entriesOf("1111", 2), commit: 5 });
    const effects = raft.takeEffects() as Effects;
    raft.persisted((effects.persist as Persist).token);
    const { committed } = raft.takeEffects() as Effects;
    deepEqual(
      committed.map(({ index }) => index),
      [5],
    );
    equal(raft.status().isolation, undefined);
  });
});
