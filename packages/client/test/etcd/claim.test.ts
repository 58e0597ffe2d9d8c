import { deepEqual, equal, rejects } from "node:assert/strict";
import { describe, it } from "node:test";
import {
  answerRange,
  answerWrite,
  clientByHand,
  type FakeCall,
  fakeMember,
  header,
  until,
} from "./fixtures.ts";

/** A member where another one has the lock; `serve` answers what the usual answers do not fit. */
async function setUp(serve: (call: FakeCall) => boolean) {
  const member = await fakeMember((call) => {
    if (serve(call)) return;
    const { path } = call;
    if (path.endsWith("/Range")) answerRange(call, "");
    else if (path.endsWith("/Put")) answerWrite(call);
    else if (path.endsWith("/Watch")) call.send((writer) => writer.fieldBool(3, true));
    else if (path.includes("/Lease")) answerLease(call);
    else answerTxn(call);
  });
  const count = (name: string): number => member.calls.filter((path) => path.endsWith(name)).length;
  return { member, ...clientByHand(member), count };
}

function answerLease(call: FakeCall): void {
  call.send((writer) => {
    writer.fieldVarint(2, 77);
    writer.fieldVarint(3, 9);
  });
  call.end();
}

function answerTxn(call: FakeCall): void {
  call.send((writer) => {
    header(writer, 5);
    writer.fieldBool(2, true);
  });
  call.end();
}

describe("a place in a queue", () => {
  it("is renewed no more when it cannot be given up: its lease ends it", async () => {
    let isLonely = false;
    const { client, time, count } = await setUp((call) => {
      if (isLonely) call.end(14, "etcdserver: no leader");
      return isLonely;
    });
    const stop = new AbortController();
    const lock = client.lock("l", { signal: stop.signal });
    let isOver = false;
    const rejected = rejects(lock, { message: "enough" }).then(() => {
      isOver = true;
    });
    await until("the wait", () => count("/Watch") === 1);
    isLonely = true;
    stop.abort(new Error("enough"));
    const renewals = count("/LeaseKeepAlive");
    await until("the end", () => {
      time.advance(10);
      return isOver;
    });
    await rejected;
    time.advance(60_000);
    isLonely = false;
    await client.put("k", "v");
    equal(count("/LeaseKeepAlive"), renewals);
  });

  it("is given up with a lease of the caller's, also when the wait ends before it is known", async () => {
    let answer: (() => void) | undefined;
    const { client, member } = await setUp((call) => {
      if (!call.path.endsWith("/Txn") || answer !== undefined) return false;
      answer = () => answerTxn(call);
      return true;
    });
    const lease = await client.grantLease(9);
    const stop = new AbortController();
    const lock = client.lock("l", { lease, signal: stop.signal });
    await until("the place", () => answer !== undefined);
    stop.abort(new Error("enough"));
    answer?.();
    await rejects(lock, { message: "enough" });
    deepEqual(
      member.calls.map((path) => path.slice(path.lastIndexOf("/") + 1)),
      ["LeaseGrant", "Txn", "Txn"],
    );
  });

  it("is lost with its lease, whoever ends that, but not by being given up", async () => {
    let asked = 0;
    const { client } = await setUp((call) => {
      if (!call.path.endsWith("/Range")) return false;
      // Of each lock: nobody is ahead; then the own key.
      if (++asked % 2 === 1) answerWrite(call);
      else answerOwn(call, "", 5);
      return true;
    });
    const lease = await client.grantLease(9);
    const [released, own, held] = [
      await client.lock("a", { lease }),
      await client.lock("b"),
      await client.lock("c", { lease }),
    ];
    await released.release();
    await own.release();
    await lease.revoke();
    deepEqual(
      [released, own, held].map(({ lost }) => lost.aborted),
      [false, false, true],
    );
  });

  it("says what its candidate says now, when the lease has the place already", async () => {
    let asked = 0;
    const { client, count } = await setUp((call) => {
      if (call.path.endsWith("/Range")) {
        // Nobody is ahead; then the own key.
        if (++asked === 1) answerWrite(call);
        else answerOwn(call, "new");
        return true;
      }
      if (!call.path.endsWith("/Txn") || count("/Txn") > 1) return false;
      call.send((writer) => {
        header(writer, 5);
        writer.fieldMessage(3, (op) => op.fieldMessage(1, (range) => ownKey(range, "old")));
      });
      call.end();
      return true;
    });
    const lease = await client.grantLease(9);
    await client.election("e").campaign("new", { lease });
    equal(count("/Txn"), 2, "the second one writes");
  });
});

function answerOwn(call: FakeCall, value: string, createRevision = 3): void {
  call.send((writer) => ownKey(writer, value, createRevision));
  call.end();
}

function ownKey(writer: Parameters<typeof header>[0], value: string, createRevision = 3): void {
  header(writer, 5);
  writer.fieldMessage(2, (kv) => {
    kv.fieldText(1, "e/4d");
    kv.fieldVarint(2, createRevision);
    kv.fieldText(5, value);
  });
}
