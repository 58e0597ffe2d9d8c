import { describe, it } from "node:test";
import {
  command,
  configurationEntry,
  configurationOf,
  holds,
  isBroken,
  settled,
  TestCluster,
} from "./fixtures.ts";

describe("the observer of commits", () => {
  it("accepts what a quorum has on disk, the leader included or not", () => {
    const cluster = settled();
    cluster.sees(cluster.at("a").write(3, "1"));
    for (const id of ["b", "c"]) cluster.sees(cluster.at(id).copy(cluster.at("a")).sync());
    cluster.commit(3, "a", "b", "c");
  });

  it("rejects what is in the memory of a quorum and not on its disks", () => {
    const cluster = settled();
    cluster.sees(cluster.at("b").write(3, "1"));
    cluster.sees(cluster.at("a").write(3, "1").sync());
    cluster.breaks(
      cluster.at("a").commit(3),
      "committedOnQuorum",
      /a commits \(3, 1\), which is durable on a=1 b \(not\)=1 c \(not\)=1/,
    );
  });

  it("rejects what a quorum has on disk in another term", () => {
    const cluster = new TestCluster();
    cluster.sees(cluster.at("b").write(1, "1").sync());
    cluster.elect("a", 2, "c");
    cluster.sees(cluster.at("a").write(1, "2").sync());
    cluster.breaks(cluster.at("a").commit(1), "committedOnQuorum", /b \(not\)/);
  });

  it("weighs the holders", () => {
    const cluster = new TestCluster(configurationOf("a=2 b c"));
    cluster.elect("a", 1, "b");
    cluster.replicate(1, "1", "a");
    cluster.breaks(cluster.at("a").commit(1), "committedOnQuorum", /a=2 b \(not\)=1/);
  });

  it("wants holders in both halves of a joint configuration", () => {
    const cluster = new TestCluster(configurationOf("a d e", { old: "a b c" }));
    cluster.elect("a", 1, "b", "d");
    cluster.replicate(1, "1", "a", "b");
    const facts = /a=1 d \(not\)=1 e \(not\)=1 and a=1 b=1 c \(not\)=1/;
    cluster.breaks(cluster.at("a").commit(1), "committedOnQuorum", facts);
  });

  it("does not count learners", () => {
    const cluster = new TestCluster(configurationOf("a b c", { learners: ["d"] }));
    cluster.elect("a", 1, "b");
    cluster.replicate(1, "1", "a", "d");
    cluster.breaks(cluster.at("a").commit(1), "committedOnQuorum", /c \(not\)=1$/);
  });

  it("counts by the configuration that was in force when it was counted", () => {
    const cluster = settled();
    const joint = configurationOf("a", { old: "a b c" });
    cluster.replicate(3, [configurationEntry(3, 1, joint)], "a", "b");
    // It commits the joint one and leaves it in the same event: the new one alone would do as well.
    const left = configurationOf("a");
    cluster.at("a").write(4, [configurationEntry(4, 1, left)]);
    cluster.sees(cluster.at("a").commit(3));
    cluster.sees(cluster.at("a").sync().commit(4));
  });

  it("counts witnesses, but wants one disk with data", () => {
    const configuration = configurationOf("a b c", { witnesses: ["b", "c"] });
    const cluster = new TestCluster(configuration);
    cluster.elect("a", 1, "b");
    cluster.replicate(1, "1", "a", "b");
    cluster.commit(1, "a");
    cluster.sees(cluster.at("a").write(2, "1"));
    for (const id of ["b", "c"]) cluster.sees(cluster.at(id).copy(cluster.at("a")).sync());
    cluster.breaks(cluster.at("a").commit(2), "committedOnQuorum", /which only witnesses have/);
  });

  it("counts a disk that was lost after it had acknowledged, and no more than it held", () => {
    const cluster = settled();
    cluster.replicate(3, "1", "a", "b");
    const lost = cluster.at("b");
    lost.stop().disk++;
    lost.durable.restart(undefined);
    cluster.sees(lost);
    cluster.commit(3, "a");
    cluster.sees(cluster.at("a").write(4, "1").sync());
    cluster.breaks(cluster.at("a").commit(4), "committedOnQuorum", /b \(not\)=1 c \(not\)=1/);
  });

  it("counts a faulty disk that has forgotten what it had acknowledged", () => {
    const cluster = settled();
    cluster.oracle.declareFaultyDisk("b");
    cluster.replicate(3, "1", "a", "b");
    const lost = cluster.at("b");
    cluster.sees(lost.stop());
    lost.durable.restart(undefined);
    cluster.sees(lost.restart());
    cluster.commit(3, "a");
  });

  it("does not count what was only in the memory of a lost server", () => {
    const cluster = settled();
    cluster.sees(cluster.at("a").write(3, "1").sync());
    const lost = cluster.at("b").write(3, "1");
    cluster.sees(lost);
    lost.stop().disk++;
    lost.durable.restart(undefined);
    cluster.sees(lost);
    cluster.breaks(cluster.at("a").commit(3), "committedOnQuorum", /b \(not\)=1 c \(not\)=1/);
  });

  it("rejects that a leader commits an earlier term's entry by counting", () => {
    const cluster = new TestCluster();
    cluster.elect("a", 1, "b");
    cluster.replicate(1, "1", "a", "b");
    cluster.elect("a", 2, "b");
    const facts = /a, the leader of term 2, commits \(1, 1\) by counting/;
    cluster.breaks(cluster.at("a").commit(1), "committedOnQuorum", facts);
  });

  it("rejects that a follower is the first to commit", () => {
    const cluster = settled();
    cluster.replicate(3, "1", "a", "b");
    cluster.breaks(
      cluster.at("b").commit(3),
      "committedOnQuorum",
      /b, a follower, commits \(3, 1\)/,
    );
  });

  it("hears of what a process committed in the event that ended it", () => {
    const cluster = settled();
    cluster.replicate(3, "1", "a", "b");
    cluster.sees(cluster.at("a").commit(3).stop());
    cluster.commit(3, "b");
  });

  it("rejects another entry at a committed place", () => {
    const cluster = settled();
    cluster.sees(cluster.at("c").write(1, "12"));
    const facts = /c commits \(2, 2\), and \(2, 1\) is committed/;
    cluster.breaks(cluster.at("c").commit(2), "stateMachineSafety", facts);
  });

  it("rejects a commit index beyond the log", () => {
    const cluster = settled();
    const [a, b] = [cluster.at("a"), cluster.at("b")];
    cluster.breaks(a.commit(3), "stateOrdering", /a commits 3, and its log ends at 2/);
    cluster.breaks(b.commit(0), "monotone", /commit index of b went from 2 to 0/);
  });

  it("rejects a commit index that is beyond the log and known elsewhere", () => {
    const cluster = settled();
    cluster.sees(cluster.at("c").write(1, "1"));
    cluster.breaks(cluster.at("c").commit(2), "stateMachineSafety", /c commits \(2, undefined\)/);
  });

  it("rejects that something uncommitted is compacted", () => {
    const cluster = settled();
    cluster.sees(cluster.at("a").write(3, "1"));
    cluster.at("a").log.compactTo(3);
    cluster.breaks(cluster.at("a"), "committedImmutable", /a has compacted up to 3, and only 2/);
  });

  it("rejects every other order of compacted, applied, committed", () => {
    const compacted = settled();
    compacted.at("a").log.compactTo(2);
    compacted.breaks(compacted.at("a"), "stateOrdering", /compacted 2, applied 0, committed 2/);
    const applied = settled();
    applied.replicate(3, "1", "a");
    applied.breaks(applied.at("a").apply(3), "stateOrdering", /applied 3, committed 2, last 3/);
  });

  it("rejects what goes back within one start, and forgives it across one", () => {
    const cluster = settled();
    const server = cluster.at("b").apply(2);
    cluster.sees(server);
    cluster.breaks(server.apply(1), "monotone", /applied index of b went from 2 to 1/);
    server.apply(2).term = 0;
    cluster.breaks(server, "monotone", /term of b went from 1 to 0/);
    server.term = 1;
    cluster.sees(server.stop());
    cluster.sees(server.restart());
  });

  it("rejects a log that begins earlier than it did", () => {
    const cluster = settled();
    const server = cluster.at("a").apply(2);
    server.log.compactTo(2);
    cluster.sees(server);
    server.log.restart({
      hardState: { term: 1, vote: "a", commit: 0 },
      snapshot: { index: 0, term: 0 },
      entries: [command(1, 1), command(2, 1)],
    });
    cluster.breaks(server, "monotone", /the log of a began after 2 and now begins at 1/);
  });
});

