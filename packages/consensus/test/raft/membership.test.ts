import { deepEqual, equal, ok } from "node:assert/strict";
import { describe, it } from "node:test";
import { utf8 } from "@flotilla/base";
import { encodeConfiguration } from "../../src/configuration-codec.ts";
import type { Configuration, Entry, Message } from "../../src/contract.ts";
import { Cluster, cutOff, type Member, votersOf } from "../cluster.ts";
import { only, show } from "../fixtures.ts";

const electionTicks = 10;
const abc = votersOf("a", "b", "c");
type Options = Partial<ConstructorParameters<typeof Cluster>[0]>;

/** "a" leads, and everybody knows. */
function led(options: Options = {}): [Cluster, Member] {
  const cluster = new Cluster({ configuration: abc, ...options });
  cluster.elect("a");
  cluster.run(2);
  return [cluster, cluster.get("a")];
}

/** The configuration in force at `member`, and whether that is committed there. */
function inForce(member: Member): string {
  const { isConfigurationCommitted } = member.raft.status();
  return `${show(member.raft.configuration)}${isConfigurationCommitted ? "" : " (uncommitted)"}`;
}

function configEntry(index: number, term: number, configuration: Configuration): Entry {
  return { index, term, kind: "config", data: encodeConfiguration(configuration) };
}

const isAppend = (message: Message): boolean => message.kind === "appendRequest";

