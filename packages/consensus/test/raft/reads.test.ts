import { deepEqual, equal } from "node:assert/strict";
import { describe, it } from "node:test";
import { utf8 } from "@flotilla/base";
import { Cluster, cutOff, type Member, votersOf } from "../cluster.ts";
import { only } from "../fixtures.ts";

const abc = votersOf("a", "b", "c");

function led(options: Partial<ConstructorParameters<typeof Cluster>[0]> = {}): [Cluster, Member] {
  const cluster = new Cluster({ configuration: abc, ...options });
  cluster.elect("a");
  cluster.run(2);
  return [cluster, cluster.get("a")];
}

describe("a linearizable read", () => {
  it("is answered after a quorum has confirmed the leader, and not before", () => {
    const [cluster, leader] = led();
    leader.input((raft) => raft.read(7));
    deepEqual(leader.reads, []);
    cluster.settle(cutOff("c"));
    deepEqual(leader.reads, [{ requestId: 7, index: 1 }]);
  });

  it("shares its round with all reads of a turn", () => {
    const [cluster, leader] = led();
    for (let requestId = 0; requestId < 100; requestId++) leader.raft.read(requestId);
    leader.pump();
    equal(only(cluster.network, "heartbeat").length, 2);
    cluster.settle();
    equal(leader.reads.length, 100);
  });

  it("is immediate for who votes alone", () => {
    const cluster = new Cluster({ configuration: votersOf("a") });
    const member = cluster.get("a");
    member.input((raft) => raft.tick());
    member.input((raft) => raft.read(1));
    deepEqual(member.reads, [{ requestId: 1, index: 1 }]);
  });

  it("at who votes alone waits, after a restart, for all that it had committed (T23)", () => {
    const cluster = new Cluster({ configuration: votersOf("a") });
    const member = cluster.get("a");
    cluster.run(1);
    member.input((raft) => raft.propose([utf8("x")]));
    member.disk.hardState = { ...member.disk.hardState, commit: 0 }; // Only a hint: it may be lost.
    member.restart();
    member.input((raft) => raft.read(1));
    deepEqual([member.reads, member.droppedReads], [[], [1]]); // It does not lead yet.
    cluster.run(1);
    member.input((raft) => raft.read(2));
    deepEqual(member.reads, [{ requestId: 2, index: 3 }]);
    equal(member.machine.length, 3);
  });

  it("waits until the leader has committed in its own term (T21)", () => {
    const cluster = new Cluster({ configuration: abc, logs: { a: "11", b: "11" } });
    const isAppend = (message: { kind: string }): boolean => message.kind === "appendRequest";
    cluster.elect("a", isAppend);
    const leader = cluster.get("a");
    leader.input((raft) => raft.read(1));
    cluster.run(3, isAppend);
    deepEqual(leader.reads, []);
    cluster.run(3);
    deepEqual(leader.reads, [{ requestId: 1, index: 3 }]);
  });

  it("is not confirmed by an old answer to an earlier round (T7)", () => {
    const [cluster, leader] = led();
    leader.input((raft) => raft.read(1));
    cluster.settle((message) => message.kind === "heartbeatResponse" && message.to === "a");
    // b's answer to that round is late, and is duplicated; meanwhile c takes over and commits.
    const readRound = leader.server.leadership?.reads.current as number;
    const old = { kind: "heartbeatResponse", from: "b", to: "a", readRound } as const;
    const { term } = leader.server;
    cluster.elect("c", cutOff("a"));
    cluster.get("c").input((raft) => raft.propose([utf8("new")]));
    cluster.settle(cutOff("a"));
    leader.input((raft) => raft.read(1)); // The same id again, as a retry of the client would be.
    leader.input((raft) => raft.step({ ...old, term }));
    deepEqual(leader.reads, [{ requestId: 1, index: 1 }]); // The first one only.
    leader.input((raft) => raft.step({ ...old, term }));
    equal(leader.reads.length, 1);
    cluster.run(3);
    deepEqual(leader.droppedReads, [1]);
  });

  it("is not confirmed by a round that was never started", () => {
    const [, leader] = led();
    leader.input((raft) => raft.read(1));
    const { term } = leader.server;
    for (const from of ["b", "c"]) {
      leader.input((raft) =>
        raft.step({ kind: "heartbeatResponse", from, to: "a", term, readRound: 99 }),
      );
    }
    deepEqual(leader.reads, []);
  });

  it("is repeated with each heartbeat when messages are lost", () => {
    const [cluster, leader] = led();
    leader.input((raft) => raft.read(1));
    cluster.take(() => true);
    cluster.run(1);
    deepEqual(leader.reads, [{ requestId: 1, index: 1 }]);
  });

  it("is dropped beyond the limit, and when leadership ends", () => {
    const [cluster, leader] = led({ engine: { pendingReadsMax: 2 } });
    for (const requestId of [1, 2, 3]) leader.input((raft) => raft.read(requestId));
    deepEqual(leader.droppedReads, [3]);
    cluster.elect("b", cutOff("a"));
    cluster.run(2);
    deepEqual(leader.droppedReads, [3, 1, 2]);
  });
});

describe("a read at a follower", () => {
  it("gets its index from the leader", () => {
    const [cluster, leader] = led();
    leader.input((raft) => raft.propose([utf8("x")]));
    cluster.settle();
    const follower = cluster.get("b");
    follower.input((raft) => raft.read(5));
    cluster.settle();
    deepEqual(follower.reads, [{ requestId: 5, index: 2 }]);
  });

  it("is dropped without a leader, beyond the limit, and with the leader", () => {
    const [cluster] = led({ engine: { pendingReadsMax: 1 } });
    const follower = cluster.get("b");
    for (const requestId of [1, 2]) follower.input((raft) => raft.read(requestId));
    deepEqual(follower.droppedReads, [2]);
    cluster.take(() => true);
    cluster.elect("c", cutOff("a"));
    deepEqual(follower.droppedReads, [2, 1]);
    const lost = new Cluster({ configuration: abc, ids: ["a"] }).get("a");
    lost.input((raft) => raft.read(9));
    deepEqual(lost.droppedReads, [9]);
  });

  it("is dropped when question or answer was lost", () => {
    const [cluster] = led();
    const follower = cluster.get("b");
    follower.input((raft) => raft.read(1));
    cluster.take((message) => message.kind === "readRequest");
    cluster.run(12);
    deepEqual(follower.droppedReads, [1]);
    equal(follower.server.leader, "a");
  });

  it("is not answered by an answer from before a restart", () => {
    const [cluster, leader] = led();
    const { term } = leader.server;
    const follower = cluster.get("b");
    const ask = (): number => {
      follower.input((raft) => raft.read(1));
      return cluster.take(() => true).flatMap((each) => only([each], "readRequest"))[0]
        ?.requestId as number;
    };
    const before = ask();
    follower.restart();
    follower.input((raft) =>
      raft.step({ kind: "heartbeat", from: "a", to: "b", term, commit: 0, readRound: 0 }),
    );
    const after = ask();
    const late = { kind: "readResponse", from: "a", to: "b", term, index: 1 } as const;
    follower.input((raft) => raft.step({ ...late, requestId: before }));
    deepEqual(follower.reads, []);
    follower.input((raft) => raft.step({ ...late, requestId: after }));
    deepEqual(follower.reads, [{ requestId: 1, index: 1 }]);
  });
});
