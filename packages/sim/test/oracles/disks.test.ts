import { equal } from "node:assert/strict";
import { describe, it } from "node:test";
import { command, configurationEntry, configurationOf, settled, TestCluster } from "./fixtures.ts";

describe("the observer of disks", () => {
  it("forgives that a crash takes what was not durable, or keeps more than was reported", () => {
    const cluster = settled();
    const server = cluster.at("b").write(3, "1");
    cluster.sees(server);
    cluster.sees(server.stop());
    cluster.sees(server.restart());
    cluster.sees(server.write(3, "1"));
    cluster.sees(server.stop());
    server.durable.write({ entries: [command(3, 1)] });
    cluster.sees(server.restart());
  });

  it("forgives that a write on its way replaces what was durable", () => {
    const cluster = settled();
    const server = cluster.at("c").write(1, "111").sync();
    cluster.sees(server);
    cluster.sees(server.write(3, "2"));
    cluster.sees(server.stop());
    server.durable.write({ entries: [command(3, 2)] });
    cluster.sees(server.restart());
  });

  it("rejects that acknowledged entries are missing after a restart", () => {
    const cluster = settled();
    const server = cluster.at("b");
    cluster.sees(server.stop());
    server.durable.restart({
      hardState: { term: 1, vote: "a", commit: 0 },
      snapshot: { index: 0, term: 0 },
      entries: [command(1, 1)],
    });
    const facts = /b came back and its disk, which ends at 1, has lost \(2, 1\)/;
    cluster.breaks(server.restart(), "durability", facts);
  });

  it("rejects a term that goes back", () => {
    const cluster = settled();
    const server = cluster.at("b").enter(4).sync();
    cluster.sees(server);
    server.durable.write({ hardState: { term: 3, vote: "", commit: 0 } });
    cluster.breaks(server, "durability", /the disk of b went from term 4 back to 3/);
  });

  it("leaves the losses of a declared disk to the fault plan", () => {
    const cluster = settled();
    cluster.oracle.declareFaultyDisk("b");
    const server = cluster.at("b");
    cluster.sees(server.stop());
    server.durable.restart(undefined);
    cluster.sees(server.restart());
    cluster.sees(server.enter(1, "c").sync());
  });

  it("takes the declaration also before it has seen the server", () => {
    const cluster = settled();
    cluster.oracle.declareFaultyDisk("x");
    const server = cluster.join("x").enter(3).sync();
    cluster.sees(server);
    server.durable.restart(undefined);
    cluster.sees(server);
  });

  it("rejects that what is committed vanishes from all disks", () => {
    const cluster = settled();
    for (const id of ["a", "b"]) cluster.oracle.declareFaultyDisk(id);
    for (const id of ["a", "b"]) cluster.sees(cluster.at(id).stop());
    for (const id of ["a", "b"]) cluster.at(id).durable.restart(undefined);
    const facts = /\(2, 1\) is committed, and no disk with data holds it any more/;
    cluster.breaks(cluster.at("a").restart(), "durability", facts);
  });

  it("does not count the log of a witness as data, and counts wiped disks as lost", () => {
    const cluster = new TestCluster(configurationOf("a b c", { witnesses: ["b", "c"] }));
    cluster.elect("a", 1, "b");
    cluster.replicate(1, "1", "a", "b");
    cluster.commit(1, "a", "b");
    const server = cluster.at("a");
    cluster.sees(server.stop());
    server.disk++;
    server.durable.restart(undefined);
    cluster.breaks(server, "durability", /\(1, 1\) is committed, and no disk with data/);
  });

  it("does not mourn an epoch that was given up", () => {
    const cluster = settled();
    cluster.sees(cluster.at("b").stop());
    cluster.oracle.declareRecovery("b");
    const recovered = configurationOf("b", { epoch: 1 });
    cluster.at("b").durable.write({
      hardState: { term: 2, vote: "b", commit: 3 },
      entries: [configurationEntry(3, 2, recovered)],
    });
    cluster.at("b").restart().configuration = recovered;
    cluster.sees(cluster.at("b").commit(3));
    const server = cluster.at("a");
    cluster.sees(server.stop());
    server.disk++;
    server.durable.restart(undefined);
    cluster.sees(server);
  });
});

