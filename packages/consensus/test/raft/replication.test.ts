import { deepEqual, equal, ok } from "node:assert/strict";
import { describe, it } from "node:test";
import { utf8 } from "@flotilla/base";
import { encodeConfiguration } from "../../src/configuration-codec.ts";
import type { Entry } from "../../src/contract.ts";
import { Cluster, cutOff, entriesOf, type Member, termsOf, votersOf } from "../cluster.ts";
import { only } from "../fixtures.ts";

const abc = votersOf("a", "b", "c");
const abcde = votersOf("a", "b", "c", "d", "e");

function alone(options: Partial<ConstructorParameters<typeof Cluster>[0]> = {}): [Cluster, Member] {
  const cluster = new Cluster({ configuration: abc, ids: ["a"], ...options });
  return [cluster, cluster.get("a")];
}

/** A leader of three with everything settled. */
function led(options: Partial<ConstructorParameters<typeof Cluster>[0]> = {}): [Cluster, Member] {
  const cluster = new Cluster({ configuration: abc, ...options });
  cluster.elect("a");
  cluster.run(2);
  return [cluster, cluster.get("a")];
}

describe("the commit rule", () => {
  it("never commits an older term's entry by counting (T2, Raft paper figure 8)", () => {
    // (c) of the figure: a leads term 4 after term 2, its entry 2/2 reaches a majority.
    const logs = { a: "12", b: "12", c: "1", d: "1", e: "13" };
    const cluster = new Cluster({
      configuration: abcde,
      logs,
      terms: { a: 3, b: 3, c: 3, d: 3, e: 3 },
    });
    const leader = cluster.get("a");
    cluster.elect("a", (message) => message.kind === "appendRequest" || cutOff("e")(message));
    equal(leader.server.term, 4);
    // Only the old entry gets through, to c: it is now on a, b and c.
    const late = { from: "a", to: "c", term: 4, prevIndex: 1, prevTerm: 1, commit: 0 } as const;
    cluster
      .get("c")
      .input((raft) => raft.step({ kind: "appendRequest", ...late, entries: entriesOf("2", 2) }));
    const two = { from: "b", to: "a", term: 4, matchIndex: 2 } as const;
    leader.input((raft) => raft.step({ kind: "appendAccepted", ...two }));
    cluster.settle((message) => message.kind === "appendRequest");
    equal(termsOf(cluster.get("c")), "12");
    equal(leader.server.commitIndex, 0);

    // (d): a crashes, and e overwrites the entry. Nothing that was committed is lost.
    leader.crash();
    cluster.elect("e");
    cluster.run(3);
    ok(termsOf(cluster.get("c")).startsWith("13"));
    equal(cluster.get("b").machine.length, 3);
  });

  it("commits the older entries together with one of its own term", () => {
    const [cluster, leader] = led({ logs: { a: "11", b: "11" }, terms: { a: 1 } });
    equal(leader.server.commitIndex, 3);
    for (const id of ["b", "c"]) deepEqual(cluster.get(id).machine, leader.machine);
  });

  it("counts this server only as far as its own disk has it", () => {
    const [cluster, leader] = led();
    cluster.syncsAtOnce = false;
    leader.input((raft) => raft.propose([utf8("x")]));
    const { term } = leader.server;
    const accepted = { kind: "appendAccepted", from: "b", to: "a", term, matchIndex: 2 } as const;
    leader.input((raft) => raft.step(accepted));
    equal(leader.server.commitIndex, 1);
    leader.completeWrites();
    equal(leader.server.commitIndex, 2);
  });

  it("commits without this server's disk when the others are enough, and applies later", () => {
    const [cluster, leader] = led();
    cluster.syncsAtOnce = false;
    leader.input((raft) => raft.propose([utf8("x")]));
    for (const from of ["b", "c"]) {
      const accepted = { from, to: "a", term: leader.server.term, matchIndex: 2 } as const;
      leader.input((raft) => raft.step({ kind: "appendAccepted", ...accepted }));
    }
    equal(leader.server.commitIndex, 2);
    equal(leader.machine.length, 1);
    leader.completeWrites();
    equal(leader.machine.length, 2);
  });

  it("weighs votes", () => {
    const voters = [
      { id: "a", votes: 1 },
      { id: "b", votes: 3 },
      { id: "c", votes: 1 },
    ];
    const configuration = { voters, learners: [], outgoing: [] };
    const cluster = new Cluster({ configuration });
    cluster.elect("a");
    cluster.run(1);
    const leader = cluster.get("a");
    leader.input((raft) => raft.propose([utf8("x")]));
    cluster.settle(cutOff("b"));
    equal(leader.server.commitIndex, 1);
    cluster.run(3);
    equal(leader.server.commitIndex, 2);
  });
});

