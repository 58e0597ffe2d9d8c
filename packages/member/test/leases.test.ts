import { deepEqual, equal, ok } from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { textOf, utf8 } from "@flotilla/base";
import { putRequest } from "@flotilla/store";
import type { RunningMember } from "../src/options.ts";
import { Cluster, ManualClock, read, revisionOf, until } from "./fixtures.ts";

describe("leases", () => {
  const clock = new ManualClock();
  let cluster: Cluster;
  before(async () => {
    cluster = await Cluster.start(3, { clock });
  });
  after(() => cluster.close());

  /** Time passes, and every member sees it pass. */
  async function pass(ms: number, members = cluster.members) {
    for (let left = ms; left > 0; left -= 500) {
      clock.advance(Math.min(left, 500));
      await (await cluster.leader(members)).leaseTimeToLive(1n, { keys: false });
    }
  }

  async function grant(member: RunningMember, id: bigint, ttlSeconds: number, key: string) {
    revisionOf(await member.propose({ kind: "leaseGrant", id, ttlSeconds }));
    const request = putRequest(utf8(key), utf8("v"), { lease: id });
    revisionOf(await member.propose({ kind: "put", request }));
  }

  it("are renewed through a follower, and run out when nobody renews", async () => {
    const follower = await cluster.follower();
    await grant(follower, 77n, 10, "leased");
    for (let round = 0; round < 5; round++) {
      await pass(8_000);
      deepEqual(await follower.renewLease(77n), { kind: "renewed", ttlSeconds: 10 });
    }
    await pass(10_001);
    await until(() => follower.store.lease(77n) === undefined, "the end of the lease");
    equal(read(follower, "leased"), undefined);
    deepEqual(await follower.renewLease(77n), { kind: "leaseNotFound" });
  });

  it("tell on every member how long they have, and what hangs on them", async () => {
    const leader = await cluster.leader();
    await grant(leader, -5n, 100, "hanging");
    await pass(30_000);
    for (const member of cluster.members) {
      const outcome = await member.leaseTimeToLive(-5n, { keys: true });
      ok(outcome.kind === "live");
      equal(outcome.remainingSeconds, 70);
      equal(outcome.grantedSeconds, 100);
      deepEqual(outcome.keys.map(textOf), ["hanging"]);
      deepEqual(await member.leaseTimeToLive(6n, { keys: false }), { kind: "leaseNotFound" });
    }
  });

  it("get their full time again under a new leader", async () => {
    const leader = await cluster.leader();
    await grant(leader, 9n, 50, "kept");
    await pass(45_000);
    const at = cluster.members.indexOf(leader);
    await leader.stop();
    const rest = cluster.members.filter((member) => member !== leader);
    const next = await cluster.leader(rest);
    await pass(10_000, rest); // Past the old leader's time, within the new one's.
    const other = rest.find((member) => member !== next) as RunningMember;
    deepEqual(await other.renewLease(9n), { kind: "renewed", ttlSeconds: 50 });
    await cluster.startOne(at);
  });
});