describe("a change of the configuration", () => {
  it("is in force at once, joint, and is left by the leader once both halves have it", () => {
    const [cluster, leader] = led();
    cluster.join("d");
    equal(leader.change({ kind: "add", id: "d", votes: 1 }), "appended");
    equal(inForce(leader), "a b c -> a b c d (uncommitted)");
    cluster.settle(cutOff("b", "c"));
    equal(inForce(leader), "a b c -> a b c d (uncommitted)"); // The old half has not agreed.
    cluster.run(3);
    for (const member of cluster.up) equal(inForce(member), "a b c d");
    deepEqual(cluster.get("d").machine, leader.machine);
  });

  it("takes all steps at once: a replacement never has fewer voters", () => {
    const [cluster, leader] = led();
    cluster.join("d");
    equal(
      leader.change({ kind: "add", id: "d", votes: 1 }, { kind: "remove", id: "c" }),
      "appended",
    );
    equal(inForce(leader), "a b c -> a b d removed c (uncommitted)");
    cluster.run(3);
    equal(inForce(leader), "a b d removed c");
  });

  it("of weights is joint, too", () => {
    const [cluster, leader] = led();
    equal(leader.change({ kind: "votes", id: "a", votes: 3 }), "appended");
    equal(inForce(leader), "a b c -> a3 b c (uncommitted)");
    cluster.settle(cutOff("b", "c"));
    equal(leader.server.commitIndex, 1); // Three of five votes are not two of three.
    cluster.run(3, cutOff("c"));
    equal(inForce(leader), "a3 b c");
    leader.input((raft) => raft.propose([utf8("alone")]));
    equal(leader.server.commitIndex, leader.server.log.lastIndex);
  });

  it("is refused by whoever does not lead, or hands over, or changes already", () => {
    const [cluster, leader] = led();
    equal(cluster.get("b").change({ kind: "remove", id: "c" }), "notLeader");
    equal(leader.change({ kind: "remove", id: "x" }), "unknownServer");
    equal(leader.change({ kind: "votes", id: "b", votes: 2 }), "appended");
    equal(leader.change({ kind: "remove", id: "c" }), "changePending");
    cluster.settle((message) => message.to === "c" || message.to === "b");
    equal(leader.change({ kind: "remove", id: "c" }), "changePending");
    cluster.run(3);
    leader.input((raft) => raft.propose([utf8("x")]));
    leader.input((raft) => raft.transferLeadership("b"));
    equal(leader.change({ kind: "remove", id: "c" }), "transferring");
  });

  it("waits for the whole change before it, also for the entry that leaves the joint phase", () => {
    const [cluster, leader] = led();
    leader.change({ kind: "votes", id: "b", votes: 2 });
    const isLeft = (): boolean => leader.raft.configuration.outgoing.length === 0;
    cluster.settle(() => isLeft());
    equal(inForce(leader), "a b2 c (uncommitted)");
    equal(leader.change({ kind: "remove", id: "c" }), "changePending");
    cluster.run(3);
    equal(leader.change({ kind: "remove", id: "c" }), "appended");
  });

  it("leaves the joint phase by the commit of its own entry, not of one before it", () => {
    const [cluster, leader] = led();
    cluster.join("d");
    cluster.join("e");
    leader.input((raft) => raft.propose([utf8("before")]));
    const isFirst = (message: Message): boolean => isAppend(message) && message.to !== "d";
    const early = cluster.take(isFirst);
    leader.change({ kind: "add", id: "d", votes: 3 }, { kind: "add", id: "e", votes: 3 });
    cluster.network = [];
    for (const message of early) cluster.deliver(message);
    for (const id of ["d", "e"]) {
      const head = { from: id, to: "a", term: leader.server.term } as const;
      leader.input((raft) => raft.step({ kind: "appendAccepted", ...head, matchIndex: 2 }));
    }
    cluster.settle((message) => message.from === "a");
    equal(leader.server.commitIndex, 2);
    equal(leader.raft.configuration.outgoing.length, 3);
  });

  it("waits for an entry of the leader's own term (T1)", () => {
    // The bug of single-server changes: a leader that has not seen the change under way makes another
    // one, and each is committed by a majority that the other does not know.
    const cluster = new Cluster({ configuration: votersOf("a", "b", "c", "d") });
    cluster.elect("a");
    cluster.run(2);
    cluster.join("e");
    equal(cluster.get("a").change({ kind: "add", id: "e", votes: 1 }), "appended");
    cluster.settle(cutOff("b", "c", "d", "e")); // Nobody else hears of it.
    cluster.elect("b", (message) => cutOff("a")(message) || isAppend(message));
    const other = cluster.get("b");
    equal(other.change({ kind: "remove", id: "a" }), "notReady");
    cluster.run(3, cutOff("a"));
    equal(other.change({ kind: "remove", id: "a" }), "appended");
    cluster.run(3, cutOff("a"));
    cluster.run(3 * electionTicks);
    for (const id of ["b", "c", "d"]) equal(inForce(cluster.get(id)), "b c d removed a");
    equal(cluster.get("a").raft.status().isolation?.kind, "removed");
  });

  it("is carried on by the next leader", () => {
    const [cluster, leader] = led();
    cluster.join("d");
    leader.change({ kind: "add", id: "d", votes: 1 });
    cluster.settle(({ kind, to }) => kind === "appendAccepted" && to === "a");
    equal(inForce(cluster.get("b")), "a b c -> a b c d (uncommitted)");
    leader.crash();
    cluster.elect("b");
    cluster.run(3);
    for (const member of cluster.up) equal(inForce(member), "a b c d");
  });

  it("is rolled back with its entry, also down to the configuration of a snapshot (T41)", () => {
    const [cluster, leader] = led();
    cluster.join("d");
    leader.compact(leader.server.appliedIndex);
    leader.change({ kind: "add", id: "d", votes: 1 }, { kind: "votes", id: "a", votes: 9 });
    cluster.network = [];
    cluster.elect("b", cutOff("a"));
    cluster.run(3);
    equal(inForce(leader), "a b c");
    deepEqual(leader.machine, cluster.get("b").machine);
  });

  it("does not end the leadership of who has just got new voters to hear of", () => {
    const cluster = new Cluster({ configuration: votersOf("a") });
    const leader = cluster.get("a");
    cluster.run(2);
    cluster.join("b");
    leader.change({ kind: "add", id: "b", votes: 1 });
    cluster.run(electionTicks - 2, cutOff("b"));
    ok(leader.isLeader);
    cluster.run(2);
    equal(inForce(leader), "a b");
  });

  it("does not leave the limit of uncommitted bytes behind itself", () => {
    const [cluster, leader] = led();
    for (const votes of [2, 3, 4]) {
      leader.change({ kind: "votes", id: "a", votes });
      cluster.run(3);
    }
    equal(leader.server.leadership?.uncommittedBytes, 0);
  });
});

