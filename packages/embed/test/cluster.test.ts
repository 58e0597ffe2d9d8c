/** The etcd client on three real members that are killed, paused and cut off. */
import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { after, before, describe, it } from "node:test";
import { Prng } from "@flotilla/base";
import { compare, isEtcdError, op, textOf, type WatchEvent } from "@flotilla/client";
import { startTestCluster, type TestCluster, type TestMember } from "../src/index.ts";
import { electionMsDefault } from "../src/limits.ts";

let cluster: TestCluster;
before(async () => {
  cluster = await startTestCluster({ storage: "memory" });
});
after(() => cluster.stop());

/** Between two writes of a loop: members that start need the processor, too. */
const pause = () => new Promise((resolve) => setTimeout(resolve, 5));

/** Puts again and again, noting what is known of each, until it is told to stop. */
class Writer {
  readonly acknowledged: number[] = [];
  readonly unknown: number[] = [];
  #at = 0;
  #isStopped = false;
  readonly #prefix: string;
  readonly #done: Promise<void>;

  constructor(prefix: string) {
    this.#prefix = prefix;
    this.#done = this.#write();
  }

  /** Waits for this many more acknowledgements. */
  async more(count: number): Promise<void> {
    const wanted = this.acknowledged.length + count;
    const endMs = performance.now() + 15_000;
    while (this.acknowledged.length < wanted) {
      ok(performance.now() < endMs, `${count} more writes come through in 15 s`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#done;
  }

  async #write(): Promise<void> {
    for (; !this.#isStopped; this.#at++) {
      try {
        // Only one put of each key can succeed: whatever was sent twice would show.
        const { succeeded } = await cluster.client
          .txn()
          .if(compare.missing(`${this.#prefix}${this.#at}`))
          .then(op.put(`${this.#prefix}${this.#at}`, "v"))
          .commit();
        ok(succeeded, `write ${this.#at} was sent twice`);
        this.acknowledged.push(this.#at);
      } catch (error) {
        if (!isEtcdError(error, "outcomeUnknown")) throw error;
        this.unknown.push(this.#at);
      }
      await pause();
    }
  }
}

function shown(event: WatchEvent): string {
  const { kind, kv } = event;
  return `${kv.modRevision} ${kind} ${textOf(kv.key)} ${textOf(kv.value)}`;
}

describe("an etcd client", () => {
  it("goes on when the leader is killed, loses nothing and repeats nothing", async () => {
    const writer = new Writer("failover/");
    await writer.more(20);
    const leader = await cluster.leader();
    await leader.kill();
    await writer.more(20);
    await writer.stop();
    await leader.start();
    const { kvs } = await cluster.client.range({ prefix: "failover/" });
    const versions = new Map(kvs.map((kv) => [textOf(kv.key), kv.version]));
    for (const at of writer.acknowledged) equal(versions.get(`failover/${at}`), 1, `write ${at}`);
    const extra = kvs.length - writer.acknowledged.length;
    ok(extra <= writer.unknown.length, `${extra} more keys than writes whose outcome is unknown`);
  });

  it("tells of a write whose member dies under it that the outcome is unknown", async () => {
    const member = await cluster.follower();
    const client = cluster.connect({ endpoints: [member.clientUrl] });
    await client.put("unknown", "0");
    member.pause();
    const write = client.put("unknown", "1");
    const told = rejects(write, { code: "outcomeUnknown" });
    // Sent, and in the hands of a member that does nothing with it.
    await new Promise((resolve) => setImmediate(resolve));
    await member.kill();
    await told;
    equal((await cluster.client.get("unknown"))?.version, 1);
    await member.start();
    equal((await client.put("unknown", "2")).revision > 0, true);
  });

  it("leaves a member that hears no other", async () => {
    const member = await cluster.follower();
    const others = cluster.clientUrls.filter((url) => url !== member.clientUrl);
    const beside = cluster.connect({ endpoints: others });
    const client = cluster.connect({ endpoints: [member.clientUrl] });
    const watch = client.watch("isolated");
    await watch.ready;
    client.setEndpoints([member.clientUrl, ...others]);
    member.isolate();
    const read = client.get("isolated");
    await beside.put("isolated", "v");
    const { value } = await watch.next();
    deepEqual(
      value?.events.map(({ kind }) => kind),
      ["put"],
    );
    await read;
    member.heal();
    client.close();
    beside.close();
  });

  it("watches across deaths what a watch of the history shows: nothing missing, nothing twice", async () => {
    const seed = 7;
    const prng = new Prng(seed);
    const watch = cluster.client.watch({ prefix: "watched/" });
    const startRevision = await watch.ready;
    const told: string[] = [];
    const end = "watched/end";
    const watching = (async () => {
      for await (const { events } of watch) {
        told.push(...events.map(shown));
        if (events.some(({ kv }) => textOf(kv.key) === end)) return;
      }
    })();
    let isOver = false;
    const writing = (async () => {
      while (!isOver) {
        await writeSomething(prng);
        await pause();
      }
    })();
    for (let round = 0; round < 3; round++) await disturb(prng, round);
    isOver = true;
    await writing;
    await surely(() => cluster.client.put(end, ""));
    await watching;
    deepEqual(told, await historyFrom(startRevision, end), `seed=${seed}`);
    ok(told.length > 50, `${told.length} events`);
  });
});

/** One, some or many keys at one revision. */
async function writeSomething(prng: Prng): Promise<void> {
  const key = () => `watched/${prng.below(20)}`;
  const value = String(prng.below(1_000));
  const keys = new Set(Array.from({ length: 1 + prng.below(4) }, key));
  const ops = [...keys].map((one) => (prng.below(4) === 0 ? op.delete(one) : op.put(one, value)));
  try {
    await cluster.client
      .txn()
      .then(...ops)
      .commit();
  } catch (error) {
    if (!isEtcdError(error, "outcomeUnknown")) throw error;
  }
}

async function disturb(prng: Prng, round: number): Promise<void> {
  const member: TestMember = round % 2 === 0 ? await cluster.leader() : await cluster.follower();
  if (prng.below(2) === 0) await member.kill();
  else await member.stop();
  await surely(() => cluster.client.put("disturbed", String(round)));
  await member.start();
  await cluster.leader();
}

/** Until it is known that it happened. */
async function surely(write: () => Promise<unknown>): Promise<void> {
  for (;;) {
    try {
      await write();
      return;
    } catch (error) {
      if (!isEtcdError(error, "outcomeUnknown")) throw error;
    }
  }
}

/** What one member has of it, in one go. */
async function historyFrom(startRevision: number, end: string): Promise<string[]> {
  const member = await cluster.follower();
  const client = cluster.connect({ endpoints: [member.clientUrl] });
  const events: string[] = [];
  for await (const batch of client.watch({ prefix: "watched/" }, { startRevision })) {
    events.push(...batch.events.map(shown));
    if (batch.events.some(({ kv }) => textOf(kv.key) === end)) break;
  }
  client.close();
  return events;
}

describe("a lock", { concurrency: true }, () => {
  it("is held by one at a time, and its token grows", async () => {
    let holders = 0;
    const tokens: number[] = [];
    const hold = async () => {
      const lock = await cluster.client.lock("mutex", { ttlSeconds: 5 });
      equal(++holders, 1);
      tokens.push(lock.token);
      await cluster.client.txn().if(lock.isHeld()).then(op.put("guarded", "")).commit();
      holders--;
      await lock.release();
    };
    await Promise.all([hold(), hold(), hold(), hold()]);
    deepEqual(
      tokens,
      [...tokens].sort((left, right) => left - right),
    );
    equal(new Set(tokens).size, 4);
    equal((await cluster.client.range({ prefix: "mutex/" })).count, 0);
  });

  it("goes to the next when its holder is gone, whose writes are refused from then on", async () => {
    const client = cluster.connect();
    const lost = await client.lock("fenced", { ttlSeconds: 2 });
    const isHeld = lost.isHeld();
    client.close(); // A program that stands still renews nothing.
    const next = await cluster.client.lock("fenced", { ttlSeconds: 5 });
    ok(next.token > lost.token);
    const late = await cluster.client.txn().if(isHeld).then(op.put("guarded", "late")).commit();
    equal(late.succeeded, false);
    await next.release();
  });

  it("says when it is lost", async () => {
    const lock = await cluster.client.lock("revoked", { ttlSeconds: 3 });
    const lost = new Promise((resolve) => lock.lost.addEventListener("abort", resolve));
    // By another hand: this one does not know of it.
    await cluster.connect().revokeLease(await leaseOf(lock.key));
    await lost;
    ok(isEtcdError(lock.lost.reason, "leaseLost"));
    await lock.release();
  });

  it("is not left behind by whoever stops waiting for it", async () => {
    const lock = await cluster.client.lock("queue", { ttlSeconds: 5 });
    const stop = new AbortController();
    const waiting = cluster.client.lock("queue", { ttlSeconds: 5, signal: stop.signal });
    const refused = rejects(waiting, { message: "enough" });
    while ((await cluster.client.range({ prefix: "queue/" })).count < 2);
    stop.abort(new Error("enough"));
    await refused;
    equal((await cluster.client.range({ prefix: "queue/" })).count, 1);
    await lock.release();
  });
});

async function leaseOf(key: string): Promise<bigint> {
  const kv = await cluster.client.get(key);
  ok(kv !== undefined, `${key} is there`);
  return kv.lease;
}

describe("an election", () => {
  it("is won by one, told to all, and goes to the next", async () => {
    const election = cluster.client.election("chief");
    equal(await election.leader(), undefined);
    const seen: (string | undefined)[] = [];
    const stop = new AbortController();
    const observing = (async () => {
      for await (const kv of election.observe({ signal: stop.signal })) {
        seen.push(kv && textOf(kv.value));
      }
    })().catch(() => {});
    const told = async (value: string | undefined) => {
      const endMs = performance.now() + 10_000;
      while (seen.at(-1) !== value || seen.length === 0) {
        ok(performance.now() < endMs, `observed ${seen}, not ${value}`);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    };
    await told(undefined);
    const first = await election.campaign("one", { ttlSeconds: 5 });
    await told("one");
    await first.proclaim("uno");
    await told("uno");
    const campaign = election.campaign("two", { ttlSeconds: 5 });
    await first.resign();
    const second = await campaign;
    await told("two");
    ok(second.token > first.token);
    await rejects(first.proclaim("zombie"), { code: "notOwner" });
    stop.abort();
    await observing;
    await second.resign();
  });
});

describe("a lease", () => {
  it("outlives the leader while it is kept alive, and ends when it is not", async () => {
    const lease = await cluster.client.grantLease(2);
    await cluster.client.put("leased", "v", { lease: lease.id });
    const watch = cluster.client.watch("leased", { noPut: true });
    await watch.ready;
    const stop = new AbortController();
    lease.keepAlive({ signal: stop.signal });
    const leader = await cluster.leader();
    await leader.kill();
    await cluster.client.put("after", "v").catch(() => {}); // Whatever becomes of it.
    for (let count = 0; count < 3; count++) ok((await lease.renew()) > 0);
    equal((await cluster.client.get("leased"))?.lease, lease.id);
    stop.abort();
    const { value } = await watch.next();
    deepEqual(
      value?.events.map(({ kind }) => kind),
      ["delete"],
    );
    equal(await lease.timeToLive(), undefined);
    watch.close();
    await leader.start();
  });
});

describe("members", () => {
  it("keep their leader while the program that started them is busy", async () => {
    const term = async (): Promise<number> => {
      await cluster.client.put("busy", "v");
      return (await cluster.client.maintenance.status()).raftTerm;
    };
    await cluster.leader();
    const before = await term();
    // Whoever heard nothing would have campaigned after two election timeouts at the latest.
    const endMs = performance.now() + 3 * electionMsDefault;
    while (performance.now() < endMs);
    equal(await term(), before);
  });

  it("start again when their port was lent to somebody meanwhile", async () => {
    const follower = await cluster.follower();
    await follower.kill();
    const borrower = createServer().listen(Number(new URL(follower.clientUrl).port), "127.0.0.1");
    await once(borrower, "listening");
    setTimeout(() => borrower.close(), 300);
    const before = follower.clientUrl;
    await follower.start();
    equal(follower.clientUrl, before);
  });

  it("say who they are, hold the same, and give a backup", async () => {
    const { client } = cluster;
    deepEqual((await client.cluster.members()).map(({ name }) => name).sort(), ["m1", "m2", "m3"]);
    deepEqual([...(await client.cluster.syncEndpoints())].sort(), [...cluster.clientUrls].sort());
    const { revision } = await client.put("hashed", "v");
    const hashes = await Promise.all(
      cluster.clientUrls.map(async (endpoint) => {
        // A linearizable read has the member catch up first.
        await cluster.connect({ endpoints: [endpoint] }).get("hashed");
        return client.maintenance.hashKv({ endpoint, revision });
      }),
    );
    equal(new Set(hashes.map(({ hash }) => hash)).size, 1);
    let bytes = 0;
    for await (const part of client.maintenance.snapshot()) bytes += part.length;
    equal(bytes % 512, 32, "whole blocks, and a digest");
  });
});