describe("a follower", () => {
  const append = { kind: "appendRequest", from: "b", to: "a", term: 3 } as const;

  it("keeps its tail when an older, shorter append comes late (T9)", () => {
    const [, member] = alone();
    const early = { ...append, prevIndex: 0, prevTerm: 0, commit: 0 };
    member.input((raft) => raft.step({ ...early, entries: entriesOf("1133") }));
    member.input((raft) => raft.step({ ...early, entries: entriesOf("11") }));
    equal(termsOf(member), "1133");
  });

  it("commits no further than a message has verified (T10)", () => {
    const [, member] = alone({ logs: { a: "1222" }, terms: { a: 2 } });
    member.input((raft) =>
      raft.step({ ...append, prevIndex: 1, prevTerm: 1, entries: [], commit: 4 }),
    );
    equal(member.server.commitIndex, 1);
  });

  it("acknowledges only what is durable, and applies only that", () => {
    const [cluster, member] = alone({ syncsAtOnce: false });
    const entries = entriesOf("33");
    member.input((raft) => raft.step({ ...append, prevIndex: 0, prevTerm: 0, entries, commit: 2 }));
    deepEqual([cluster.network, member.machine], [[], []]);
    member.completeWrites();
    deepEqual(
      only(cluster.network, "appendAccepted").map(({ matchIndex }) => matchIndex),
      [2],
    );
    equal(member.machine.length, 2);
  });

  it("is not misled by a completion from before a truncation (T6, append ABA)", () => {
    const [, member] = alone({ syncsAtOnce: false });
    const from = (leader: string, term: number, entries: Entry[]) =>
      member.input((raft) =>
        raft.step({ ...append, from: leader, term, prevIndex: 0, prevTerm: 0, entries, commit: 0 }),
      );
    from("b", 1, entriesOf("1"));
    from("c", 2, entriesOf("2"));
    from("b", 3, entriesOf("1"));
    const durable: number[] = [];
    while (member.writes.length > 0) {
      member.completeWrites(1);
      durable.push(member.server.persistence.durableIndex);
    }
    deepEqual(durable, [0, 0, 1]);
  });

  it("ignores completions that are foreign, repeated or older than a restart", () => {
    const [, member] = alone({ syncsAtOnce: false });
    member.input((raft) =>
      raft.step({ ...append, prevIndex: 0, prevTerm: 0, entries: entriesOf("33"), commit: 0 }),
    );
    const token = member.writes[0]?.persist?.token;
    ok(token !== undefined);
    member.raft.persisted({ ...token, lastTerm: 2 });
    member.raft.persisted({ ...token, sequence: 99 });
    equal(member.server.persistence.durableIndex, 0);
    member.completeWrites();
    member.raft.persisted(token);
    equal(member.server.persistence.durableIndex, 2);
  });

  it("takes a completion without sync for no proof of earlier writes", () => {
    const [, member] = alone({ syncsAtOnce: false });
    const request = { ...append, prevIndex: 0, prevTerm: 0, entries: entriesOf("33") };
    member.input((raft) => raft.step({ ...request, commit: 0 }));
    member.input((raft) => raft.step({ ...request, commit: 1 }));
    const [first, second] = member.writes.map(({ persist }) => persist);
    deepEqual([first?.mustSync, second?.mustSync], [true, false]);
    if (second !== undefined) member.raft.persisted(second.token);
    equal(member.server.persistence.durableIndex, 0);
    if (first !== undefined) member.raft.persisted(first.token);
    equal(member.server.persistence.durableIndex, 2);
  });

  it("ignores and reports a leader that contradicts what is committed", () => {
    const [cluster, member] = alone({ logs: { a: "11" } });
    member.input((raft) =>
      raft.step({ ...append, prevIndex: 2, prevTerm: 1, entries: [], commit: 2 }),
    );
    cluster.take(() => true);
    member.input((raft) =>
      raft.step({ ...append, prevIndex: 0, prevTerm: 0, entries: entriesOf("13"), commit: 2 }),
    );
    equal(termsOf(member), "11");
    equal(member.raft.status().diverged, 2);
    deepEqual(cluster.network, []);
  });

  it("ignores a second leader in its leader's term", () => {
    const [cluster, member] = alone();
    const request = { ...append, prevIndex: 0, prevTerm: 0, commit: 0 };
    member.input((raft) => raft.step({ ...request, entries: entriesOf("11") }));
    cluster.take(() => true);
    member.input((raft) => raft.step({ ...request, from: "c", entries: entriesOf("33") }));
    equal(termsOf(member), "11");
    deepEqual(cluster.network, []);
  });

  it("hands proposals to its leader, and drops them without one", () => {
    const [cluster, leader] = led();
    const follower = cluster.get("b");
    deepEqual(follower.raft.propose([utf8("x")]), { kind: "forwarded", leader: "a" });
    follower.pump();
    cluster.run(2);
    equal(leader.machine.at(-1), `${leader.server.term}:command:x`);
    const [, lost] = alone();
    deepEqual(lost.raft.propose([utf8("x")]), { kind: "dropped", reason: "noLeader" });
  });

  it("enters the term of its last entry when a crash kept that from the hard state (T5)", () => {
    const [, member] = alone({ logs: { a: "15" }, terms: { a: 1 } });
    equal(member.server.term, 5);
    member.pump();
    equal(member.disk.hardState.term, 5);
  });
});

