import { deepEqual, equal, ok } from "node:assert/strict";
import { describe, it } from "node:test";
import { Cluster, cutOff, type Member, votersOf } from "../cluster.ts";
import { only } from "../fixtures.ts";

const abc = votersOf("a", "b", "c");
const electionTicks = 10;

/** Member "a" of a cluster whose others are played by the test. */
function alone(options: Partial<ConstructorParameters<typeof Cluster>[0]> = {}): [Cluster, Member] {
  const cluster = new Cluster({ configuration: abc, ids: ["a"], ...options });
  return [cluster, cluster.get("a")];
}

/** Ticks until "a" asks for something. */
function tickUntilAsking(cluster: Cluster, member: Member): void {
  for (let tick = 0; tick < 2 * electionTicks && cluster.network.length === 0; tick++) {
    member.input((raft) => raft.tick());
  }
}

/** Plays pre-votes and votes of b for "a", until it leads. */
function elect(cluster: Cluster, member: Member): void {
  tickUntilAsking(cluster, member);
  const term = member.server.term + 1;
  const head = { from: "b", to: "a", term } as const;
  member.input((raft) => raft.step({ kind: "preVoteResponse", ...head, granted: true }));
  member.input((raft) => raft.step({ kind: "voteResponse", ...head, granted: true }));
  ok(member.isLeader);
  cluster.take(() => true);
}

describe("an election", () => {
  it("ends with one leader, known to all, and an entry of its own term", () => {
    const cluster = new Cluster({ configuration: abc });
    cluster.run(3 * electionTicks);
    const leader = cluster.leader as Member;
    for (const member of cluster.up) {
      equal(member.server.leader, leader.id);
      deepEqual(member.machine, [`${leader.server.term}:noop:`]);
    }
  });

  it("asks for pre-votes without touching the term, and only then campaigns", () => {
    const [cluster, member] = alone();
    tickUntilAsking(cluster, member);
    equal(member.server.role, "preCandidate");
    equal(member.server.term, 0);
    deepEqual(
      only(cluster.network, "preVoteRequest").map(({ to, term }) => [to, term]),
      [
        ["b", 1],
        ["c", 1],
      ],
    );
    const head = { from: "b", to: "a", term: 1 } as const;
    member.input((raft) => raft.step({ kind: "preVoteResponse", ...head, granted: true }));
    equal(member.server.role, "candidate");
    equal(member.server.term, 1);
  });

  it("a lone voter leads after one tick and one write", () => {
    const cluster = new Cluster({ configuration: votersOf("a") });
    cluster.get("a").input((raft) => raft.tick());
    ok(cluster.get("a").isLeader);
    equal(cluster.get("a").server.commitIndex, 1);
  });

  it("waits between n and 2n-1 ticks, not always as long (T29)", () => {
    const waits = new Set<number>();
    for (let seed = 0; seed < 200; seed++) {
      const [cluster, member] = alone({ seed });
      tickUntilAsking(cluster, member);
      waits.add(member.server.tick);
    }
    equal(Math.min(...waits), electionTicks);
    equal(Math.max(...waits), 2 * electionTicks - 1);
  });

  it("never elects two leaders in lockstep cold starts (100 seeds, T30)", () => {
    for (let seed = 0; seed < 100; seed++) {
      const cluster = new Cluster({ configuration: votersOf("a", "b", "c", "d", "e"), seed });
      cluster.run(10 * electionTicks);
      equal(cluster.leaders.length, 1, `seed=${seed}`);
    }
  });
});

