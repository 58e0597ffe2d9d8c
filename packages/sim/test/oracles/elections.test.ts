import { describe, it } from "node:test";
import { configurationEntry, configurationOf, settled, TestCluster } from "./fixtures.ts";

/** Its disk is replaced by a new one, and its process starts on that. */
function wipe(cluster: TestCluster, id: string): void {
  const server = cluster.at(id);
  cluster.sees(server.stop());
  server.durable.restart(undefined);
  server.disk++;
  cluster.sees(server);
  cluster.sees(server.restart());
}

/** b leads term 1 and has voted a out at 4, which b has committed; a knows up to `known` of that. */
function votedOut(known: number): TestCluster {
  const cluster = new TestCluster();
  const all = ["b", "a", "c"];
  cluster.elect("b", 1, "a", "c");
  cluster.replicate(1, "11", ...all);
  const joint = configurationOf("b c", { old: "a b c" });
  cluster.replicate(3, [configurationEntry(3, 1, joint)], ...all);
  cluster.commit(3, "b");
  const left = configurationOf("b c", { removed: ["a"] });
  cluster.replicate(4, [configurationEntry(4, 1, left)], ...all);
  cluster.commit(4, "b");
  cluster.commit(known, "a");
  return cluster;
}

describe("the observer of elections", () => {
  it("accepts one leader after another", () => {
    const cluster = settled();
    cluster.elect("b", 2, "c");
    cluster.sees(cluster.at("b").write(3, "2").sync());
    cluster.sees(cluster.at("c").copy(cluster.at("b")).sync());
    cluster.commit(3, "b", "c");
    cluster.sees(cluster.at("a").enter(2).sync());
  });

  it("does not ask a stale leader for what later terms have committed", () => {
    const cluster = settled();
    cluster.replicate(1, "11", "c");
    for (const id of ["b", "c"]) cluster.sees(cluster.at(id).enter(2, "c").sync());
    cluster.elect("a", 3, "b");
    cluster.replicate(3, "3", "a", "b");
    cluster.commit(3, "a");
    cluster.at("c").role = "leader";
    cluster.sees(cluster.at("c"));
  });

  it("rejects two leaders in one term", () => {
    const cluster = new TestCluster(configurationOf("a b c d"));
    cluster.elect("a", 1, "b", "c");
    const other = cluster.at("d").enter(1, "d").sync();
    cluster.sees(other);
    other.role = "leader";
    cluster.breaks(other, "electionSafety", /d leads term 1, which a has led/);
  });

  it("rejects a leader that takes up its term again after a restart", () => {
    const cluster = settled();
    cluster.sees(cluster.at("a").stop());
    const again = cluster.at("a").restart();
    cluster.sees(again);
    again.role = "leader";
    cluster.breaks(again, "electionSafety", /a leads term 1, which a has led/);
  });

  it("rejects a leader whose votes are no quorum", () => {
    const cluster = new TestCluster();
    const leader = cluster.at("a").enter(1, "a").sync();
    leader.role = "leader";
    cluster.breaks(leader, "electedOnQuorum", /a leads term 1 by the durable votes of a, out of/);
  });

  it("rejects a leader by votes that are in memory only", () => {
    const cluster = new TestCluster();
    cluster.sees(cluster.at("b").enter(1, "a"));
    const leader = cluster.at("a").enter(1, "a").sync();
    leader.role = "leader";
    cluster.breaks(leader, "electedOnQuorum", /of a, out of a=1 b=1 c=1/);
  });

  it("weighs votes", () => {
    const heavy = new TestCluster(configurationOf("a=3 b c"));
    heavy.elect("a", 1);
    const light = new TestCluster(configurationOf("a=3 b c"));
    light.sees(light.at("c").enter(1, "b").sync());
    const leader = light.at("b").enter(1, "b").sync();
    leader.role = "leader";
    light.breaks(leader, "electedOnQuorum", /durable votes of b c, out of a=3 b=1 c=1/);
  });

  it("wants a quorum of both halves of a joint configuration", () => {
    const joint = configurationOf("c d e", { old: "a b c" });
    const both = new TestCluster(joint);
    both.elect("c", 1, "a", "d");
    const one = new TestCluster(joint);
    one.sees(one.at("d").enter(1, "c").sync());
    const leader = one.at("c").enter(1, "c").sync();
    leader.role = "leader";
    one.breaks(leader, "electedOnQuorum", /by the durable votes of c d c/);
  });

  it("rejects leaders that are learners or witnesses", () => {
    for (const more of [{ witnesses: ["a"] }, {}]) {
      const voters = "witnesses" in more ? "a b c" : "b c";
      const cluster = new TestCluster(configurationOf(voters, { learners: [], ...more }));
      if (!cluster.servers.has("a")) cluster.join("a").configuration = cluster.configuration;
      for (const id of ["b", "c"]) cluster.sees(cluster.at(id).enter(1, "a").sync());
      const leader = cluster.at("a").enter(1, "a").sync();
      leader.role = "leader";
      cluster.breaks(leader, "electedOnQuorum", /a leads term 1 and is no voter with data/);
    }
  });

  it("accepts that a server leads once more to commit that it leaves, and not after that (T3)", () => {
    for (const commit of [3, 4]) {
      const cluster = settled();
      cluster.replicate(1, "11", "c");
      const joint = configurationOf("b c", { old: "a b c" });
      cluster.replicate(3, [configurationEntry(3, 1, joint)], "a", "b", "c");
      cluster.commit(3, "a", "b");
      const left = configurationOf("b c");
      cluster.replicate(4, [configurationEntry(4, 1, left)], "a", "b", "c");
      if (commit === 4) cluster.commit(4, "a");
      for (const id of ["b", "c"]) cluster.sees(cluster.at(id).enter(2, "a").sync());
      const leader = cluster.at("a").enter(2, "a").sync().commit(commit);
      leader.role = "leader";
      if (commit === 3) cluster.sees(leader);
      else cluster.breaks(leader, "electedOnQuorum", /a leads term 2 and is no voter with data/);
    }
  });

  it("does not count a leader's own vote, which its newest configuration takes away", () => {
    const cluster = votedOut(3);
    for (const id of ["a", "b"]) cluster.sees(cluster.at(id).enter(2, "a").sync());
    const leader = cluster.at("a");
    leader.role = "leader";
    cluster.breaks(leader, "electedOnQuorum", /durable votes of b, out of b=1 c=1/);
  });

  it("rejects a blank server that leads", () => {
    const cluster = settled();
    const blank = cluster.join("x").enter(2, "x").sync();
    blank.role = "leader";
    cluster.breaks(blank, "electedOnQuorum", /x leads term 2 and knows of no voters/);
  });

  it("rejects a leader without what is committed", () => {
    const cluster = settled();
    for (const id of ["b", "c"]) cluster.sees(cluster.at(id).enter(2, "c").sync());
    const leader = cluster.at("c");
    leader.role = "leader";
    cluster.breaks(leader, "leaderCompleteness", /c leads term 2 with nothing where \(2, 1\)/);
  });

  it("rejects a leader that was left behind by an epoch", () => {
    const cluster = settled();
    for (const id of ["a", "b"]) cluster.sees(cluster.at(id).enter(2, "b").sync());
    const leader = cluster.at("b");
    leader.durable.supersededBy = 1;
    leader.durable.version++;
    cluster.sees(leader);
    leader.role = "leader";
    cluster.breaks(leader, "oldEpoch", /b leads term 2 though epoch 1 left it behind/);
  });

  it("rejects a leader that takes proposals in when it knows that it was voted out (T16)", () => {
    const cluster = settled();
    const leader = cluster.at("a");
    cluster.replicate(1, "11", "c");
    const joint = configurationOf("b c", { old: "a b c" });
    cluster.replicate(3, [configurationEntry(3, 1, joint)], "a", "b", "c");
    cluster.commit(3, "a", "b", "c");
    const left = configurationOf("b c");
    cluster.replicate(4, [configurationEntry(4, 1, left)], "a", "b", "c");
    cluster.replicate(5, "1", "a", "b", "c"); // Not committed yet: it still may.
    cluster.commit(5, "a");
    cluster.sees(leader.write(6, [{ ...configurationEntry(6, 1, left), kind: "noop" }]));
    const facts = /a takes a proposal in at 7, and was voted out at 4, which is committed/;
    cluster.breaks(leader.write(7, "1"), "removedLeads", facts);
  });

  it("rejects a leader that changes its own log", () => {
    const cluster = settled();
    const leader = cluster.at("a").write(3, "1");
    cluster.sees(leader);
    leader.log.write({ entries: [configurationEntry(3, 1, configurationOf("a b"))] });
    cluster.sees(cluster.at("b"));
    leader.log.write({ entries: [{ ...configurationEntry(2, 1, configurationOf("a")), term: 0 }] });
    cluster.breaks(leader, "leaderAppendOnly", /the leader of term 1 changed its log/);
  });
});

