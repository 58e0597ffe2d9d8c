import { equal, ok } from "node:assert/strict";
import { describe, it } from "node:test";
import { utf8 } from "@flotilla/base";
import { Cluster, cutOff, type Member, votersOf } from "../cluster.ts";
import { only } from "../fixtures.ts";

const electionTicks = 10;
const preferTicks = 20;
type Options = Partial<ConstructorParameters<typeof Cluster>[0]>;

function led(by: string, more: Options = {}): [Cluster, Member] {
  const configuration = { ...votersOf("a", "b", "c"), preferred: ["a", "b"] };
  const cluster = new Cluster({ configuration, engine: { preferTicks }, ...more });
  cluster.elect(by);
  cluster.run(2);
  return [cluster, cluster.get(by)];
}

describe("a preferred leader", () => {
  it("gets the leadership, the most preferred first, without an election timeout", () => {
    const [cluster, leader] = led("c");
    const { term } = leader.server;
    cluster.run(preferTicks);
    equal(cluster.leader?.id, "a");
    equal(cluster.leader?.server.term, term + 1);
    cluster.run(3 * preferTicks);
    equal(cluster.leader?.server.term, term + 1);
  });

  it("hands over only to those that are preferred to itself", () => {
    const [cluster, leader] = led("b");
    cluster.run(3 * preferTicks, cutOff("a"));
    ok(leader.isLeader);
    cluster.run(preferTicks);
    equal(cluster.leader?.id, "a");
  });

  it("gets it back after a restart, and not at once", () => {
    const [cluster, leader] = led("a");
    leader.crash();
    cluster.elect("c");
    cluster.run(2);
    leader.restart();
    cluster.run(preferTicks - 5);
    equal(cluster.leader?.id, "c");
    cluster.run(5 + preferTicks);
    equal(cluster.leader?.id, "a");
  });

  it("is asked now and then only, when it does not take over", () => {
    const [cluster] = led("c");
    const leader = cluster.get("c");
    let attempts = 0;
    let before = "";
    for (let tick = 0; tick < 4 * preferTicks + electionTicks; tick++) {
      cluster.run(1, ({ kind }) => kind === "timeoutNow");
      const { transferTarget } = leader.raft.status();
      if (transferTarget !== "" && before === "") attempts++;
      before = transferTarget;
    }
    equal(attempts, 4);
    equal(leader.raft.propose([utf8("x")]).kind, "appended");
  });

  it("is not asked while it lacks entries, or while a change is under way", () => {
    const [cluster, leader] = led("c");
    const isToA = ({ kind, to }: { kind: string; to: string }): boolean =>
      kind === "appendRequest" && to === "a";
    leader.input((raft) => raft.propose([utf8("x")]));
    const [next] = [cluster.get("b")];
    cluster.run(preferTicks + 5, isToA);
    ok(next.isLeader); // The second best has it.
    next.change({ kind: "votes", id: "c", votes: 2 });
    cluster.run(2 * preferTicks, ({ kind, to }) => kind === "appendAccepted" && to === "b");
    equal(only(cluster.network, "timeoutNow").length, 0);
    ok(next.isLeader);
  });
});

function stand(cluster: Cluster, isBack: boolean, ...ids: readonly string[]): void {
  for (const id of ids) cluster.get(id).input((raft) => raft.standBack(isBack));
  cluster.run(2); // Whoever leads is told so.
}

