import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { describe, it } from "node:test";
import { Prng, utf8 } from "@flotilla/base";
import type { Message, SnapshotMeta } from "../../src/contract.ts";
import { createRaft } from "../../src/raft/raft.ts";
import { Cluster, cutOff, entriesOf, type Member, termsOf, votersOf } from "../cluster.ts";
import { only } from "../fixtures.ts";

const abc = votersOf("a", "b", "c");

/** A leader with five entries, the first four compacted, and c far behind. */
function lagging(
  options: Partial<ConstructorParameters<typeof Cluster>[0]> = {},
): [Cluster, Member, Member] {
  const cluster = new Cluster({ configuration: abc, ...options });
  cluster.elect("a", cutOff("c"));
  const leader = cluster.get("a");
  for (const text of ["w", "x", "y", "z"]) leader.input((raft) => raft.propose([utf8(text)]));
  cluster.settle(cutOff("c"));
  leader.compact(4);
  return [cluster, leader, cluster.get("c")];
}

describe("a leader whose follower needs compacted entries", () => {
  it("sends its state, and then streams on", () => {
    const [cluster, leader, follower] = lagging();
    let snapshots = 0;
    cluster.run(5, (message) => {
      if (message.kind === "installSnapshot") snapshots++;
      return false;
    });
    equal(snapshots, 1);
    deepEqual(follower.machine, leader.machine);
    equal(leader.raft.status().progress.get("c")?.state, "replicate");
    leader.input((raft) => raft.propose([utf8("more")]));
    cluster.settle();
    equal(follower.machine.length, 6);
  });

  it("names the state machine as it was last applied, with the configuration there", () => {
    const [cluster, leader] = lagging();
    let seen: SnapshotMeta | undefined;
    cluster.run(3, (message) => {
      if (message.kind === "installSnapshot") seen = message.snapshot;
      return false;
    });
    deepEqual(seen, { index: 5, term: leader.server.term, configuration: abc });
  });

  it("sends nothing to a server that does not answer", () => {
    const [cluster, leader] = lagging();
    let snapshots = 0;
    cluster.run(30, (message) => {
      if (message.kind === "installSnapshot") snapshots++;
      return cutOff("c")(message);
    });
    equal(snapshots, 0);
    equal(leader.raft.status().progress.get("c")?.state, "probe");
  });

  it("sends no appends meanwhile, and tries again when the bytes did not arrive", () => {
    const [cluster, leader, follower] = lagging();
    const isSnapshot = (message: { kind: string }): boolean => message.kind === "installSnapshot";
    cluster.run(3, (message) => isSnapshot(message) && cluster.take(() => false).length === 0);
    ok(["probe", "snapshot"].includes(leader.raft.status().progress.get("c")?.state ?? ""));
    equal(follower.machine.length, 0);
    cluster.run(3);
    deepEqual(follower.machine, leader.machine);
  });

  it("goes on when the acknowledgement of the snapshot is lost", () => {
    const [cluster, leader, follower] = lagging();
    let isLost = false;
    cluster.run(6, (message) => {
      const isAck = message.kind === "appendAccepted" && message.from === "c";
      if (!isAck || isLost) return false;
      isLost = true;
      return true;
    });
    ok(isLost);
    equal(leader.raft.status().progress.get("c")?.state, "replicate");
    deepEqual(follower.machine, leader.machine);
  });
});

describe("a snapshot that takes longer than the log goes back (T31)", () => {
  it("is sent once: the entries after it are kept until the follower has them", () => {
    const [cluster, leader, follower] = lagging();
    const slow: Message[] = [];
    const deliverTheRest = (): void => {
      while (cluster.network.length > 0) {
        slow.push(...cluster.take(({ kind }) => kind === "installSnapshot"));
        const message = cluster.network.shift();
        if (message !== undefined) cluster.deliver(message);
      }
    };
    for (let round = 0; round < 20; round++) {
      for (const member of cluster.up) member.input((raft) => raft.tick());
      leader.input((raft) => raft.propose([utf8(`during ${round}`)]));
      deliverTheRest();
      leader.compact(leader.server.appliedIndex);
    }
    equal(slow.length, 1);
    cluster.deliver(slow[0] as Message);
    leader.compact(leader.server.appliedIndex);
    for (const member of cluster.up) member.input((raft) => raft.tick());
    deliverTheRest();
    equal(slow.length, 1);
    deepEqual(follower.machine, leader.machine);
    leader.compact(leader.server.appliedIndex);
    equal(leader.server.log.firstIndex, leader.server.appliedIndex + 1);
  });
});