describe("a vote", () => {
  it("leaves only once it is durable, and so do requests for votes (T4)", () => {
    const [cluster, member] = alone({ syncsAtOnce: false });
    const request = { kind: "voteRequest", from: "b", to: "a", term: 4 } as const;
    member.input((raft) => raft.step({ ...request, lastIndex: 0, lastTerm: 0, transfer: false }));
    deepEqual(cluster.network, []);
    member.completeWrites();
    deepEqual(
      only(cluster.network, "voteResponse").map(({ granted }) => granted),
      [true],
    );
    equal(member.disk.hardState.vote, "b");

    cluster.take(() => true);
    tickUntilAsking(cluster, member);
    cluster.take(() => true);
    const granted = {
      kind: "preVoteResponse",
      from: "c",
      to: "a",
      term: 5,
      granted: true,
    } as const;
    member.input((raft) => raft.step(granted));
    deepEqual(cluster.network, []);
    member.completeWrites();
    equal(only(cluster.network, "voteRequest").length, 2);
  });

  it("of its own counts only once it is durable", () => {
    const [cluster, member] = alone({ syncsAtOnce: false });
    tickUntilAsking(cluster, member);
    const head = { from: "b", to: "a", term: 1 } as const;
    member.input((raft) => raft.step({ kind: "preVoteResponse", ...head, granted: true }));
    member.input((raft) => raft.step({ kind: "voteResponse", ...head, granted: true }));
    equal(member.server.role, "candidate");
    member.completeWrites();
    equal(member.server.role, "leader");
  });

  it("is given once in a term, also across a restart (T4)", () => {
    const [cluster, member] = alone();
    const request = { kind: "voteRequest", to: "a", term: 4, lastIndex: 0, lastTerm: 0 } as const;
    const ask = (from: string): void =>
      member.input((raft) => raft.step({ ...request, from, transfer: false }));
    ask("b");
    ask("c");
    member.restart();
    ask("c");
    ask("b");
    const answers = only(cluster.network, "voteResponse");
    deepEqual(
      answers.map(({ to, granted }) => `${to} ${granted}`),
      ["b true", "c false", "c false", "b true"],
    );
  });

  it("counts once for each voter: the first answer stands", () => {
    const [cluster, member] = alone({ configuration: votersOf("a", "b", "c", "d", "e") });
    tickUntilAsking(cluster, member);
    for (const from of ["b", "c"]) {
      member.input((raft) =>
        raft.step({ kind: "preVoteResponse", from, to: "a", term: 1, granted: true }),
      );
    }
    const head = { kind: "voteResponse", from: "b", to: "a", term: 1 } as const;
    for (let count = 0; count < 3; count++)
      member.input((raft) => raft.step({ ...head, granted: true }));
    equal(member.server.role, "candidate");
  });

  // Raft paper section 5.4.1: the higher last term wins, then the longer log.
  // biome-ignore format: a table
  const logs = [
    // name                                own     last     granted
    ["the same log",                       "112", [3, 2], true],
    ["a longer log",                       "112", [4, 2], true],
    ["a shorter log of a higher term",     "112", [1, 3], true],
    ["a shorter log",                      "112", [2, 2], false],
    ["a longer log of a lower term",       "112", [9, 1], false],
  ] as const;
  for (const [name, own, [lastIndex, lastTerm], granted] of logs) {
    it(`is ${granted ? "given to" : "refused to"} ${name}`, () => {
      const [cluster, member] = alone({ logs: { a: own } });
      const request = { from: "b", to: "a", term: 7, lastIndex, lastTerm } as const;
      member.input((raft) => raft.step({ kind: "preVoteRequest", ...request }));
      member.input((raft) => raft.step({ kind: "voteRequest", ...request, transfer: false }));
      equal(only(cluster.network, "preVoteResponse")[0]?.granted, granted);
      equal(only(cluster.network, "voteResponse")[0]?.granted, granted);
    });
  }

  it("is given by learners and to strangers: their configuration may be old (T15)", () => {
    const configuration = { ...votersOf("b", "c"), learners: ["a"] };
    const [cluster, member] = alone({ configuration });
    const request = { from: "stranger", to: "a", term: 3, lastIndex: 0, lastTerm: 0 } as const;
    member.input((raft) => raft.step({ kind: "voteRequest", ...request, transfer: false }));
    equal(only(cluster.network, "voteResponse")[0]?.granted, true);
  });

  it("is not asked for by learners", () => {
    const [cluster, member] = alone({ configuration: { ...votersOf("b", "c"), learners: ["a"] } });
    for (let tick = 0; tick < 100; tick++) member.input((raft) => raft.tick());
    deepEqual(cluster.network, []);
  });
});

describe("leader stickiness and pre-vote", () => {
  it("a removed server with the longest log does not disturb (T17)", () => {
    const cluster = new Cluster({ configuration: abc });
    cluster.run(3 * electionTicks);
    const term = cluster.leader?.server.term as number;
    for (let round = 1; round <= 50; round++) {
      const head = { from: "removed", lastIndex: 99, lastTerm: term + round - 1 };
      for (const to of ["a", "b", "c"]) {
        cluster.get(to).input((raft) => {
          raft.step({ kind: "preVoteRequest", ...head, to, term: term + round });
          raft.step({ kind: "voteRequest", ...head, to, term: term + round, transfer: false });
        });
      }
      cluster.run(electionTicks);
    }
    for (const member of cluster.up) equal(member.server.term, term);
  });

  it("a member that was cut off comes back without a new term", () => {
    const cluster = new Cluster({ configuration: abc });
    cluster.elect("a");
    cluster.run(100, cutOff("c"));
    const { term } = cluster.get("a").server;
    equal(cluster.get("c").server.term, term);
    cluster.run(30);
    equal(cluster.get("a").server.term, term);
    ok(cluster.get("a").isLeader);
  });

  it("a member that hears its peers and not the leader does not unseat it (T26, T27)", () => {
    const cluster = new Cluster({ configuration: abc });
    cluster.elect("a");
    cluster.run(2);
    const { term } = cluster.get("a").server;
    cluster.run(50 * electionTicks, ({ from, to }) => from + to === "ac" || from + to === "ca");
    deepEqual(
      cluster.up.map(({ server }) => server.term),
      [term, term, term],
    );
    ok(cluster.get("a").isLeader);
  });

  it("a higher term with a shorter log and a lower term with a longer one find a leader (T25)", () => {
    const configuration = votersOf("a", "b", "c");
    const cluster = new Cluster({
      configuration,
      logs: { a: "11", b: "1" },
      terms: { a: 1, b: 5 },
      ids: ["a", "b"],
    });
    cluster.run(8 * electionTicks);
    equal(cluster.leader?.id, "a");
  });

  it("a leader that a member in a higher term cannot follow makes way", () => {
    const cluster = new Cluster({ configuration: abc, terms: { c: 7 } });
    cluster.elect("a", cutOff("c"));
    cluster.run(8 * electionTicks);
    const { server } = cluster.leader as Member;
    ok(server.term > 7);
    for (const member of cluster.up) equal(member.server.leader, server.id);
  });

  it("a leader that reaches only a minority steps down, and the others go on (T24)", () => {
    // a-b-c reach each other, d only b, e is dead, and d leads (Howard and Abraham, example 2).
    const cluster = new Cluster({ configuration: votersOf("a", "b", "c", "d", "e") });
    cluster.elect("d");
    cluster.get("e").crash();
    const isLost = ({ from, to }: { from: string; to: string }): boolean =>
      (from === "d" && to !== "b") || (to === "d" && from !== "b");
    cluster.run(10 * electionTicks, isLost);
    ok(cluster.leader !== undefined && cluster.leader.id !== "d", "no other leader");
    equal(cluster.get("d").isLeader, false);
  });

  it("a leader that nobody answers steps down within two election timeouts", () => {
    const [cluster, member] = alone();
    elect(cluster, member);
    for (let tick = 0; tick < 2 * electionTicks; tick++) member.input((raft) => raft.tick());
    equal(member.isLeader, false);
  });
});

