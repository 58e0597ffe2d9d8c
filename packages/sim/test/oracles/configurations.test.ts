import { describe, it } from "node:test";
import type { Configuration } from "@flotilla/consensus";
import { configurationEntry, configurationOf, holds, settled, TestCluster } from "./fixtures.ts";

const founders = "a b c";

/** `a` appends these after index 2, each committed before the next one unless it is the last. */
function change(cluster: TestCluster, configurations: readonly Configuration[]): void {
  const leader = cluster.at("a");
  configurations.forEach((configuration, at) => {
    const index = 3 + at;
    leader.write(index, [configurationEntry(index, 1, configuration)]);
    if (at === configurations.length - 1) return;
    cluster.sees(leader.sync());
    for (const id of ["b", "c"]) cluster.sees(cluster.at(id).copy(leader).sync());
    cluster.sees(leader.commit(index));
  });
}

describe("the observer of configurations", () => {
  it("accepts changes through joint consensus", () => {
    const cluster = settled();
    change(cluster, [
      configurationOf("a b c d", { old: founders }),
      configurationOf("a b c d"),
      configurationOf("a b c d=2", { old: "a b c d" }),
    ]);
    cluster.sees(cluster.at("a"));
  });

  // biome-ignore format: a table
  const bad = [
    ["a change without a joint phase", [configurationOf("a b c d")], /must go through joint/],
    ["a change of votes without one", [configurationOf("a=2 b c")], /must go through joint/],
    ["a joint phase with other old voters", [configurationOf("a b c d", { old: "a b" })], /with the old voters/],
    ["a joint phase after a joint phase", [configurationOf("a b d", { old: founders }), configurationOf("a b e", { old: founders })], /leads out of joint/],
    ["other voters than the joint phase announced", [configurationOf("a b c d", { old: founders }), configurationOf("a b d")], /must keep the new voters/],
    ["what is no configuration", [configurationOf("b", { old: founders, witnesses: ["b"] })], /a has no sound configuration at 3/],
  ] as const;
  for (const [name, configurations, facts] of bad) {
    it(`rejects ${name}`, () => {
      const cluster = settled();
      change(cluster, configurations);
      cluster.breaks(cluster.at("a"), "configuration", facts);
    });
  }

  it("rejects two that are not committed", () => {
    const cluster = settled();
    const joint = configurationOf("a b c d", { old: founders });
    cluster.at("a").write(3, [configurationEntry(3, 1, joint)]);
    cluster.sees(cluster.at("a"));
    const left = configurationOf("a b c d");
    cluster.at("a").write(4, [configurationEntry(4, 1, left)]);
    cluster.breaks(cluster.at("a"), "configuration", /at 3 and 4, and only 2 is committed/);
  });

  it("rejects an engine that goes by another one than its log", () => {
    const cluster = settled();
    const joint = configurationOf("a b c d", { old: founders });
    cluster.at("a").write(3, [configurationEntry(3, 1, joint)]);
    cluster.at("a").configuration = cluster.configuration;
    cluster.breaks(
      cluster.at("a"),
      "configurationInForce",
      /a goes by \[voters a=1 b=1 c=1\], and/,
    );
  });

  it("rejects an engine that keeps one whose entry was cut off", () => {
    const cluster = settled();
    const joint = configurationOf("a b c d", { old: founders });
    const server = cluster.at("b").write(3, [configurationEntry(3, 1, joint)]);
    server.configuration = joint;
    cluster.sees(server);
    server.write(3, "2");
    cluster.breaks(server, "configurationInForce", /goes by .*outgoing a=1 b=1 c=1.* since 0/);
    const fine = settled();
    const other = fine.at("b").write(3, [configurationEntry(3, 1, joint)]);
    other.configuration = joint;
    fine.sees(other);
    other.write(3, "2").configuration = fine.configuration;
    fine.sees(other);
  });

  it("knows what is in force behind a snapshot, and after a restart from it", () => {
    const cluster = settled();
    const joint = configurationOf("a b c d", { old: founders });
    const left = configurationOf("a b c d");
    change(cluster, [joint, left, configurationOf("a b c", { old: "a b c d" })]);
    const joiner = cluster.join("d");
    cluster.sees(joiner);
    joiner.log.write({ snapshot: { index: 4, term: 1 } });
    joiner.configuration = left;
    cluster.sees(joiner.enter(1).commit(4).apply(4).sync());
    cluster.sees(joiner.stop());
    cluster.sees(joiner.restart());
    joiner.configuration = configurationOf("a b c d");
    cluster.sees(joiner);
    joiner.configuration = joint;
    cluster.breaks(
      joiner,
      "configurationInForce",
      /d goes by .*outgoing.* its log says .* since 4/,
    );
  });

  it("judges a blank server by the cluster as soon as it knows who is in it", () => {
    const cluster = settled();
    const joint = configurationOf("a b c d", { old: founders });
    change(cluster, [joint, configurationOf("a b c d")]);
    const other = cluster.join("e").write(1, "11");
    cluster.sees(other);
    other.write(3, [configurationEntry(3, 1, joint)]);
    cluster.sees(other.commit(3));
    const wrong = cluster.join("f").write(1, "12");
    cluster.sees(wrong); // Wrong, and not to be told before it is known where it belongs.
    wrong.write(3, [configurationEntry(3, 2, joint)]);
    cluster.breaks(wrong.commit(3), "stateMachineSafety", /f commits \(2, 2\), and \(2, 1\)/);
  });
});