describe("a follower that is sent a snapshot", () => {
  const head = { kind: "installSnapshot", from: "b", to: "a", term: 5 } as const;
  const at = (index: number, term: number): SnapshotMeta => ({ index, term, configuration: abc });

  function follower(terms: string): [Cluster, Member] {
    const options = { configuration: abc, ids: ["a"], logs: { a: terms }, syncsAtOnce: false };
    const cluster = new Cluster(options);
    return [cluster, cluster.get("a")];
  }
  const offer = (member: Member, snapshot: SnapshotMeta): void => {
    member.received.set(snapshot.index, Array<string>(snapshot.index).fill("from the snapshot"));
    member.input((raft) => raft.step({ ...head, snapshot }));
  };
  const acknowledged = (cluster: Cluster): number[] =>
    only(
      cluster.take(() => true),
      "appendAccepted",
    ).map(({ matchIndex }) => matchIndex);

  it("keeps a log that agrees with it, and commits up to it (T12)", () => {
    const [cluster, member] = follower("11222");
    offer(member, at(3, 2));
    member.completeWrites();
    equal(termsOf(member), "11222");
    equal(member.server.commitIndex, 3);
    equal(member.disk.snapshot.index, 0);
    deepEqual(acknowledged(cluster), [3]);
  });

  it("acknowledges what is committed when the snapshot is older than that (T12)", () => {
    const [cluster, member] = follower("112");
    member.input((raft) =>
      raft.step({
        ...head,
        kind: "appendRequest",
        prevIndex: 3,
        prevTerm: 2,
        entries: [],
        commit: 3,
      }),
    );
    member.completeWrites();
    cluster.take(() => true);
    offer(member, at(2, 1));
    member.completeWrites();
    equal(termsOf(member), "112");
    deepEqual(acknowledged(cluster), [3]);
  });

  it("throws its whole log away when that conflicts: one snapshot is enough (T13)", () => {
    const [cluster, member] = follower("11333");
    offer(member, at(3, 4));
    equal(termsOf(member), "");
    member.completeWrites();
    deepEqual(acknowledged(cluster), [3]);
    const append = { kind: "appendRequest", from: "b", to: "a", term: 5, commit: 4 } as const;
    member.input((raft) =>
      raft.step({ ...append, prevIndex: 3, prevTerm: 4, entries: entriesOf("5", 4) }),
    );
    member.completeWrites();
    deepEqual(acknowledged(cluster), [4]);
    equal(member.machine.length, 4);
    member.restart();
    deepEqual([member.raft.status().firstIndex, member.raft.status().lastIndex], [4, 4]);
  });

  it("acknowledges nothing before the snapshot is installed, whatever completes first", () => {
    const [cluster, member] = follower("1");
    offer(member, at(3, 4));
    const token = member.writes[0]?.persist?.token;
    ok(token !== undefined);
    member.raft.persisted(token);
    const append = { kind: "appendRequest", from: "b", to: "a", term: 5, commit: 9 } as const;
    member.input((raft) =>
      raft.step({ ...append, prevIndex: 3, prevTerm: 4, entries: entriesOf("5", 4) }),
    );
    deepEqual([acknowledged(cluster), member.machine], [[], []]);
    equal(member.raft.takeEffects(), undefined);
    member.completeWrites();
    deepEqual(acknowledged(cluster), [3]);
  });

  it("ignores a second snapshot while it installs the first", () => {
    const [cluster, member] = follower("1");
    offer(member, at(3, 4));
    offer(member, at(3, 4));
    offer(member, at(6, 4));
    equal(member.writes.filter(({ persist }) => persist?.snapshot !== undefined).length, 1);
    member.completeWrites();
    deepEqual(acknowledged(cluster), [3]);
    offer(member, at(6, 4));
    member.completeWrites();
    deepEqual(acknowledged(cluster), [6]);
  });

  it("does not campaign while it installs", () => {
    const [, member] = follower("1");
    offer(member, at(3, 4));
    member.completeWrites(0);
    for (let tick = 0; tick < 8; tick++) member.input((raft) => raft.tick());
    member.server.electionElapsed = 100;
    member.input((raft) => raft.tick());
    equal(member.server.role, "follower");
  });

  it("is as it was when it crashes before the snapshot is durable", () => {
    const [, member] = follower("11");
    offer(member, at(3, 4));
    member.restart();
    equal(termsOf(member), "11");
  });
});

describe("compact()", () => {
  it("refuses what is not applied, and ignores what is gone", () => {
    const [, leader] = lagging();
    throws(() => leader.raft.compact(99), { name: "InvariantError" });
    leader.raft.compact(2);
    equal(leader.raft.status().firstIndex, 5);
  });
});

describe("createRaft()", () => {
  it("does not start with a state machine that is older than the snapshot (T32)", () => {
    const options = { id: "a", random: new Prng(1) };
    const snapshot = { index: 5, term: 1, configuration: abc };
    const hardState = { term: 1, vote: "", commit: 5 };
    throws(() => createRaft(options, { hardState, snapshot, entries: [], appliedIndex: 4 }), {
      name: "InvariantError",
    });
  });
});
