import { deepEqual, equal } from "node:assert/strict";
import { describe, it } from "node:test";
import { Prng } from "@flotilla/base";
import { LeaseExpiry, revokeRetryMs } from "../src/index.ts";

const lease = (id: number, ttlSeconds: number) => ({ id: BigInt(id), ttlSeconds });

describe("LeaseExpiry", () => {
  it("counts nothing until it is promoted, and nothing after", () => {
    const expiry = new LeaseExpiry([lease(1, 10)]);
    deepEqual(expiry.expired(1e9, 10), []);
    equal(expiry.renew(1n, 0), undefined);
    equal(expiry.remainingSeconds(1n, 0), undefined);
    expiry.promote(1000);
    equal(expiry.remainingSeconds(1n, 1000), 10);
    expiry.demote();
    deepEqual(expiry.expired(1e9, 10), []);
  });

  it("gives every lease its full time again when it is promoted, and some more for the election", () => {
    const expiry = new LeaseExpiry([lease(1, 10)]);
    expiry.promote(0);
    expiry.demote();
    expiry.promote(9_000, 500);
    deepEqual(expiry.expired(19_499, 10), []);
    deepEqual(expiry.expired(19_500, 10), [1n]);
  });

  it("gives them out longest ago first, no more than asked", () => {
    const expiry = new LeaseExpiry([lease(1, 30), lease(2, 10), lease(3, 20), lease(4, 99)]);
    expiry.promote(0);
    deepEqual(expiry.expired(40_000, 2), [2n, 3n]);
    deepEqual(expiry.expired(40_000, 2), [1n]);
    deepEqual(expiry.expired(40_000, 2), []);
  });

  it("says which runs out first, and which was granted first of those that run out together", () => {
    const leases = new LeaseExpiry();
    leases.granted(9n, 300, 0);
    equal(leases.byDeadline(), undefined, "nobody counts yet");
    leases.promote(0);
    leases.granted(7n, 100, 0);
    leases.granted(3n, 200, 0);
    leases.granted(5n, 100, 0);
    deepEqual(leases.byDeadline(), [7n, 5n, 3n, 9n]);
    leases.renew(7n, 1);
    leases.revoked(3n);
    deepEqual(leases.byDeadline(), [5n, 7n, 9n]);
  });

  it("gives one out again when its revocation got lost", () => {
    const expiry = new LeaseExpiry([lease(1, 10)]);
    expiry.promote(0);
    deepEqual(expiry.expired(10_000, 9), [1n]);
    deepEqual(expiry.expired(10_000 + revokeRetryMs - 1, 9), []);
    deepEqual(expiry.expired(10_000 + revokeRetryMs, 9), [1n]);
    expiry.revoked(1n);
    deepEqual(expiry.expired(1e9, 9), []);
    equal(expiry.count, 0);
  });

  it("renews a live one, and none that has run out", () => {
    const expiry = new LeaseExpiry([lease(1, 10)]);
    expiry.promote(0);
    equal(expiry.renew(1n, 9_999), 10);
    equal(expiry.remainingSeconds(1n, 10_500), 9);
    deepEqual(expiry.expired(19_998, 9), []);
    equal(expiry.renew(1n, 19_999), undefined);
    equal(expiry.remainingSeconds(1n, 30_000), 0);
    deepEqual(expiry.expired(19_999, 9), [1n]);
    equal(expiry.renew(2n, 0), undefined);
  });

  it("does not take a new lease for an old one of the same id", () => {
    const expiry = new LeaseExpiry();
    expiry.promote(0);
    expiry.granted(1n, 10, 0);
    expiry.revoked(1n);
    expiry.granted(1n, 100, 5_000);
    deepEqual(expiry.expired(104_999, 9), []);
    deepEqual(expiry.expired(105_000, 9), [1n]);
    deepEqual(expiry.expired(105_001, 9), []);
  });

  it("forgets thousands that were revoked early, and still gives out the others in order", () => {
    const expiry = new LeaseExpiry([lease(1, 30), lease(2, 10)]);
    expiry.promote(0);
    expiry.renew(2n, 5_000);
    for (let id = 10; id < 5_000; id++) {
      expiry.granted(BigInt(id), 1_000_000, 0);
      expiry.revoked(BigInt(id));
    }
    expiry.granted(3n, 20, 0);
    deepEqual(expiry.expired(14_999, 9), []);
    deepEqual(expiry.expired(40_000, 9), [2n, 3n, 1n]);
  });

  it("starts over with the leases of another store", () => {
    const expiry = new LeaseExpiry([lease(1, 10)]);
    expiry.promote(0);
    expiry.reset([lease(2, 5)], 1_000);
    deepEqual(expiry.expired(6_000, 9), [2n]);
  });

  it("agrees with a model that looks at every lease (200 seeds)", () => {
    for (let seed = 0; seed < 200; seed++) {
      const prng = new Prng(seed);
      const expiry = new LeaseExpiry();
      expiry.promote(0);
      const deadlines = new Map<bigint, { ttl: number; at: number }>();
      for (let now = 0; now < 60_000; now += prng.between(1, 1500)) {
        const id = BigInt(prng.below(12));
        const known = deadlines.get(id);
        if (known === undefined) {
          const ttl = prng.between(1, 9);
          deadlines.set(id, { ttl, at: now + ttl * 1000 });
          expiry.granted(id, ttl, now);
        } else if (prng.chance(0.5)) {
          const isLive = known.at > now;
          equal(expiry.renew(id, now), isLive ? known.ttl : undefined, `seed=${seed} now=${now}`);
          if (isLive) known.at = now + known.ttl * 1000;
        }
        const want = [...deadlines].filter(([, { at }]) => at <= now).map(([due]) => due);
        const got = [...expiry.expired(now, 100)];
        deepEqual(got.sort(), want.sort(), `seed=${seed} now=${now}`);
        for (const due of want) {
          deadlines.delete(due);
          expiry.revoked(due);
        }
      }
    }
  });
});