describe("a leader", () => {
  it("sends all proposals of a turn in one message", () => {
    const [cluster, leader] = led();
    leader.raft.propose([utf8("x"), utf8("y")]);
    leader.raft.propose([utf8("z")]);
    leader.pump();
    const appends = only(cluster.network, "appendRequest");
    deepEqual(
      appends.map(({ to, entries }) => [to, entries.length]),
      [
        ["b", 3],
        ["c", 3],
      ],
    );
  });

  it("sends before its own disk is done", () => {
    const [cluster, leader] = led();
    cluster.syncsAtOnce = false;
    leader.input((raft) => raft.propose([utf8("x")]));
    equal(only(cluster.network, "appendRequest").length, 2);
  });

  it("keeps to the windows of messages and of bytes", () => {
    const engine = { inflightMessagesMax: 3, appendBytesMax: 60, inflightBytesMax: 1_000 };
    const [cluster, leader] = led({ engine });
    const many = Array.from({ length: 20 }, () => new Uint8Array(10));
    leader.input((raft) => raft.propose(many));
    const toB = only(cluster.network, "appendRequest").filter(({ to }) => to === "b");
    deepEqual(
      toB.map(({ entries }) => entries.length),
      [2, 2, 2],
    );
    cluster.settle();
    equal(cluster.get("b").machine.length, 21);

    const [byBytes, other] = led({ engine: { appendBytesMax: 30, inflightBytesMax: 25 } });
    other.input((raft) => raft.propose(many));
    equal(only(byBytes.network, "appendRequest").filter(({ to }) => to === "b").length, 3);
  });

  it("sends an entry that is larger than a message by itself", () => {
    const [cluster] = led({ engine: { appendBytesMax: 10 } });
    cluster.get("a").input((raft) => raft.propose([new Uint8Array(100), utf8("x")]));
    cluster.settle();
    equal(cluster.get("c").machine.length, 3);
  });

  it("finds the end of a long divergent tail in a few messages, not one by one", () => {
    const logs = { a: "1".repeat(5), b: "1".repeat(5) + "2".repeat(40) };
    const cluster = new Cluster({ configuration: abc, logs, terms: { a: 3, b: 3, c: 3 } });
    cluster.elect("a", cutOff("b"));
    let rejections = 0;
    for (let tick = 0; tick < 5; tick++) {
      cluster.run(1, (message) => {
        if (message.kind === "appendRejected" && message.from === "b") rejections++;
        return false;
      });
    }
    equal(termsOf(cluster.get("b")), termsOf(cluster.get("a")));
    ok(rejections <= 2, `${rejections} rejections`);
  });

  it("sends one log, also when it has lost the leadership and its tail in between (T19)", () => {
    const [cluster, leader] = led();
    leader.input((raft) => raft.propose([utf8("gone")]));
    cluster.network = [];
    cluster.elect("b", cutOff("a"));
    cluster.get("b").input((raft) => raft.propose([utf8("kept")]));
    cluster.run(2);
    cluster.get("b").input((raft) => raft.transferLeadership("a"));
    cluster.run(1);
    ok(leader.isLeader);
    leader.input((raft) => raft.propose([utf8("more")]));
    for (const { prevIndex, entries } of only(cluster.network, "appendRequest")) {
      entries.forEach((entry, at) => {
        equal(entry.index, prevIndex + 1 + at);
        equal(entry.term, leader.server.log.termAt(entry.index));
      });
    }
    cluster.run(2);
    deepEqual(cluster.get("c").machine, leader.machine);
    equal(
      leader.machine.some((text) => text.endsWith(":gone")),
      false,
    );
  });

  it("skips its own terms that the follower cannot have", () => {
    const logs = {
      a: "1".repeat(3) + "4".repeat(30),
      b: "1".repeat(3) + "3".repeat(30),
      c: "1".repeat(3) + "4".repeat(30),
    };
    const cluster = new Cluster({ configuration: abc, logs, terms: { a: 4, b: 4, c: 4 } });
    cluster.elect("a", cutOff("b"));
    let appends = 0;
    cluster.run(6, (message) => {
      if (message.kind === "appendRequest" && message.to === "b") appends++;
      return false;
    });
    equal(termsOf(cluster.get("b")), termsOf(cluster.get("a")));
    ok(appends <= 6, `${appends} appends`);
  });

  it("notices lost appends by the answer to a heartbeat, with the window full", () => {
    const [cluster, leader] = led({ engine: { inflightMessagesMax: 1 } });
    leader.input((raft) => raft.propose([utf8("x")]));
    cluster.take(({ to }) => to === "b");
    cluster.run(4);
    deepEqual(cluster.get("b").machine, leader.machine);
  });

  it("stops streaming to a server that cannot be reached, and probes it once it answers", () => {
    const [cluster, leader] = led();
    leader.input((raft) => raft.unreachable("b"));
    equal(leader.raft.status().progress.get("b")?.state, "probe");
    leader.input((raft) => raft.propose([utf8("x")]));
    deepEqual(
      only(cluster.network, "appendRequest").map(({ to }) => to),
      ["c"],
    );
    cluster.run(2);
    equal(leader.raft.status().progress.get("b")?.state, "replicate");
    equal(cluster.get("b").machine.length, 2);
  });

  it("tells its followers what is committed without waiting for a heartbeat", () => {
    const [cluster, leader] = led();
    leader.input((raft) => raft.propose([utf8("x")]));
    cluster.settle();
    for (const member of cluster.up) equal(member.machine.length, 2);
  });

  it("drops proposals beyond the limit of uncommitted bytes, and takes them again afterwards", () => {
    const [cluster, leader] = led({ engine: { uncommittedBytesMax: 100 } });
    equal(leader.raft.propose([new Uint8Array(150)]).kind, "appended");
    deepEqual(leader.raft.propose([utf8("x")]), { kind: "dropped", reason: "tooManyUncommitted" });
    leader.pump();
    cluster.settle();
    equal(leader.raft.propose([utf8("x")]).kind, "appended");
  });

  it("is not confused by an acknowledgement beyond its log", () => {
    const [cluster, leader] = led();
    const accepted = { from: "b", to: "a", term: leader.server.term, matchIndex: 99 } as const;
    leader.input((raft) => raft.step({ kind: "appendAccepted", ...accepted }));
    equal(leader.raft.status().diverged, 2);
    cluster.run(2);
    ok(leader.isLeader);
  });

  it("feeds learners and does not count them", () => {
    const configuration = { ...votersOf("a", "b"), learners: ["l"] };
    const cluster = new Cluster({ configuration, ids: ["a", "b", "l"] });
    cluster.elect("a");
    cluster.run(2);
    deepEqual(cluster.get("l").machine, cluster.get("a").machine);
    const leader = cluster.get("a");
    leader.input((raft) => raft.propose([utf8("x")]));
    cluster.settle(cutOff("b"));
    equal(leader.server.commitIndex, 1);
  });
});