describe("a learner", () => {
  it("is promoted once it has caught up, and not before", () => {
    const [cluster, leader] = led({ engine: { promotionLagEntriesMax: 3 } });
    cluster.join("d");
    leader.change({ kind: "add", id: "d", votes: 0 });
    cluster.run(3, cutOff("d"));
    equal(inForce(leader), "a b c learners d");
    equal(leader.change({ kind: "promote", id: "d", votes: 1 }), "learnerBehind"); // Never heard of.
    cluster.run(3);
    for (let count = 0; count < 4; count++) leader.input((raft) => raft.propose([utf8("x")]));
    equal(leader.change({ kind: "promote", id: "d", votes: 1 }), "learnerBehind"); // Lacks four.
    cluster.run(1);
    equal(leader.change({ kind: "promote", id: "d", votes: 2 }), "appended");
    cluster.run(3);
    equal(inForce(cluster.get("d")), "a b c d2");
  });

  it("that is silent is not promoted, however much it holds", () => {
    const [cluster, leader] = led();
    cluster.join("d");
    leader.change({ kind: "add", id: "d", votes: 0 });
    cluster.run(3);
    cluster.run(electionTicks, cutOff("d"));
    equal(leader.change({ kind: "promote", id: "d", votes: 1 }), "learnerBehind");
  });

  it("is what a demoted voter becomes: its vote counts until the joint phase is over", () => {
    const [cluster, leader] = led();
    leader.change({ kind: "demote", id: "c" });
    equal(inForce(leader), "a b c -> a b learners c (uncommitted)");
    cluster.run(3);
    equal(inForce(cluster.get("c")), "a b learners c");
    cluster.get("b").crash();
    leader.input((raft) => raft.propose([utf8("x")]));
    cluster.run(3);
    equal(leader.machine.at(-1)?.endsWith(":x"), false);
  });
});

describe("a new server", () => {
  it("is blank: it never campaigns, votes when asked, and follows any leader (T15)", () => {
    const cluster = new Cluster({ configuration: abc, ids: [] });
    const joiner = cluster.join("d");
    for (let tick = 0; tick < 5 * electionTicks; tick++) joiner.input((raft) => raft.tick());
    deepEqual(cluster.network, []);
    const head = { from: "a", to: "d", term: 4 } as const;
    joiner.input((raft) =>
      raft.step({ kind: "voteRequest", ...head, lastIndex: 0, lastTerm: 0, transfer: false }),
    );
    equal(
      only(
        cluster.take(() => true),
        "voteResponse",
      )[0]?.granted,
      true,
    );
    joiner.input((raft) =>
      raft.step({ kind: "heartbeat", ...head, term: 5, from: "b", commit: 0, readRound: 1 }),
    );
    equal(joiner.server.leader, "b");
  });

  it("that was just promoted votes before it knows: nobody could lead otherwise (T15)", () => {
    const cluster = new Cluster({ configuration: votersOf("a") });
    const leader = cluster.get("a");
    cluster.run(2);
    const joiner = cluster.join("b");
    leader.change({ kind: "add", id: "b", votes: 0 });
    cluster.run(3);
    equal(leader.change({ kind: "promote", id: "b", votes: 1 }), "appended");
    cluster.network = []; // "b" never gets to see that it is a voter.
    leader.restart();
    equal(inForce(joiner), "a learners b");
    cluster.run(3 * electionTicks);
    ok(leader.isLeader);
    equal(inForce(joiner), "a b");
  });

  it("catches up from a snapshot when its entries are compacted away", () => {
    const [cluster, leader] = led();
    for (let count = 0; count < 5; count++) leader.input((raft) => raft.propose([utf8("x")]));
    cluster.run(2);
    leader.compact(leader.server.appliedIndex);
    const joiner = cluster.join("d");
    leader.change({ kind: "add", id: "d", votes: 1 });
    cluster.run(5);
    deepEqual(joiner.machine, leader.machine);
    equal(inForce(joiner), "a b c d");
  });
});

