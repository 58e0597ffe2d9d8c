import { equal, ok, rejects } from "node:assert/strict";
import { describe, it } from "node:test";
import { type EtcdError, isEtcdError } from "../../src/etcd/index.ts";
import { clientByHand, clientOf, type FakeCall, fakeMember, until } from "./fixtures.ts";

/** A member of leases with 9 s, and a client whose time a test moves. */
async function setUp(serve: (call: FakeCall) => void) {
  const member = await fakeMember((call) => {
    if (!call.path.endsWith("/LeaseGrant")) serve(call);
    else answer(call, 9);
  });
  const renewals = (): number =>
    member.calls.filter((path) => path.endsWith("/LeaseKeepAlive")).length;
  return { member, ...clientByHand(member), renewals };
}

function answer(call: FakeCall, ttlSeconds: number): void {
  call.send((writer) => {
    writer.fieldVarint(2, 77);
    writer.fieldVarint(3, ttlSeconds);
  });
  call.end();
}

describe("a lease that is kept alive", () => {
  it("is renewed three times in its time to live, until the signal", async () => {
    const { time, client, renewals } = await setUp((call) => answer(call, 9));
    const lease = await client.grantLease(9);
    const stop = new AbortController();
    lease.keepAlive({ signal: stop.signal });
    for (let count = 1; count <= 4; count++) {
      await until(`renewal ${count}`, () => renewals() === count && time.waiting > 0);
      time.advance(3_000);
    }
    stop.abort();
    await until("the end of the last one", () => time.waiting === 0);
    equal(lease.lost.aborted, false);
  });

  it("is lost when the member says so, and tells it once", async () => {
    const { client } = await setUp((call) => answer(call, 0));
    const lease = await client.grantLease(9);
    const told: EtcdError[] = [];
    lease.keepAlive({ onLost: (error) => told.push(error) });
    await until("the loss", () => lease.lost.aborted);
    equal(told.length, 1);
    equal(told[0]?.code, "leaseLost");
  });

  it("is taken for lost when no member renews it in its time", async () => {
    const { time, client, renewals } = await setUp((call) => call.end(14, "etcdserver: no leader"));
    const lease = await client.grantLease(9);
    lease.keepAlive();
    await until("a first attempt", () => renewals() > 0);
    for (let ms = 0; ms < 8_900; ms += 100) {
      time.advance(100);
      await new Promise((resolve) => setImmediate(resolve));
    }
    equal(lease.lost.aborted, false, "there is time left");
    await until("the loss", () => {
      time.advance(100);
      return lease.lost.aborted;
    });
    ok(time.nowMs() < 12_000, `lost at ${time.nowMs()} ms`);
  });

  it("ends its renewals when it is revoked, and all that must not outlive it, before that", async () => {
    let isEndedFirst: boolean | undefined;
    const { time, client } = await setUp((call) => {
      if (call.path.endsWith("/LeaseRevoke")) isEndedFirst = lease.lost.aborted;
      answer(call, 9);
    });
    const lease = await client.grantLease(9);
    const told: EtcdError[] = [];
    lease.keepAlive({ onLost: (error) => told.push(error) });
    await until("the first renewal", () => time.waiting === 1);
    await lease.revoke();
    equal(time.waiting, 0);
    equal(isEndedFirst, true);
    equal(isEtcdError(lease.lost.reason, "leaseLost"), true);
    equal(told.length, 0, "nobody is told of what he did himself");
  });

  it("is lost with its client, whoever closed that", async () => {
    const { client } = await setUp((call) => answer(call, 9));
    const lease = await client.grantLease(9);
    lease.keepAlive();
    client.close();
    await until("the loss", () => lease.lost.aborted);
  });

  it("is renewed elsewhere in time when a member hangs", async () => {
    const hanging = await fakeMember((call) => {
      if (call.path.endsWith("/LeaseGrant")) answer(call, 1);
    });
    const other = await fakeMember((call) => answer(call, 1));
    const client = clientOf([hanging.url]);
    const lease = await client.grantLease(1);
    client.setEndpoints([hanging.url, other.url]);
    equal(await lease.renew({ timeoutMs: 900 }), 1);
    equal(hanging.calls.length, 2);
  });

  it("may be gone when it is revoked", async () => {
    const { client } = await setUp((call) => call.end(5, "etcdserver: requested lease not found"));
    const lease = await client.grantLease(9);
    await lease.revoke();
    await rejects(lease.renew(), { code: "leaseNotFound" });
  });
});
