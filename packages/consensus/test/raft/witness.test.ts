import { deepEqual, equal, ok } from "node:assert/strict";
import { describe, it } from "node:test";
import { utf8 } from "@flotilla/base";
import type { Configuration, Message } from "../../src/contract.ts";
import { Cluster, cutOff, type Member, votersOf } from "../cluster.ts";
import { only } from "../fixtures.ts";

const electionTicks = 10;
/** Two members with data, and a witness. */
const configuration: Configuration = { ...votersOf("a", "b", "w"), witnesses: ["w"] };

function led(): [Cluster, Member] {
  const cluster = new Cluster({ configuration });
  cluster.elect("a");
  cluster.run(2);
  return [cluster, cluster.get("a")];
}

function has(member: Member | undefined, text: string): boolean {
  return member?.machine.some((each) => each.endsWith(`:${text}`)) === true;
}

describe("a witness", () => {
  it("gets places and terms, and no data but configurations", () => {
    const [cluster, leader] = led();
    leader.input((raft) => raft.propose([utf8("x")]));
    leader.change({ kind: "votes", id: "b", votes: 1 }, { kind: "prefer", ids: ["a"] });
    cluster.run(3);
    const { log } = cluster.get("w").server;
    const entries = log.slice(1, log.lastIndex);
    deepEqual(
      entries.map(({ kind }) => kind),
      ["noop", "noop", "config", "config"],
    );
    for (const { kind, data } of entries) equal(data.length > 0, kind === "config");
    equal(log.lastIndex, leader.server.log.lastIndex);
    deepEqual(cluster.get("w").raft.configuration, leader.raft.configuration);
  });

  it("never campaigns, and is handed no leadership", () => {
    const [cluster, leader] = led();
    leader.input((raft) => raft.transferLeadership("w"));
    equal(leader.raft.propose([utf8("x")]).kind, "appended");
    const head = { from: "a", to: "w", term: leader.server.term } as const;
    cluster.get("w").input((raft) => raft.step({ kind: "timeoutNow", ...head }));
    leader.crash();
    cluster.get("b").crash();
    cluster.network = [];
    cluster.run(5 * electionTicks);
    equal(cluster.get("w").server.role, "follower");
    equal(cluster.get("w").server.term, leader.server.term);
  });

  it("waits for the members with data, so that every commit is on both", () => {
    const [cluster, leader] = led();
    leader.input((raft) => raft.propose([utf8("x")]));
    cluster.settle(cutOff("b"));
    cluster.run(3, cutOff("b"));
    equal(has(leader, "x"), false);
    cluster.run(1);
    ok(has(leader, "x"));
    equal(cluster.get("b").server.log.lastIndex, leader.server.log.lastIndex);
  });

  for (const dead of ["a", "b"]) {
    it(`keeps the cluster going without ${dead}, after an election timeout at most`, () => {
      const [cluster, leader] = led();
      leader.input((raft) => raft.propose([utf8("before")]));
      cluster.run(1);
      cluster.get(dead).crash();
      if (dead === "a") cluster.elect("b");
      const next = cluster.leader as Member;
      next.input((raft) => raft.propose([utf8("after")]));
      cluster.run(electionTicks + 1);
      ok(has(next, "before") && has(next, "after"));
      // It does not wait again, once it knows.
      next.input((raft) => raft.propose([utf8("later")]));
      cluster.run(1);
      ok(has(next, "later"));
    });
  }

  it("goes on at once under a new leader: who was never heard of is not waited for", () => {
    const [cluster] = led();
    cluster.get("a").crash();
    cluster.elect("b");
    cluster.run(4);
    ok(cluster.get("b").server.commitIndex === cluster.get("b").server.log.lastIndex);
  });

  it("keeps a member without the latest entries from leading", () => {
    const [cluster, leader] = led();
    leader.input((raft) => raft.propose([utf8("x")]));
    cluster.run(2 * electionTicks, cutOff("b"));
    ok(has(leader, "x"));
    leader.crash();
    cluster.run(6 * electionTicks);
    equal(cluster.leaders.length, 0);
    leader.restart();
    cluster.run(4 * electionTicks);
    ok(has(cluster.get("b"), "x"));
  });

  it("lets a member that comes back catch up without holding up commits", () => {
    const [cluster, leader] = led();
    leader.input((raft) => raft.propose([utf8("x")]));
    cluster.run(2 * electionTicks, cutOff("b"));
    for (let count = 0; count < 5; count++) {
      leader.input((raft) => raft.propose([utf8(`y${count}`)]));
      // "b" answers heartbeats again, and its appends are still on their way.
      cluster.run(1, ({ kind, to }) => kind === "appendRequest" && to === "b");
      ok(has(leader, `y${count}`));
    }
    cluster.run(2);
    ok(has(cluster.get("b"), "y4"));
  });

  it("is not ahead of a leader that has not written yet", () => {
    // The leader would need its vote after a crash, with a shorter log.
    const cluster = new Cluster({ configuration: { ...votersOf("a", "w"), witnesses: ["w"] } });
    cluster.elect("a");
    cluster.run(2);
    const leader = cluster.get("a");
    cluster.syncsAtOnce = false;
    leader.input((raft) => raft.propose([utf8("x")]));
    deepEqual(
      only(cluster.network, "appendRequest").flatMap(({ entries }) => entries),
      [],
    );
    leader.completeWrites();
    equal(only(cluster.network, "appendRequest").flatMap(({ entries }) => entries).length, 1);
  });

  it("is sent a snapshot without bytes, and goes on after it", () => {
    const [cluster, leader] = led();
    for (let count = 0; count < 5; count++) leader.input((raft) => raft.propose([utf8("x")]));
    cluster.run(2);
    leader.compact(leader.server.appliedIndex);
    cluster.join("v").isWitness = true;
    leader.change({ kind: "add", id: "v", votes: 1, witness: true });
    cluster.run(3, ({ kind }) => kind === "installSnapshot"); // Nobody reports that loss.
    cluster.run(5);
    const witness = cluster.get("v");
    ok(witness.server.log.firstIndex >= 7);
    leader.input((raft) => raft.propose([utf8("y")]));
    cluster.run(2);
    equal(witness.machine.length, leader.machine.length);
  });

  it("is not waited for when it is silent and needs what is compacted", () => {
    const voters = votersOf("a", "b", "c", "d", "w");
    const cluster = new Cluster({ configuration: { ...voters, witnesses: ["w"] } });
    cluster.elect("a");
    cluster.run(2);
    const leader = cluster.get("a");
    // "d" keeps up no more, but is still waited for; the others commit.
    const isLost = (message: Message): boolean =>
      cutOff("w")(message) || (message.kind === "appendRequest" && message.to === "d");
    leader.input((raft) => raft.propose([utf8("x")]));
    cluster.run(2, isLost);
    ok(has(leader, "x"));
    leader.compact(leader.server.appliedIndex);
    // Now the witness may get the entry, which is gone; and it does not answer.
    cluster.run(2 * electionTicks, isLost);
    equal(leader.raft.status().progress.get("w")?.state, "probe");
    cluster.run(5);
    equal(cluster.get("w").machine.length, leader.machine.length);
  });

  it("does not pass for a member with data once the change that made it one is rolled back", () => {
    const cluster = new Cluster({ configuration: votersOf("a", "b", "c") });
    cluster.elect("a");
    const leader = cluster.get("a");
    for (const text of ["x", "y"]) leader.input((raft) => raft.propose([utf8(text)]));
    cluster.run(2);
    const hollow = cluster.join("v");
    leader.change({ kind: "add", id: "v", votes: 1, witness: true });
    cluster.run(4, cutOff("b", "c"));
    // It holds places of all entries, and nobody else knows of the change.
    ok(hollow.server.log.lastIndex >= leader.server.commitIndex);
    leader.crash();
    hollow.restart();
    cluster.network = [];
    cluster.elect("b");
    const next = cluster.get("b");
    cluster.run(2);
    equal(next.change({ kind: "add", id: "v", votes: 0 }), "appended");
    cluster.run(2 * electionTicks);
    deepEqual(hollow.raft.status().isolation, { kind: "lacksData", by: "b" });
    equal(next.raft.status().progress.get("v")?.matchIndex, 0);
    equal(next.change({ kind: "promote", id: "v", votes: 1 }), "learnerBehind");
  });

  it("cannot become anything else under its id", () => {
    const [cluster, leader] = led();
    equal(leader.change({ kind: "demote", id: "w" }), "wrongRole");
    equal(leader.change({ kind: "remove", id: "w" }), "appended");
    cluster.run(3);
    equal(leader.change({ kind: "add", id: "w", votes: 1 }), "serverRemoved");
  });
});