describe("a server that stands back", () => {
  it("is handed leadership by no preference, for as long as it does", () => {
    const [cluster, leader] = led("c");
    const { term } = leader.server;
    stand(cluster, true, "a");
    equal(leader.raft.status().progress.get("a")?.standsBack, true);
    cluster.run(5 * preferTicks);
    equal(cluster.leader?.id, "b", "the second best");
    equal(cluster.leader?.server.term, term + 1);
    stand(cluster, false, "a");
    cluster.run(preferTicks);
    equal(cluster.leader?.id, "a");
    equal(cluster.leader?.server.term, term + 2);
  });

  it("is handed nothing as the static leader, either", () => {
    const [cluster, leader] = led("a");
    stand(cluster, true, "c");
    equal(leader.change({ kind: "staticLeader", id: "c" }), "appended");
    cluster.run(3 * preferTicks);
    ok(leader.isLeader);
    stand(cluster, false, "c");
    cluster.run(preferTicks);
    equal(cluster.leader?.id, "c");
  });

  it("hands on what it has, at once, to the one that does not", () => {
    for (const ready of ["a", "b", "c"]) {
      const [cluster, leader] = led("a");
      const { term } = leader.server;
      stand(cluster, true, ...["b", "c"].filter((id) => id !== ready));
      if (ready !== "a") stand(cluster, true, "a");
      equal(cluster.leader?.id, ready);
      cluster.run(5 * preferTicks);
      equal(cluster.leader?.id, ready);
      equal(cluster.leader?.server.term, ready === "a" ? term : term + 1, ready);
    }
  });

  it("takes proposals in while the one that does not is not to be reached", () => {
    const [cluster, leader] = led("a");
    stand(cluster, true, "b");
    leader.input((raft) => raft.standBack(true));
    cluster.run(3 * electionTicks, cutOff("c"));
    ok(leader.isLeader);
    equal(leader.raft.propose([utf8("x")]).kind, "appended");
    cluster.run(3);
    equal(cluster.leader?.id, "c");
  });

  it("hands on to one that a change is about to take out, where nobody else is ready", () => {
    const [cluster, leader] = led("a");
    stand(cluster, true, "b");
    equal(leader.change({ kind: "remove", id: "c" }), "appended");
    leader.input((raft) => raft.standBack(true));
    cluster.run(2, ({ from, kind }) => from === "b" && kind === "appendAccepted");
    equal(cluster.leader?.id, "c");
  });

  it("leads on while all do, and is elected where nobody leads", () => {
    const [cluster, leader] = led("a");
    const { term } = leader.server;
    stand(cluster, true, "b", "c");
    stand(cluster, true, "a");
    cluster.run(5 * preferTicks);
    ok(leader.isLeader);
    equal(leader.server.term, term);
    leader.crash();
    cluster.run(3 * electionTicks);
    ok(cluster.leader !== undefined);
  });

  it("leads where somebody names it, and hands on", () => {
    const [cluster, leader] = led("c");
    stand(cluster, true, "a");
    leader.input((raft) => raft.transferLeadership("a"));
    cluster.settle();
    equal(cluster.leader?.id, "a");
    cluster.run(2);
    ok(cluster.leader !== undefined && cluster.leader.id !== "a");
  });

  it("succeeds a leader that leaves only where nobody else can", () => {
    for (const [back, heir] of [["b"], ["b", "c"]].map(
      (ids) => [ids, ids.length === 1 ? "c" : "b"] as const,
    )) {
      const cluster = new Cluster({ configuration: votersOf("a", "b", "c") });
      cluster.elect("a");
      cluster.run(2);
      stand(cluster, true, ...back);
      equal(cluster.get("a").change({ kind: "remove", id: "a" }), "appended");
      cluster.settle();
      equal(cluster.leader?.id, heir);
    }
  });
});