describe("toleratesLossOf()", () => {
  it("says whether a committed entry would still be in every quorum", () => {
    const cluster = settled();
    equal(cluster.oracle.toleratesLossOf("a"), false, "b alone would hold what is committed");
    equal(cluster.oracle.toleratesLossOf("c"), true, "c holds nothing");
    cluster.replicate(1, "11", "c");
    equal(cluster.oracle.toleratesLossOf("b"), false, "its vote in term 1 would be free, c's is");
    cluster.sees(cluster.at("c").enter(1, "a").sync());
    equal(cluster.oracle.toleratesLossOf("b"), true);
  });

  it("looks at every configuration that is in force anywhere", () => {
    const cluster = settled();
    cluster.replicate(1, "11", "c");
    cluster.sees(cluster.at("c").enter(1, "a").sync());
    const joint = configurationOf("a d e", { old: "a b c" });
    cluster.at("a").configuration = joint;
    cluster.sees(
      cluster
        .at("a")
        .write(3, [configurationEntry(3, 1, joint)])
        .sync(),
    );
    equal(cluster.oracle.toleratesLossOf("b"), true, "a quorum of the old half needs a or c");
    const weighted = configurationOf("a b=5 c", { old: "a b c" });
    const other = settled();
    other.replicate(1, "11", "c");
    other.sees(other.at("c").enter(1, "a").sync());
    other.at("a").configuration = weighted;
    other.sees(
      other
        .at("a")
        .write(3, [configurationEntry(3, 1, weighted)])
        .sync(),
    );
    equal(other.oracle.toleratesLossOf("b"), true, "still no majority of the old half");
  });

  it("minds that a leader would get the same votes again, unless its disk is known", () => {
    const servers = [{ id: "a", incarnation: 7, urls: [] }];
    const cluster = settled();
    cluster.replicate(1, "11", "c");
    cluster.sees(cluster.at("c").enter(1, "a").sync());
    equal(cluster.oracle.toleratesLossOf("a", "wiped"), false, "b and c would vote for it again");
    const joint = configurationOf("a b c", { old: "a b c", servers });
    cluster.replicate(3, [configurationEntry(3, 1, joint)], "a", "b", "c");
    cluster.commit(3, "a", "b", "c");
    equal(cluster.oracle.toleratesLossOf("a", "wiped"), true, "they know that it is another disk");
    equal(cluster.oracle.toleratesLossOf("a"), false, "nobody knows that it is not what it was");
  });

  it("minds elections of terms that the lost one has left", () => {
    const cluster = settled();
    cluster.replicate(1, "11", "c");
    cluster.sees(cluster.at("c").enter(1, "a").sync());
    cluster.sees(cluster.at("b").enter(5).sync());
    equal(cluster.oracle.toleratesLossOf("b"), false, "a and c are in term 1 yet");
    for (const id of ["a", "c"]) cluster.sees(cluster.at(id).enter(5).sync());
    equal(cluster.oracle.toleratesLossOf("b"), true);
  });

  it("does not mind what only a leader has", () => {
    const cluster = settled();
    cluster.replicate(1, "11", "c");
    cluster.elect("a", 2, "b", "c");
    cluster.sees(cluster.at("a").write(3, "2").sync());
    equal(cluster.oracle.toleratesLossOf("b"), true);
    const leader = cluster.at("a");
    cluster.sees(cluster.at("c").enter(3, "c").sync());
    cluster.sees(cluster.at("b").enter(3, "c").sync());
    equal(cluster.oracle.toleratesLossOf(leader.id), true, "and nobody is left to vote in term 2");
  });

  it("tolerates everything of a server that nobody has seen", () => {
    equal(settled().oracle.toleratesLossOf("x"), true);
  });

  it("minds what may be acknowledged and not yet committed", () => {
    const cluster = settled();
    cluster.replicate(1, "11", "c");
    cluster.sees(cluster.at("c").enter(1, "a").sync());
    equal(cluster.oracle.toleratesLossOf("c"), true);
    cluster.sees(cluster.at("c").write(3, "1").sync());
    equal(cluster.oracle.toleratesLossOf("c"), false, "its acknowledgement may be on its way");
  });

  it("weighs votes", () => {
    const cluster = new TestCluster(configurationOf("a=3 b c"));
    cluster.elect("a", 1);
    cluster.replicate(1, "1", "a", "b", "c");
    cluster.commit(1, "a");
    equal(cluster.oracle.toleratesLossOf("b"), true);
    equal(cluster.oracle.toleratesLossOf("a"), false, "a alone is a quorum");
  });
});
