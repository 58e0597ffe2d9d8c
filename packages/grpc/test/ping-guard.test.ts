import { equal } from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { frameType } from "../src/frame.ts";
import { type Http2Error, http2Code } from "../src/http2-error.ts";
import { PingGuard } from "../src/ping-guard.ts";
import { frame, ManualTimers, RawClient, start, stopAll } from "./fixtures.ts";

afterEach(stopAll);

describe("PingGuard", () => {
  const options = { intervalMsMin: 5000, withoutCalls: false };

  /** Pings after these pauses; the ordinal of the one that was too many. */
  function tooMany(
    pausesMs: readonly number[],
    { hasCalls = true, withoutCalls = false, framesEach = 0 } = {},
  ): number | undefined {
    const timers = new ManualTimers();
    const guard = new PingGuard(timers, { ...options, withoutCalls });
    let responseFrames = 0;
    for (const [at, pauseMs] of pausesMs.entries()) {
      timers.advance(pauseMs);
      responseFrames += framesEach;
      try {
        guard.take({ hasCalls, responseFrames });
      } catch (error) {
        equal((error as Http2Error).code, http2Code.enhanceYourCalm);
        equal((error as Http2Error).message, "too_many_pings");
        return at + 1;
      }
    }
    return undefined;
  }

  // biome-ignore format: a table
  const cases = [
    ["lets pings pass at the interval",               [0, 5000, 5000, 5000, 5000, 5000],  {}, undefined],
    ["takes the third that comes too early",          [0, 4999, 4999, 4999],              {}, 4],
    ["does not forgive by waiting",                   [0, 1000, 60_000, 1000, 60_000, 1], {}, 6],
    ["forgives when something was sent meanwhile",    [0, 1, 1, 1, 1, 1, 1],              { framesEach: 1 }, undefined],
    ["has a long interval for a client without calls", [0, 60_000, 60_000, 60_000],       { hasCalls: false }, 4],
    ["lets a client without calls ping every 2 hours", [0, 7_200_000, 7_200_000, 7_200_000], { hasCalls: false }, undefined],
    ["may take the same interval without calls",      [0, 5000, 5000, 5000, 5000],        { hasCalls: false, withoutCalls: true }, undefined],
  ] as const;
  for (const [what, pauses, circumstances, expected] of cases) {
    it(what, () => equal(tooMany(pauses, circumstances), expected));
  }

  it("ends the connection with the text that clients know", async () => {
    const limits = { pingIntervalMsMin: 5000 };
    const running = await start({}, limits, { timers: new ManualTimers() });
    const client = await RawClient.open(running.port);
    for (let at = 0; at < 4; at++) client.send(frame(frameType.ping, 0, 0, Buffer.alloc(8, at)));
    equal(await client.goawayCode(), http2Code.enhanceYourCalm);
    const goaway = client.frames.find(({ type }) => type === frameType.goaway);
    equal(goaway?.payload.subarray(8).toString(), "too_many_pings");
    const answers = client.frames.filter(({ type }) => type === frameType.ping);
    equal(answers.length, 4);
  });
});