describe("a leader with a stalled disk (T28)", () => {
  it("steps down after an election timeout, and does not campaign until it can write", () => {
    const cluster = new Cluster({ configuration: abc });
    cluster.elect("a");
    const member = cluster.get("a");
    cluster.syncsAtOnce = false;
    member.input((raft) => raft.propose([Uint8Array.of(1)]));
    for (let tick = 0; tick <= electionTicks; tick++) {
      for (const each of ["b", "c"]) cluster.get(each).completeWrites();
      cluster.run(1);
      for (const each of ["b", "c"]) cluster.get(each).completeWrites();
      cluster.settle();
    }
    equal(member.isLeader, false);
    for (let tick = 0; tick < 5 * electionTicks; tick++) {
      for (const each of ["b", "c"]) cluster.get(each).completeWrites();
      cluster.run(1);
      equal(member.server.role, "follower");
    }
    ok(cluster.leader !== undefined && cluster.leader.id !== "a", "nobody took over");
    member.completeWrites();
    cluster.run(2);
    equal(member.server.leader, cluster.leader?.id);
  });

  it("leads on while only commit indexes wait for the disk", () => {
    const [cluster, member] = alone();
    elect(cluster, member);
    cluster.syncsAtOnce = false;
    const head = { from: "b", to: "a", term: 1 } as const;
    member.input((raft) => raft.step({ kind: "appendAccepted", ...head, matchIndex: 1 }));
    equal(member.writes.filter(({ persist }) => persist?.mustSync === false).length, 1);
    for (let tick = 0; tick < 3 * electionTicks; tick++) {
      member.input((raft) => raft.tick());
      member.input((raft) => raft.step({ kind: "heartbeatResponse", ...head, readRound: 0 }));
    }
    ok(member.isLeader);
  });
});

describe("a transfer of leadership", () => {
  it("makes the target lead at once, after it has caught up", () => {
    const cluster = new Cluster({ configuration: abc });
    cluster.elect("a");
    const leader = cluster.get("a");
    leader.input((raft) => raft.propose([Uint8Array.of(1)]));
    leader.input((raft) => raft.transferLeadership("b"));
    deepEqual(only(cluster.network, "timeoutNow"), []);
    deepEqual(leader.raft.propose([Uint8Array.of(2)]), { kind: "dropped", reason: "transferring" });
    cluster.settle();
    ok(cluster.get("b").isLeader);
    cluster.run(2);
    equal(cluster.leaders.length, 1);
    deepEqual(cluster.get("c").machine, cluster.get("b").machine);
  });

  it("is given up when the target does not take over", () => {
    const cluster = new Cluster({ configuration: abc });
    cluster.elect("a");
    const leader = cluster.get("a");
    leader.input((raft) => raft.transferLeadership("c"));
    cluster.run(electionTicks + 1, cutOff("c"));
    equal(leader.raft.propose([Uint8Array.of(2)]).kind, "appended");
  });

  it("does nothing towards itself, a learner or a stranger", () => {
    const configuration = { ...abc, learners: ["d"] };
    const cluster = new Cluster({ configuration, ids: ["a", "b", "c", "d"] });
    cluster.elect("a");
    const leader = cluster.get("a");
    for (const target of ["a", "d", "x"]) leader.input((raft) => raft.transferLeadership(target));
    equal(leader.raft.propose([Uint8Array.of(2)]).kind, "appended");
  });
});