describe("the observer of votes", () => {
  it("accepts that a vote is lost together with its term", () => {
    const cluster = settled();
    const server = cluster.at("c").enter(5, "b");
    cluster.sees(server);
    cluster.sees(server.stop());
    cluster.sees(server.restart());
    cluster.sees(server.enter(5, "a").sync());
  });

  it("lets a server whose entries are of a later term than its vote vote there", () => {
    const cluster = settled();
    const server = cluster.at("c").enter(1, "b").sync();
    cluster.sees(server);
    // The entries reached the disk, the term did not: it is taken from the entries.
    server.durable.write({
      entries: [{ ...configurationEntry(1, 2, configurationOf("a b c")), kind: "command" }],
    });
    cluster.sees(server.stop());
    cluster.sees(server.restart());
    cluster.sees(server.enter(2, "a"));
  });

  it("rejects another vote in a term, in memory", () => {
    const cluster = settled();
    cluster.sees(cluster.at("c").enter(2, "b"));
    cluster.breaks(cluster.at("c").enter(2, "a"), "oneVotePerTerm", /c votes for a in term 2/);
  });

  it("rejects a start that forgets a durable vote", () => {
    const cluster = settled();
    const server = cluster.at("c").enter(2, "b").sync();
    cluster.sees(server);
    cluster.sees(server.stop());
    server.restart().vote = "";
    cluster.breaks(server, "oneVotePerTerm", /votes for nobody in term 2, in which .* for b/);
  });

  it("rejects another vote in a term, on disk", () => {
    const cluster = settled();
    const server = cluster.at("c").enter(2, "b").sync();
    cluster.sees(server);
    server.durable.write({ hardState: { term: 2, vote: "a", commit: 0 } });
    const facts = /c votes for a in term 2, in which it had voted for b/;
    cluster.breaks(server, "oneVotePerTerm", facts);
  });

  it("counts all votes of a disk that has forgotten one, which election safety has to stand", () => {
    const cluster = settled();
    cluster.sees(cluster.at("c").enter(2, "b").sync());
    wipe(cluster, "c");
    cluster.sees(cluster.at("c").enter(2, "a").sync());
    cluster.elect("a", 2);
    const other = cluster.at("b").enter(2, "b").sync();
    cluster.sees(other);
    other.role = "leader";
    cluster.breaks(other, "electionSafety", /b leads term 2, which a has led/);
  });

  it("rejects the vote of a server that knows it is removed", () => {
    const cluster = settled();
    const joint = configurationOf("a b", { old: "a b c" });
    cluster.replicate(3, [configurationEntry(3, 1, joint)], "a", "b");
    for (const id of ["a", "b"]) cluster.at(id).configuration = joint;
    cluster.commit(3, "a", "b");
    const left = configurationOf("a b", { removed: ["c"] });
    cluster.replicate(4, [configurationEntry(4, 1, left)], "a", "b");
    for (const id of ["a", "b"]) cluster.at(id).configuration = left;
    cluster.commit(4, "a", "b");
    const removed = cluster.at("c");
    removed.write(1, "11");
    removed.log.write({
      entries: [configurationEntry(3, 1, joint), configurationEntry(4, 1, left)],
    });
    removed.configuration = left;
    cluster.sees(removed.sync().commit(4));
    removed.enter(2, "b").sync();
    cluster.breaks(removed, "removedVotes", /c votes for b in term 2 though .* removed at 4/);
  });

  it("accepts the vote of one that is leaving, which its old half needs", () => {
    const cluster = settled();
    const joint = configurationOf("a b", { old: "a b c", removed: ["c"] });
    cluster.replicate(3, [configurationEntry(3, 1, joint)], "a", "b");
    cluster.commit(3, "a", "b");
    const leaving = cluster.at("c").write(1, "11");
    cluster.sees(
      leaving
        .write(3, [configurationEntry(3, 1, joint)])
        .sync()
        .commit(3),
    );
    cluster.sees(leaving.enter(2, "b").sync());
  });

  it("accepts a vote given before its removal was known, though its disk is slow", () => {
    const cluster = votedOut(3);
    const removed = cluster.at("a").enter(2, "c");
    cluster.sees(removed);
    cluster.sees(removed.commit(4));
    cluster.sees(removed.sync());
  });

  it("accepts a vote given in the event that tells of the removal", () => {
    const cluster = votedOut(3);
    const removed = cluster.at("a").enter(2, "c").commit(4);
    cluster.sees(removed);
    cluster.sees(removed.sync());
  });

  it("rejects a vote given when the removal was known, though its disk is slow", () => {
    const cluster = votedOut(4);
    const removed = cluster.at("a").enter(2, "c");
    cluster.sees(removed);
    cluster.breaks(removed.sync(), "removedVotes", /a votes for c in term 2 though .* at 4/);
  });

  it("does not count the vote of a wiped server whose id was registered, nor mind it (T18)", () => {
    const servers = [{ id: "c", incarnation: 7, urls: [] }];
    const cluster = settled();
    const joint = configurationOf("a b c", { old: "a b c", servers });
    cluster.replicate(3, [configurationEntry(3, 1, joint)], "a", "b");
    cluster.commit(3, "a", "b");
    cluster.sees(cluster.at("c").enter(2, "a").sync());
    wipe(cluster, "c");
    cluster.sees(cluster.at("c").enter(2, "b").sync());
    const leader = cluster.at("b").enter(2, "b").sync();
    cluster.sees(leader);
    leader.role = "leader";
    cluster.breaks(leader, "electedOnQuorum", /by the durable votes of b b, out of/);
  });

  it("rejects the vote of a server that an epoch left behind, and that it forgets this", () => {
    const cluster = settled();
    const server = cluster.at("c");
    server.supersededBy = 1;
    cluster.sees(server.sync());
    cluster.breaks(
      server.enter(2, "b").sync(),
      "oldEpoch",
      /c votes for b in term 2 though epoch 1/,
    );
    server.durable.supersededBy = 0;
    server.durable.version++;
    cluster.breaks(server, "oldEpoch", /c forgot that epoch 1 left it behind/);
  });

  it("accepts a vote given in the event that tells of the next epoch, both in one write", () => {
    const cluster = settled();
    const server = cluster.at("c").enter(2, "c");
    server.supersededBy = 1;
    cluster.sees(server);
    cluster.sees(server.sync());
  });

  it("accepts a vote given before the next epoch was known, though its disk is slow", () => {
    const cluster = settled();
    const server = cluster.at("c").enter(2, "c");
    cluster.sees(server);
    server.supersededBy = 1;
    cluster.sees(server);
    cluster.sees(server.sync());
  });

  it("rejects a vote given when the next epoch was known, though both are in one write", () => {
    const cluster = settled();
    const server = cluster.at("c");
    server.supersededBy = 1;
    cluster.sees(server);
    cluster.sees(server.enter(2, "b"));
    cluster.breaks(server.sync(), "oldEpoch", /c votes for b in term 2 though epoch 1 left it/);
  });

  it("rejects a vote beside the next epoch on a disk, when nobody has seen it given", () => {
    const cluster = settled();
    const server = cluster.at("c").enter(3);
    cluster.sees(server);
    server.durable.write({ hardState: { term: 2, vote: "b", commit: 0, supersededBy: 1 } });
    cluster.breaks(server, "oldEpoch", /c votes for b in term 2 though epoch 1 left it behind/);
  });
});