describe("a static leader", () => {
  const configuration = { ...votersOf("a", "b", "c"), staticLeader: "b" };

  it("is the only one that campaigns", () => {
    const cluster = new Cluster({ configuration });
    cluster.run(5 * electionTicks, cutOff("b"));
    equal(cluster.leaders.length, 0);
    equal(cluster.get("a").server.term, 0);
    cluster.run(3 * electionTicks);
    equal(cluster.leader?.id, "b");
  });

  it("is the only one that leadership is handed to", () => {
    const cluster = new Cluster({ configuration });
    cluster.run(3 * electionTicks);
    const leader = cluster.get("b");
    leader.input((raft) => raft.transferLeadership("a"));
    equal(leader.raft.propose([utf8("x")]).kind, "appended");
    const head = { from: "b", to: "a", term: leader.server.term } as const;
    cluster.get("a").input((raft) => raft.step({ kind: "timeoutNow", ...head }));
    equal(cluster.get("a").server.role, "follower");
  });

  it("takes over from whoever led when it was set", () => {
    const [cluster, leader] = led("a");
    equal(leader.change({ kind: "staticLeader", id: "c" }), "appended");
    cluster.run(preferTicks + 3);
    equal(cluster.leader?.id, "c");
  });

  it("that lacks entries is stood in for, as nobody would ever lead otherwise", () => {
    const terms = { a: 2, b: 2, c: 2 };
    const cluster = new Cluster({
      configuration,
      engine: { preferTicks },
      logs: { a: "112", b: "1", c: "112" },
      terms,
    });
    cluster.run(10 * electionTicks);
    equal(cluster.leader?.id, "b");
    for (const member of cluster.up) equal(member.machine.length, cluster.leader?.machine.length);
    ok(cluster.get("b").machine.some((text) => text.includes("2.3")));
  });

  it("that does not know that it is one is stood in for", () => {
    const cluster = new Cluster({ configuration: { ...configuration, staticLeader: "c" } });
    cluster.run(3 * electionTicks);
    const leader = cluster.get("c");
    // Whoever led could be lost before it hands over; "b" still waits for "c".
    leader.change({ kind: "staticLeader", id: "b" });
    cluster.run(3, cutOff("b"));
    for (const id of ["a", "c"]) equal(cluster.get(id).raft.configuration.staticLeader, "b");
    leader.restart();
    cluster.run(preferTicks * 10 + 10 * electionTicks);
    equal(cluster.leader?.id, "b");
  });

  it("that does not know that it votes is stood in for", () => {
    const learning = { ...votersOf("a", "b", "c"), learners: ["d"] };
    const cluster = new Cluster({
      configuration: learning,
      ids: ["a", "b", "c", "d"],
      engine: { preferTicks },
    });
    cluster.elect("a");
    cluster.run(2);
    const leader = cluster.get("a");
    leader.change({ kind: "promote", id: "d", votes: 1 }, { kind: "staticLeader", id: "d" });
    cluster.run(3, cutOff("d"));
    leader.restart();
    cluster.run(10 * electionTicks);
    equal(cluster.leader?.id, "d");
  });

  it("that has lost entries is stood in for, until it has them again", () => {
    const cluster = new Cluster({ configuration, engine: { preferTicks } });
    cluster.run(3 * electionTicks);
    const leader = cluster.get("b");
    leader.input((raft) => raft.propose([utf8("x"), utf8("y")]));
    cluster.run(2);
    leader.crash();
    leader.disk.entries.splice(1);
    leader.restart();
    ok(leader.raft.status().isolation !== undefined);
    cluster.run(10 * electionTicks);
    equal(cluster.leader?.id, "b");
    equal(leader.raft.status().isolation, undefined);
  });

  it("that is only slow gives way to nobody", () => {
    const cluster = new Cluster({ configuration });
    cluster.run(3 * electionTicks);
    const leader = cluster.get("b");
    leader.restart();
    for (let tick = 0; tick < 10 * electionTicks; tick++) {
      for (const id of ["a", "c"]) cluster.get(id).input((raft) => raft.tick());
      cluster.settle();
    }
    equal(cluster.leaders.length, 0);
    cluster.run(3 * electionTicks);
    equal(cluster.leader?.id, "b");
  });

  it("is not set while it does not answer", () => {
    const [cluster, leader] = led("a");
    cluster.run(electionTicks + 1, cutOff("c"));
    equal(leader.change({ kind: "staticLeader", id: "c" }), "learnerBehind");
    const both = [
      { kind: "add", id: "d", votes: 1 },
      { kind: "staticLeader", id: "d" },
    ] as const;
    equal(leader.change(...both), "learnerBehind");
    equal(leader.change({ kind: "staticLeader", id: "a" }), "appended");
  });
});
