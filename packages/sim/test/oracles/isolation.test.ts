import { describe, it } from "node:test";
import type { Configuration } from "@flotilla/consensus";
import type { IsolationKind } from "../../src/oracles/index.ts";
import {
  configurationEntry,
  configurationOf,
  holds,
  isBroken,
  settled,
  type TestCluster,
  TestServer,
} from "./fixtures.ts";

/** a and b have this configuration at 3, not committed yet. */
function append(cluster: TestCluster, configuration: Configuration): void {
  for (const id of ["a", "b"]) cluster.at(id).configuration = configuration;
  cluster.replicate(3, [configurationEntry(3, 1, configuration)], "a", "b");
}

function rejects(cluster: TestCluster, id: string, kind: IsolationKind): void {
  isBroken(cluster.oracle.isolated(id, kind), "isolation", new RegExp(`${id} .*: ${kind}, which`));
}

describe("a server that says that it does not belong here", () => {
  it("was removed, and that is committed", () => {
    const cluster = settled();
    rejects(cluster, "c", "removed");
    append(cluster, configurationOf("a b", { old: "a b c", removed: ["c"] }));
    cluster.commit(3, "a", "b");
    rejects(cluster, "c", "removed"); // It is leaving.
    const without = configurationOf("a b", { removed: ["c"] });
    for (const id of ["a", "b"]) cluster.at(id).configuration = without;
    cluster.replicate(4, [configurationEntry(4, 1, without)], "a", "b");
    rejects(cluster, "c", "removed"); // Not committed.
    cluster.commit(4, "a", "b");
    holds(cluster.oracle.isolated("c", "removed"));
    rejects(cluster, "b", "removed");
  });

  it("has lost its disk", () => {
    const cluster = settled();
    rejects(cluster, "c", "lostDisk");
    const server = cluster.at("c").stop();
    server.disk++;
    server.durable = new TestServer("c", cluster.configuration).durable;
    cluster.sees(server);
    holds(cluster.oracle.isolated("c", "lostDisk"));
    rejects(cluster, "b", "lostDisk");
  });

  it("was left behind by an epoch", () => {
    const cluster = settled();
    rejects(cluster, "a", "superseded");
    const survivor = cluster.at("b").stop();
    cluster.sees(survivor);
    cluster.oracle.declareRecovery("b");
    const recovered = configurationOf("b", { epoch: 1, removed: ["a", "c"] });
    survivor.durable.write({
      hardState: { term: 2, vote: "b", commit: 3 },
      entries: [configurationEntry(3, 2, recovered)],
    });
    survivor.restart().configuration = recovered;
    cluster.sees(survivor.commit(3));
    holds(cluster.oracle.isolated("a", "superseded"));
    rejects(cluster, "b", "superseded");
  });

  it("was a witness to somebody once", () => {
    const cluster = settled();
    rejects(cluster, "c", "lacksData");
    const witness = configurationOf("a b c", { old: "a b c", witnesses: ["c"] });
    append(cluster, witness);
    holds(cluster.oracle.isolated("c", "lacksData"));
    rejects(cluster, "b", "lacksData");
  });
});