describe("the observer of state machines", () => {
  it("rejects that something else is applied than was committed", () => {
    const { oracle } = settled();
    holds(oracle.applied("a", 1, 1));
    isBroken(oracle.applied("a", 2, 2), "stateMachineSafety", /applied \(2, 2\), and \(2, 1\)/);
  });

  it("rejects that something is applied twice, or left out", () => {
    const { oracle } = settled();
    holds(oracle.applied("a", 1, 1));
    isBroken(oracle.applied("a", 1, 1), "appliedOnce", /a applied 1 after 1/);
    isBroken(oracle.applied("b", 2, 1), "appliedOnce", /b applied 2 after 0/);
  });

  it("rejects that something is applied before it is durable (T6)", () => {
    const cluster = settled();
    cluster.sees(cluster.at("c").copy(cluster.at("a")).commit(2));
    isBroken(cluster.oracle.applied("c", 1, 1), "appliedDurable", /its disk has nothing there/);
  });

  it("lets a store be replaced by a later one, of which all is committed and on this disk", () => {
    const { oracle } = settled();
    holds(oracle.replaced("b", 2, 1));
    isBroken(oracle.applied("b", 2, 1), "appliedOnce", /b applied 2 after 2/);
    isBroken(settled().oracle.replaced("b", 2, 2), "stateMachineSafety", /applied \(2, 2\)/);
    const cluster = settled();
    cluster.sees(cluster.at("c").copy(cluster.at("a")).commit(2));
    isBroken(cluster.oracle.replaced("c", 1, 1), "appliedDurable", /its disk has nothing there/);
  });

  it("goes on from what is in the state machine, after a restart and after a snapshot", () => {
    const cluster = settled();
    holds(cluster.oracle.applied("a", 1, 1));
    cluster.sees(cluster.at("a").apply(1));
    cluster.sees(cluster.at("a").stop());
    cluster.sees(cluster.at("a").restart());
    holds(cluster.oracle.applied("a", 1, 1));
    const server = cluster.at("c");
    server.log.write({ snapshot: { index: 2, term: 1 } });
    cluster.sees(server.enter(1).commit(2).apply(2));
    isBroken(cluster.oracle.applied("c", 2, 1), "appliedOnce", /c applied 2 after 2/);
  });

  it("judges at the end of an event what was committed in it", () => {
    const cluster = settled();
    cluster.replicate(3, "1", "a", "b");
    holds(cluster.oracle.applied("a", 1, 1));
    holds(cluster.oracle.applied("a", 2, 1));
    holds(cluster.oracle.applied("a", 3, 1));
    cluster.sees(cluster.at("a").commit(3).apply(3));

    const early = settled();
    early.replicate(3, "1", "a");
    for (const index of [1, 2, 3]) holds(early.oracle.applied("a", index, 1));
    early.breaks(early.at("a"), "stateMachineSafety", /applied \(3, 1\), and only 2 is committed/);
  });

  it("rejects states that differ", () => {
    const { oracle } = settled();
    holds(oracle.stateHash("a", 2, 77));
    holds(oracle.stateHash("b", 2, 77));
    isBroken(oracle.stateHash("c", 2, 78), "stateHash", /at 2 has hash 78 on c and 77 on a/);
  });
});
