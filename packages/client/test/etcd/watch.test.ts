import { deepEqual, equal, ok, rejects, throws } from "node:assert/strict";
import { describe, it } from "node:test";
import { WireReader } from "@flotilla/base";
import { watchQueueBytesMax } from "../../src/etcd/limits.ts";
import { clientByHand, clientOf, type FakeCall, fakeMember, header, until } from "./fixtures.ts";

/** The start revision of the client's request. */
async function startOf(call: FakeCall): Promise<number> {
  const request = new WireReader(await call.request);
  request.next();
  const create = request.message();
  let start = 0;
  while (create.next()) {
    if (create.field === 3) start = create.varint();
    else create.skip();
  }
  return start;
}

function created(call: FakeCall, revision: number): void {
  call.send((writer) => {
    header(writer, revision);
    writer.fieldBool(3, true);
  });
}

/** One response with one event for each revision. */
function events(call: FakeCall, revisions: readonly number[], value = ""): void {
  call.send((writer) => {
    header(writer, 1_000);
    for (const revision of revisions) {
      writer.fieldMessage(11, (event) =>
        event.fieldMessage(2, (kv) => {
          kv.fieldText(1, "k");
          kv.fieldVarint(3, revision);
          kv.fieldText(5, value);
        }),
      );
    }
  });
}

describe("a watch", () => {
  it("begins again where it was, however its stream ended", async () => {
    const starts: number[] = [];
    const ends: ((call: FakeCall) => void)[] = [
      (call) => call.hangUp(),
      (call) => call.end(14, "etcdserver: no leader"),
      (call) => call.end(0),
      (call) => call.reset(8),
    ];
    const calls: FakeCall[] = [];
    const only = await fakeMember(async (call) => {
      const start = await startOf(call);
      starts.push(start);
      calls.push(call);
      created(call, 10);
      const next = start === 0 ? 11 : start;
      events(call, [next, next + 1]);
    });
    const watch = clientOf([only.url]).watch("k");
    equal(await watch.ready, 11);
    const told: number[] = [];
    for await (const batch of watch) {
      told.push(...batch.events.map(({ kv }) => kv.modRevision));
      if (told.length === 10) break;
      const call = calls.at(-1);
      if (call !== undefined) ends[calls.length - 1]?.(call);
    }
    deepEqual(told, [11, 12, 13, 14, 15, 16, 17, 18, 19, 20]);
    deepEqual(starts, [0, 13, 15, 17, 19]);
  });

  it("ends with the revision that is left when history is gone", async () => {
    const only = await fakeMember(async (call) => {
      await startOf(call);
      call.send((writer) => {
        writer.fieldBool(4, true);
        writer.fieldVarint(5, 42);
      });
    });
    const watch = clientOf([only.url]).watch("k", { startRevision: 3 });
    await rejects(watch.next(), { code: "compacted", compactRevision: 42 });
    await rejects(watch.ready, { code: "compacted" });
    deepEqual(await watch.next(), { done: true, value: undefined });
  });

  it("ends with the reason of its signal, and when it is closed", async () => {
    const only = await fakeMember(async (call) => {
      await startOf(call);
      created(call, 10);
    });
    const client = clientOf([only.url]);
    const stop = new AbortController();
    const watch = client.watch("k", { signal: stop.signal });
    await watch.ready;
    const next = watch.next();
    stop.abort(new Error("enough"));
    await rejects(next, { message: "enough" });
    const other = client.watch("k");
    await other.ready;
    const last = other.next();
    other.close();
    deepEqual(await last, { done: true, value: undefined });
  });

  it("reads no more than its consumer has room for", async () => {
    const value = "x".repeat(64 * 1024);
    const count = (8 * watchQueueBytesMax) / value.length;
    let held: FakeCall | undefined;
    const only = await fakeMember(async (call) => {
      await startOf(call);
      created(call, 10);
      for (let sent = 0; sent < count; sent++) events(call, [11 + sent], value);
      held = call;
    });
    const watch = clientOf([only.url]).watch("k");
    await watch.ready;
    const first = await watch.next();
    // Whatever a connection may carry is under way by now: the rest stays at the member.
    let before = Number.POSITIVE_INFINITY;
    let turns = 0;
    await until("a standstill", () => {
      const now = held?.unsentBytes() ?? 0;
      turns = now === before ? turns + 1 : 0;
      before = now;
      return turns === 200;
    });
    ok(before > 4 * watchQueueBytesMax, `${before} bytes are still at the member`);
    const read = new Set([first.value?.revision]);
    for await (const { revision } of watch) {
      read.add(revision);
      if (read.size === count) break;
    }
  });

  it("leaves time between streams when a member ends each of them", async () => {
    const only = await fakeMember(async (call) => {
      await startOf(call);
      created(call, 10);
      call.end(0);
    });
    const { client, time } = clientByHand(only);
    const watch = client.watch("k");
    while (time.nowMs() < 5_000) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      time.advance(50);
    }
    watch.close();
    ok(only.calls.length < 20, `${only.calls.length} streams in 5 s`);
  });

  it("uses further connections where a member allows few streams on each", async () => {
    const narrow = await fakeMember(
      async (call) => {
        await startOf(call);
        created(call, 10);
      },
      { maxConcurrentStreams: 2 },
    );
    const client = clientOf([narrow.url]);
    const watches = Array.from({ length: 7 }, (_, at) => client.watch(`k${at}`));
    deepEqual(await Promise.all(watches.map((watch) => watch.ready)), Array(7).fill(11));
  });

  it("is no leak, however many there are", async () => {
    const only = await fakeMember(async (call) => {
      await startOf(call);
      created(call, 10);
    });
    const warnings: Error[] = [];
    const note = (warning: Error): unknown => warnings.push(warning);
    process.on("warning", note);
    const client = clientOf([only.url]);
    const { signal } = new AbortController();
    await Promise.all(Array.from({ length: 20 }, () => client.watch("k", { signal }).ready));
    client.close();
    process.off("warning", note);
    deepEqual(warnings, []);
  });

  it("cannot be of no key, which would be outside of its namespace", async () => {
    const client = clientOf([(await fakeMember(() => {})).url]).namespace("app/");
    throws(() => client.watch(""), { code: "badArgument" });
  });

  it("tells progress to whom it matters", async () => {
    const only = await fakeMember(async (call) => {
      await startOf(call);
      created(call, 10);
      call.send((writer) => header(writer, 30));
    });
    const watch = clientOf([only.url]).watch("k", { progress: true });
    deepEqual((await watch.next()).value, { events: [], revision: 30 });
    watch.close();
  });

  it("turns to another member when one has no leader", async () => {
    const lonely = await fakeMember((call) => call.end(14, "etcdserver: no leader"));
    const other = await fakeMember(async (call) => {
      await startOf(call);
      created(call, 10);
    });
    const watch = clientOf([lonely.url, other.url]).watch("k");
    equal(await watch.ready, 11);
    watch.close();
    await until("the end of the stream", () => other.calls.length === 1);
  });
});
