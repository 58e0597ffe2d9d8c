import { deepEqual, equal, ok } from "node:assert/strict";
import { describe, it } from "node:test";
import { soleVoter } from "../../src/configuration.ts";
import { Cluster, cutOff, type Member, votersOf } from "../cluster.ts";
import { only } from "../fixtures.ts";

const electionTicks = 10;
const tickMs = 100;
const durationMs = 800;
const abc = votersOf("a", "b", "c");

/** "a" leads; its clock shows 10,000 ms, and every tick is 100 ms. */
function led(): [Cluster, Member] {
  const cluster = new Cluster({
    configuration: abc,
    engine: { electionTicks, leaseReads: { durationMs } },
  });
  for (const member of cluster.up) {
    member.nowMs = 10_000;
    member.server.leaderHeardTick = -electionTicks; // Long ago, so that there can be an election.
  }
  cluster.elect("a");
  const leader = cluster.get("a");
  cluster.run(1);
  return [cluster, leader];
}

/** A read at `nowMs` by the leader's clock; true when it is served at once. */
function readsAt(leader: Member, nowMs: number): boolean {
  const requestId = nowMs;
  leader.nowMs = nowMs;
  leader.input((raft) => raft.read(requestId));
  return leader.reads.some((read) => read.requestId === requestId);
}

