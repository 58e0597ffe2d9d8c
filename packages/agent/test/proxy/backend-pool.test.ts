import { deepEqual, equal, ok } from "node:assert/strict";
import { describe, it } from "node:test";
import { Prng } from "@flotilla/base";
import { BackendPool } from "../../src/proxy/backend-pool.ts";
import { backendKeyOf } from "../../src/proxy/frontends.ts";
import { ManualTime } from "../fixtures.ts";

const backends = [1, 2, 3].map((port) => ({ address: "a", port }));
const [first, second, third] = backends as [
  (typeof backends)[0],
  (typeof backends)[0],
  (typeof backends)[0],
];

function poolOf(seed = 1) {
  const time = new ManualTime();
  const reachable = new Set<string>();
  const attempts: number[] = [];
  const pool = new BackendPool({
    random: new Prng(seed),
    timers: time,
    canConnect: async (backend) => {
      attempts.push(time.nowMs());
      return reachable.has(backendKeyOf(backend));
    },
  });
  pool.update(backends);
  return { pool, time, reachable, attempts };
}

describe("BackendPool", () => {
  it("spreads picks evenly", () => {
    for (let seed = 0; seed < 20; seed++) {
      const { pool } = poolOf(seed);
      const counts = new Map<number, number>();
      for (let pick = 0; pick < 3_000; pick++) {
        const { port } = pool.pick(new Set())!;
        counts.set(port, (counts.get(port) ?? 0) + 1);
      }
      for (const count of counts.values())
        ok(count > 850 && count < 1_150, `seed=${seed} ${count}`);
      equal(counts.size, 3);
    }
  });

  it("picks no backend that was tried or ejected", () => {
    const { pool } = poolOf();
    pool.eject(first);
    equal(pool.pick(new Set(["a:2"])), third);
    equal(pool.pick(new Set(["a:2", "a:3"])), undefined);
  });

  it("tries an ejected backend at growing intervals, and takes it back when it answers", async () => {
    const { pool, time, reachable, attempts } = poolOf();
    pool.update([first]);
    pool.eject(first);
    await time.advance(5_000);
    deepEqual(attempts, [100, 300, 700, 1_500, 3_100]);
    equal(pool.pick(new Set()), undefined);
    reachable.add("a:1");
    await time.advance(200);
    equal(pool.pick(new Set()), first);
    await time.advance(60_000);
    equal(attempts.length, 6, "nothing is tried any more");
  });

  it("wakes who waits when a backend comes back or arrives", async () => {
    const { pool, time, reachable } = poolOf();
    const { signal } = new AbortController();
    pool.update([]);
    const arrived = pool.nextChange(signal);
    pool.update([first]);
    await arrived;
    pool.eject(first);
    reachable.add("a:1");
    const back = pool.nextChange(signal);
    await time.advance(100);
    await back;
    equal(pool.pick(new Set()), first);
  });

  it("forgets a backend that was removed", async () => {
    const { pool, time, attempts } = poolOf();
    pool.eject(first);
    pool.update([second]);
    await time.advance(10_000);
    deepEqual(attempts, []);
    pool.update([first]);
    equal(pool.pick(new Set()), first, "it comes back with a clean record");
  });
});