describe("a leader that takes its own vote away (T16)", () => {
  it("does not count itself, leads until that is committed, and hands over", () => {
    const [cluster, leader] = led();
    equal(leader.change({ kind: "remove", id: "a" }), "appended");
    const hasLeft = (): boolean => inForce(leader).startsWith("b c");
    cluster.settle((message) => hasLeft() && cutOff("c")(message));
    equal(inForce(leader), "b c removed a (uncommitted)"); // "a" and "b" are one of two voters.
    ok(leader.isLeader);
    leader.input((raft) => raft.propose([utf8("x")]));
    const { lastIndex } = leader.server.log;
    cluster.settle(cutOff("c"));
    ok(leader.server.commitIndex < lastIndex);

    cluster.run(1);
    equal(leader.isLeader, false);
    equal(leader.raft.propose([utf8("late")]).kind, "dropped");
    const next = cluster.leader as Member;
    equal(inForce(next), "b c removed a");
    ok(next.machine.some((text) => text.endsWith(":x")));
    cluster.run(3 * electionTicks);
    equal(cluster.leaders.length, 1);
    deepEqual(leader.raft.status().isolation?.kind, "removed");
  });

  it("takes no proposals while it hands over", () => {
    const [cluster, leader] = led();
    leader.change({ kind: "remove", id: "a" });
    cluster.settle((message) => message.kind === "timeoutNow");
    ok(leader.isLeader);
    const outcome = leader.raft.propose([utf8("late")]);
    deepEqual(outcome, { kind: "dropped", reason: "transferring" });
    equal(leader.change({ kind: "remove", id: "b" }), "transferring");
  });

  it("takes no proposals when nobody can take over either", () => {
    const configuration = votersOf("a", "b", "c", "d");
    const [cluster, leader] = led({ configuration, engine: { preferTicks: 20 } });
    leader.change({ kind: "staticLeader", id: "c" });
    cluster.run(2);
    cluster.run(electionTicks + 1, cutOff("c"));
    equal(leader.change({ kind: "remove", id: "a" }), "appended");
    cluster.settle(cutOff("c"));
    equal(inForce(leader), "b c d static c removed a");
    deepEqual(leader.raft.propose([utf8("late")]), { kind: "dropped", reason: "transferring" });
    cluster.run(1, cutOff("c"));
    equal(leader.isLeader, false);
    cluster.run(6 * electionTicks);
    equal(cluster.leader?.id, "c");
  });

  it("steps down when its successor does not take over, and takes no part any more", () => {
    const [cluster, leader] = led();
    leader.change({ kind: "remove", id: "a" });
    cluster.run(electionTicks + 1, (message) => message.kind === "timeoutNow");
    equal(leader.isLeader, false);
    deepEqual(leader.raft.propose([utf8("x")]), { kind: "dropped", reason: "isolated" });
    leader.input((raft) => raft.read(7));
    deepEqual(leader.droppedReads, [7]);
    cluster.run(3 * electionTicks);
    ok(cluster.leader !== undefined && cluster.leader.id !== "a");
  });

  it("leads once more when it alone holds the entry that removes it", () => {
    // "b" needs the vote of "a", whose log is longer by that entry, and "a" is no voter by it.
    const cluster = new Cluster({ configuration: votersOf("a", "b") });
    cluster.elect("a");
    cluster.run(2);
    const leader = cluster.get("a");
    leader.change({ kind: "remove", id: "a" });
    cluster.settle(({ from, to }) => from === "a" && to === "b" && inForce(leader).startsWith("b"));
    equal(inForce(leader), "b removed a (uncommitted)");
    equal(inForce(cluster.get("b")), "a b -> b removed a (uncommitted)");
    leader.restart();
    cluster.run(6 * electionTicks);
    equal(cluster.leader?.id, "b");
    equal(inForce(cluster.get("b")), "b removed a");
    equal(leader.raft.status().isolation?.kind, "removed");
  });

  it("that only loses its vote learns on", () => {
    const [cluster, leader] = led();
    leader.change({ kind: "demote", id: "a" });
    cluster.run(3);
    equal(leader.isLeader, false);
    equal(inForce(leader), "b c learners a");
    equal(leader.raft.status().isolation, undefined);
    cluster.leader?.input((raft) => raft.propose([utf8("x")]));
    cluster.run(3);
    deepEqual(leader.machine, cluster.leader?.machine);
  });
});