describe("the observer of forced recoveries", () => {
  const recovered = configurationOf("b", { epoch: 1 });

  function recover(cluster: TestCluster, at = 3): void {
    const survivor = cluster.at("b");
    cluster.sees(survivor.stop());
    cluster.oracle.declareRecovery("b");
    survivor.durable.write({
      hardState: { term: 2, vote: "b", commit: at },
      entries: [configurationEntry(at, 2, recovered)],
    });
    survivor.restart().configuration = recovered;
    cluster.sees(survivor.commit(at));
  }

  /** a and b have a change at 2 and 3; nobody has committed the end of it when b goes on alone. */
  function recoverAmidChange(): TestCluster {
    const cluster = new TestCluster();
    cluster.elect("a", 1, "b");
    cluster.replicate(1, "1", "a", "b");
    const joint = configurationOf("a b c", { old: "a b c" });
    cluster.replicate(2, [configurationEntry(2, 1, joint)], "a", "b");
    cluster.commit(2, "a", "b");
    const left = configurationOf("a b c");
    cluster.replicate(3, [configurationEntry(3, 1, left)], "a", "b");
    recover(cluster, 4);
    return cluster;
  }

  it("lets the survivor go on, and those left behind as well, each in its epoch", () => {
    const cluster = settled();
    recover(cluster);
    cluster.elect("b", 3);
    cluster.replicate(4, "3", "b");
    cluster.commit(4, "b");
    cluster.replicate(1, "11", "c");
    cluster.elect("a", 3, "c");
    cluster.replicate(3, "3", "a", "c");
    cluster.commit(3, "a", "c");
  });

  it("forgives that the survivor lacked what was committed", () => {
    const cluster = settled();
    cluster.replicate(1, "11", "c");
    cluster.replicate(3, "1", "a", "c");
    cluster.commit(3, "a", "c");
    recover(cluster);
    cluster.elect("b", 3);
  });

  it("holds the new epoch to everything that the survivor had", () => {
    const cluster = settled();
    recover(cluster);
    cluster.elect("b", 3);
    const joiner = cluster.join("d");
    cluster.sees(joiner);
    joiner.write(1, "12").write(3, [configurationEntry(3, 2, recovered)]);
    cluster.breaks(joiner.commit(3), "logMatching", /\(3, 2\) follows term 2 on d and term 1 on b/);
  });

  it("rejects a new epoch that nobody has begun", () => {
    const cluster = settled();
    const server = cluster.at("b").write(3, [configurationEntry(3, 2, recovered)]);
    server.configuration = recovered;
    cluster.breaks(server, "oldEpoch", /b goes from epoch 0 to 1/);
  });

  it("accepts that a new server replays the old epoch before it is in the new one", () => {
    const cluster = new TestCluster();
    cluster.elect("a", 1, "b");
    cluster.replicate(1, "1", "a", "b");
    const joint = configurationOf("a b c", { old: "a b c" });
    for (const id of ["a", "b"]) cluster.at(id).configuration = joint;
    cluster.replicate(2, [configurationEntry(2, 1, joint)], "a", "b");
    cluster.commit(2, "a", "b");
    recover(cluster);
    const joiner = cluster.join("d");
    cluster.sees(joiner);
    cluster.sees(joiner.copy(cluster.at("a")));
    cluster.sees(joiner.copy(cluster.at("b")));
  });

  it("accepts that a new server commits in the old epoch what only the new one has committed", () => {
    const cluster = recoverAmidChange();
    const joiner = cluster.join("d");
    cluster.sees(joiner);
    cluster.sees(joiner.copy(cluster.at("a")).sync().commit(3));
    for (const index of [1, 2, 3]) holds(cluster.oracle.applied("d", index, 1));
    cluster.sees(joiner.apply(3));
    cluster.sees(joiner.copy(cluster.at("b")).sync().commit(4));
  });

  it("rejects the same of servers of the old epoch, and what the new one has not committed", () => {
    const cluster = recoverAmidChange();
    cluster.breaks(cluster.at("a").commit(3), "committedOnQuorum", /a commits \(3, 1\)/);
    const other = recoverAmidChange();
    const founder = other.at("c").copy(other.at("a")).sync().commit(3);
    other.breaks(founder, "committedOnQuorum", /c, a follower, commits \(3, 1\) before any/);
    const third = recoverAmidChange();
    const joiner = third.join("d");
    third.sees(joiner);
    joiner.copy(third.at("a")).write(4, "1").sync().commit(4);
    third.breaks(joiner, "stateMachineSafety", /d commits \(4, 1\), and \(4, 2\) is committed/);
  });

  it("rejects that a server of the old epoch joins with its disk", () => {
    const cluster = settled();
    recover(cluster);
    const server = cluster.at("a").enter(2);
    server.write(3, [configurationEntry(3, 2, recovered)]);
    cluster.breaks(server, "oldEpoch", /a goes from epoch 0 to 1 with the disk that it has/);
  });

  it("does not count disks of the old epoch", () => {
    const cluster = settled();
    recover(cluster);
    cluster.elect("b", 3);
    const joint = configurationOf("a b", { old: "b", epoch: 1 });
    cluster.at("b").configuration = joint;
    cluster.replicate(4, [configurationEntry(4, 3, joint)], "b");
    cluster.sees(cluster.at("a").enter(3).write(3, "33"));
    cluster.at("a").durable.write({ entries: [configurationEntry(4, 3, joint)] });
    cluster.breaks(cluster.at("b").commit(4), "committedOnQuorum", /a \(not\)=1 b=1 and b=1/);
  });
});
