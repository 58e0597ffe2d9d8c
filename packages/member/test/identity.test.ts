import { deepEqual, equal, throws } from "node:assert/strict";
import { describe, it } from "node:test";
import { foundCluster, foundingConfiguration } from "../src/identity.ts";
import { settingsOf } from "../src/settings.ts";

describe("foundCluster()", () => {
  it("gives the ids that etcd 3.7.1 gave", () => {
    const initial = [{ name: "one", peerUrl: "http://127.0.0.1:23801" }];
    const { self, clusterId } = foundCluster("one", initial, "demo");
    equal(self.id, 3351397280139961909n);
    equal(clusterId, 14396364314150369226n);
  });

  it("does not depend on the order of the lines, and takes several URLs for a member", () => {
    const lines = [
      { name: "a", peerUrl: "http://a:1" },
      { name: "b", peerUrl: "http://b:1" },
      { name: "a", peerUrl: "http://a:2" },
    ];
    const first = foundCluster("a", lines, "t");
    deepEqual(foundCluster("a", lines.toReversed(), "t"), first);
    deepEqual(first.self.peerUrls, ["http://a:1", "http://a:2"]);
    equal(first.founders.length, 2);
  });

  it("founds with one vote each, addresses included, in the same bytes at every member", () => {
    const lines = ["a", "b"].map((name) => ({ name, peerUrl: `http://${name}:1` }));
    const [atA, atB] = ["a", "b"].map((name) => {
      const { founders } = foundCluster(name, lines, "t");
      return foundingConfiguration(founders);
    });
    deepEqual(atA, atB);
    deepEqual(atA?.servers?.map(({ urls }) => urls).sort(), [["http://a:1"], ["http://b:1"]]);
  });

  const bad = [
    ["an unknown name", "x", [{ name: "a", peerUrl: "http://a" }]],
    ["a doubled URL", "a", ["a", "b"].map((name) => ({ name, peerUrl: "http://a" }))],
  ] as const;
  for (const [what, name, lines] of bad) {
    it(`refuses ${what}`, () => {
      throws(() => foundCluster(name, lines, ""), { name: "MemberError", code: "badOptions" });
    });
  }
});

describe("settingsOf()", () => {
  const base = { name: "a", dataDir: "", listenPeerUrl: "", initialCluster: [] };

  it("gives leases at least what etcd gives them", () => {
    equal(settingsOf(base).leaseTtlMinSeconds, 2);
    equal(settingsOf({ ...base, heartbeatMs: 500, electionMs: 5000 }).leaseTtlMinSeconds, 8);
  });

  it("keeps a leader's lease below the shortest silence before a vote", () => {
    equal(settingsOf(base).leaseReads, undefined);
    equal(settingsOf({ ...base, leaseReads: true }).leaseReads?.durationMs, 810);
  });

  it("refuses an election timeout below five heartbeats", () => {
    throws(() => settingsOf({ ...base, heartbeatMs: 100, electionMs: 400 }), {
      code: "badOptions",
    });
  });
});