describe("a joint change cut short (T3)", () => {
  it("finds a leader among a longer log with the old configuration and a shorter with the new", () => {
    const joint = { ...votersOf("a", "c", "d", "e"), outgoing: votersOf("a", "c", "d").voters };
    const cluster = new Cluster({
      configuration: votersOf("a", "c", "d"),
      ids: ["c", "d"],
      logs: { c: "1", d: "122" },
    });
    cluster.get("c").disk.entries.push(configEntry(2, 1, joint));
    cluster.get("c").restart();
    cluster.run(8 * electionTicks);
    equal(cluster.leader?.id, "d");
    equal(inForce(cluster.get("c")), "a c d");
  });
});

describe("a removed server", () => {
  it("is told that it is out, and takes no part any more", () => {
    const [cluster, leader] = led();
    leader.change({ kind: "remove", id: "c" });
    cluster.run(2);
    const removed = cluster.get("c");
    deepEqual(removed.raft.status().isolation, { kind: "removed", by: "c" });
    equal(leader.server.leadership?.progress.has("c"), false);
    cluster.network = [];
    for (let tick = 0; tick < 5 * electionTicks; tick++) removed.input((raft) => raft.tick());
    deepEqual(cluster.network, []);
    const head = { from: "b", to: "c", term: 99 } as const;
    removed.input((raft) =>
      raft.step({ kind: "voteRequest", ...head, lastIndex: 99, lastTerm: 98, transfer: true }),
    );
    deepEqual(cluster.network, []);
  });

  it("is still out after a restart", () => {
    const [cluster, leader] = led();
    leader.change({ kind: "remove", id: "c" });
    cluster.run(2);
    cluster.get("c").restart();
    cluster.run(3 * electionTicks);
    equal(cluster.get("c").raft.status().isolation?.kind, "removed");
  });

  it("that missed it learns it by calling, without disturbing anybody (T17)", () => {
    const [cluster, leader] = led();
    const { term } = leader.server;
    leader.change({ kind: "remove", id: "c" });
    cluster.run(3 * electionTicks, cutOff("c"));
    equal(cluster.get("c").raft.status().isolation, undefined);
    cluster.run(3 * electionTicks);
    const { isolation } = cluster.get("c").raft.status();
    ok(isolation?.kind === "removed" && isolation.by !== "c");
    for (const id of ["a", "b"]) equal(cluster.get(id).server.term, term);
  });

  it("gets no entries for ever", () => {
    const [cluster, leader] = led();
    leader.change({ kind: "remove", id: "c" });
    cluster.run(1, cutOff("c"));
    ok(leader.server.leadership?.progress.has("c"));
    equal(leader.raft.status().progress.has("c"), false);
    cluster.run(2 * electionTicks, cutOff("c"));
    equal(leader.server.leadership?.progress.has("c"), false);
  });

  it("is not told so by a change that may still be rolled back", () => {
    const configuration = { ...abc, learners: ["d"] };
    const [cluster, leader] = led({ configuration, ids: ["a", "b", "c", "d"] });
    leader.change({ kind: "remove", id: "d" });
    cluster.settle(({ kind }) => kind === "appendAccepted");
    const follower = cluster.get("b");
    equal(inForce(follower), "a b c -> a b c removed d (uncommitted)");
    const head = { from: "d", to: "b", term: follower.server.term } as const;
    follower.input((raft) => raft.step({ kind: "voteResponse", ...head, granted: true }));
    deepEqual(only(cluster.network, "refused"), []);
    equal(cluster.get("d").raft.status().isolation, undefined);
  });

  it("never comes back under its id", () => {
    const [cluster, leader] = led();
    leader.change({ kind: "remove", id: "c" });
    cluster.run(3);
    equal(leader.change({ kind: "add", id: "c", votes: 1 }), "serverRemoved");
  });
});