describe("a read by lease", () => {
  it("is served at once, without a message, while the lease lasts", () => {
    const [cluster, leader] = led();
    ok(readsAt(leader, 10_000 + durationMs - 1));
    deepEqual(cluster.network, []);
    deepEqual(leader.reads.at(-1)?.index, leader.server.commitIndex);
    equal(readsAt(leader, 10_000 + durationMs), false);
    equal(only(cluster.network, "heartbeat").length, 2); // The ordinary round.
    cluster.settle();
    equal(leader.reads.length, 2);
  });

  it("counts from when the heartbeat left, not from when its answers came (T22a)", () => {
    const [cluster, leader] = led();
    leader.nowMs = 20_000;
    leader.input((raft) => raft.tick());
    leader.nowMs = 20_500;
    cluster.settle();
    ok(readsAt(leader, 20_000 + durationMs - 1));
    equal(readsAt(leader, 20_000 + durationMs), false);
  });

  it("needs a quorum's answers to one heartbeat, or to later ones", () => {
    const [cluster, leader] = led();
    leader.nowMs = 20_000;
    leader.input((raft) => raft.tick());
    cluster.settle(cutOff("b", "c"));
    equal(readsAt(leader, 20_001), false);
    cluster.network = [];
    leader.nowMs = 20_100;
    leader.input((raft) => raft.tick());
    cluster.settle(cutOff("c"));
    ok(readsAt(leader, 20_100 + durationMs - 1));
  });

  it("looks at the clock when it is read, however late that is (T22b)", () => {
    const [, leader] = led();
    equal(readsAt(leader, 1_000_000), false); // The process was paused.
  });

  it("needs a clock", () => {
    const [, leader] = led();
    leader.nowMs = undefined;
    leader.input((raft) => raft.read(1));
    deepEqual(leader.reads, []);
  });

  it("waits for an entry of the leader's own term (T21)", () => {
    const cluster = new Cluster({
      configuration: abc,
      logs: { a: "11", b: "11" },
      engine: { leaseReads: { durationMs } },
    });
    for (const member of cluster.up) {
      member.nowMs = 0;
      member.server.leaderHeardTick = -electionTicks;
    }
    cluster.elect("a", ({ kind }) => kind === "appendRequest");
    cluster.run(1, ({ kind }) => kind === "appendRequest");
    equal(readsAt(cluster.get("a"), 1), false);
  });

  it("is over once somebody was told to campaign, as that one's votes ask nobody (T22d)", () => {
    const [cluster, leader] = led();
    leader.input((raft) => raft.transferLeadership("b"));
    const [delayed] = cluster.take(({ kind }) => kind === "timeoutNow");
    equal(readsAt(leader, 10_001), false);
    // The transfer is given up; the message is still on its way.
    cluster.run(electionTicks, ({ kind }) => kind === "timeoutNow");
    equal(leader.raft.status().transferTarget, "");
    ok(leader.isLeader);
    leader.reads = [];
    equal(readsAt(leader, 10_002), false);
    if (delayed !== undefined) cluster.deliver(delayed);
    cluster.settle(cutOff("a"));
    ok(cluster.get("b").isLeader);
  });

  it("is kept by voters that have heard of a newer term since (T22e)", () => {
    const [cluster, leader] = led();
    const voter = cluster.get("b");
    const { term } = leader.server;
    // The news of a term that nobody won makes a voter forget whom it follows, not what it owes.
    const news = { from: "c", to: "b", term: term + 3 } as const;
    voter.input((raft) => raft.step({ kind: "heartbeatResponse", ...news, readRound: 0 }));
    equal(voter.server.leader, "");
    const ask = { from: "c", to: "b", lastIndex: 99, lastTerm: term } as const;
    voter.input((raft) => {
      raft.step({ kind: "preVoteRequest", ...ask, term: term + 4 });
      raft.step({ kind: "voteRequest", ...ask, term: term + 4, transfer: false });
      raft.step({ kind: "voteRequest", ...ask, term: term + 3, transfer: false });
    });
    equal(only(cluster.network, "preVoteResponse").length, 0);
    ok(only(cluster.network, "voteResponse").every(({ granted }) => !granted));
  });

  it("is kept by voters that were restarted (T22f)", () => {
    const [cluster, leader] = led();
    const voter = cluster.get("b");
    voter.restart();
    const ask = { from: "c", to: "b", term: leader.server.term + 1, lastIndex: 99 } as const;
    const answers = (): boolean[] =>
      only(
        cluster.take(() => true),
        "voteResponse",
      ).map(({ granted }) => granted);
    const request = { kind: "voteRequest", ...ask, lastTerm: leader.server.term } as const;
    voter.input((raft) => raft.step({ ...request, transfer: false }));
    deepEqual(answers(), []);
    for (let tick = 0; tick < electionTicks; tick++) voter.input((raft) => raft.tick());
    voter.input((raft) => raft.step({ ...request, transfer: false }));
    deepEqual(answers(), [true]);
  });

  it("needs both halves of a joint configuration", () => {
    const [cluster, leader] = led();
    for (const id of ["d", "e"]) cluster.join(id);
    leader.change({ kind: "add", id: "d", votes: 2 }, { kind: "add", id: "e", votes: 2 });
    leader.nowMs = 30_000;
    cluster.run(1, cutOff("d", "e"));
    equal(readsAt(leader, 30_001), false);
    leader.nowMs = 30_100;
    cluster.run(2);
    ok(readsAt(leader, 30_100 + tickMs));
  });

  it("is not undone by who has become the only voter (T22f)", () => {
    // "a" has removed itself and does not know that "b" has that entry, the end of its leadership.
    const cluster = new Cluster({
      configuration: votersOf("a", "b"),
      engine: { leaseReads: { durationMs } },
    });
    for (const member of cluster.up) {
      member.nowMs = 10_000;
      member.server.leaderHeardTick = -electionTicks;
    }
    cluster.elect("a");
    cluster.run(2);
    const leader = cluster.get("a");
    leader.change({ kind: "remove", id: "a" });
    const isAlone = (): boolean => soleVoter(cluster.get("b").raft.configuration, "b");
    cluster.settle(({ kind }) => isAlone() && kind === "appendAccepted");
    leader.input((raft) => raft.tick());
    cluster.settle(({ kind }) => kind === "appendAccepted");
    cluster.get("b").restart();
    for (let tick = 0; tick < electionTicks - 1; tick++) {
      cluster.get("b").input((raft) => raft.tick());
      equal(cluster.get("b").isLeader, false);
    }
    ok(readsAt(leader, 10_001));
    cluster.get("b").input((raft) => raft.tick());
    ok(cluster.get("b").isLeader);
  });

  it("is asked for: without the option every read takes its round", () => {
    const cluster = new Cluster({ configuration: abc });
    cluster.elect("a");
    cluster.get("a").nowMs = 5;
    cluster.run(2);
    equal(readsAt(cluster.get("a"), 6), false);
  });
});
