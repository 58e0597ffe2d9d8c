import { equal } from "node:assert/strict";
import { describe, it } from "node:test";
import {
  InlineWrites,
  inlineBytesMax,
  inlineMsMax,
  poolMsMax,
  poolMsMin,
} from "../src/inline-writes.ts";

/** Small writes that take `ms` each, one every 10 ms, until they are refused; when that is. */
function writeUntilRefused(inline: InlineWrites, fromMs: number, ms: number): number {
  let nowMs = fromMs;
  for (let count = 0; count < 10_000 && inline.accepts(100, nowMs); count++) {
    inline.made(nowMs, nowMs + ms);
    nowMs += 10;
  }
  return nowMs;
}

describe("InlineWrites", () => {
  it("accepts what is small as long as the disk is fast", () => {
    const inline = new InlineWrites();
    equal(writeUntilRefused(inline, 0, inlineMsMax), 100_000);
    equal(inline.accepts(inlineBytesMax, 100_000), true);
    equal(inline.accepts(inlineBytesMax + 1, 100_000), false);
  });

  it("leaves a disk alone that has held up the loop once", () => {
    const inline = new InlineWrites();
    inline.made(0, 8.1);
    equal(inline.accepts(1, 8.1 + poolMsMin - 1), false);
    equal(inline.accepts(1, 8.1 + 2 * poolMsMin), true);
  });

  it("forgives a write that was a little late", () => {
    const inline = new InlineWrites();
    inline.made(0, 4);
    equal(inline.accepts(1, 4), true);
  });

  it("tries a slow disk less and less often, down to once a minute", () => {
    const inline = new InlineWrites();
    let nowMs = 0;
    let pauseMs = 0;
    for (let times = 0; times < 20; times++) {
      const refusedMs = writeUntilRefused(inline, nowMs, 20);
      equal(refusedMs, nowMs + 10, "one write is enough");
      nowMs = refusedMs;
      while (!inline.accepts(1, nowMs)) nowMs += 1000;
      pauseMs = nowMs - refusedMs;
    }
    equal(pauseMs, poolMsMax + 1000);
  });

  it("forgets that a disk was slow once it was fast for longer", () => {
    const inline = new InlineWrites();
    for (const atMs of [0, 2_100, 6_300]) inline.made(atMs, atMs + 20); // Left alone for 1, 2 and 4 s.
    equal(inline.accepts(1, 10_300), false);
    inline.made(60_000, 60_020);
    equal(inline.accepts(1, 60_020 + poolMsMin - 1), false);
    equal(inline.accepts(1, 60_020 + poolMsMin), true);
  });
});
