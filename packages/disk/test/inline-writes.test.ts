import { equal, ok } from "node:assert/strict";
import { describe, it } from "node:test";
import {
  InlineWrites,
  inlineBytesMax,
  inlinePeriodMs,
  pauseMsMax,
  pauseMsMin,
} from "../src/inline-writes.ts";

const bytes = 500;

/** Writes one after the other, a millisecond apart, for `forMs`: how many were made on the loop. */
function writeFor(
  forMs: number,
  inline: InlineWrites,
  { pool, loop }: { readonly pool: number; readonly loop: number },
  fromMs = 0,
): number {
  let count = 0;
  for (let nowMs = fromMs; nowMs < fromMs + forMs; nowMs++) {
    if (inline.accepts(bytes)) {
      const beganMs = nowMs;
      nowMs += loop;
      inline.madeInline(beganMs, nowMs);
      count++;
    } else {
      const beganMs = nowMs;
      nowMs += pool;
      inline.madeInPool(bytes, beganMs, nowMs);
    }
  }
  return count;
}

describe("InlineWrites", () => {
  it("leaves all to the pool while that is fast", () => {
    equal(writeFor(60_000, new InlineWrites(), { pool: 0.45, loop: 0.05 }), 0);
  });

  it("writes on the loop when the pool is slow and the disk is not", () => {
    const inline = new InlineWrites();
    ok(writeFor(60_000, inline, { pool: 1, loop: 0.1 }) > 50_000);
    equal(inline.accepts(inlineBytesMax + 1), false);
  });

  it("leaves a slow disk to the pool", () => {
    equal(writeFor(600_000, new InlineWrites(), { pool: 8, loop: 8 }), 0);
  });

  it("tries a disk that is hardly faster by the loop, less and less often", () => {
    const inline = new InlineWrites();
    const inTheFirstMinutes = writeFor(300_000, inline, { pool: 3, loop: 2.9 });
    ok(inTheFirstMinutes > 0 && inTheFirstMinutes < 20, `${inTheFirstMinutes}`);
    equal(writeFor(10 * pauseMsMax, inline, { pool: 3, loop: 2.9 }, 300_000), 10);
  });

  it("goes back to the pool at the first write that holds up the loop", () => {
    const inline = new InlineWrites();
    writeFor(1_000, inline, { pool: 1, loop: 0.1 });
    equal(inline.accepts(bytes), true);
    inline.madeInline(2_000, 2_020);
    equal(inline.accepts(bytes), false);
  });

  it("pauses for a second at first, however many writes held up the loop at once", () => {
    const inline = new InlineWrites();
    writeFor(100, inline, { pool: 1, loop: 0.1 });
    for (const endedMs of [1_020, 1_040, 1_060]) inline.madeInline(1_000, endedMs);
    const endMs = 1_020 + pauseMsMin;
    equal(writeFor(pauseMsMin - 100, inline, { pool: 1, loop: 0.1 }, 1_060), 0);
    ok(writeFor(1_000, inline, { pool: 1, loop: 0.1 }, endMs - 10) > 800);
  });

  it("goes back to a pool that has become fast", () => {
    const inline = new InlineWrites();
    writeFor(5_000, inline, { pool: 1, loop: 0.1 });
    writeFor(inlinePeriodMs, inline, { pool: 0.2, loop: 0.1 }, 5_000);
    equal(writeFor(10_000, inline, { pool: 0.2, loop: 0.1 }, 5_000 + inlinePeriodMs), 0);
  });

  it("measures the pool by writes of the same size", () => {
    const inline = new InlineWrites();
    for (let at = 0; at < 100; at++) inline.madeInPool(inlineBytesMax + 1, at, at + 2);
    equal(inline.accepts(bytes), false);
  });
});