describe("a configuration in the log", () => {
  const five = encodeConfiguration(abcde);
  const append = { kind: "appendRequest", from: "b", to: "a", commit: 0, prevTerm: 1 } as const;
  const change: Entry = { index: 3, term: 2, kind: "config", data: five };

  it("is in force when appended, and not any more when truncated (T41)", () => {
    const [, member] = alone({ logs: { a: "11" } });
    member.input((raft) => raft.step({ ...append, term: 2, prevIndex: 2, entries: [change] }));
    equal(member.raft.status().configuration.voters.length, 5);
    member.input((raft) =>
      raft.step({ ...append, from: "c", term: 3, prevIndex: 2, entries: entriesOf("3", 3) }),
    );
    equal(member.raft.status().configuration.voters.length, 3);
  });

  it("survives restarts and compaction", () => {
    const [, member] = alone({ logs: { a: "11" } });
    const later = entriesOf("22", 4);
    member.input((raft) =>
      raft.step({ ...append, term: 2, prevIndex: 2, entries: [change, ...later], commit: 5 }),
    );
    member.restart();
    equal(member.raft.status().configuration.voters.length, 5);
    member.compact(4);
    member.restart();
    equal(member.raft.status().configuration.voters.length, 5);
  });

  it("changes nothing when its bytes are garbage", () => {
    const [, member] = alone({ logs: { a: "11" } });
    const entries: Entry[] = [{ ...change, data: utf8("garbage") }];
    member.input((raft) => raft.step({ ...append, term: 2, prevIndex: 2, entries }));
    deepEqual(member.raft.status().configuration, abc);
  });
});
