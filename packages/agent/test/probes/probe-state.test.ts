import { deepEqual, equal } from "node:assert/strict";
import { describe, it } from "node:test";
import type { Probe } from "@flotilla/objects";
import { afterAttempt, newProbeState, settingsOf } from "../../src/probes/probe-state.ts";

/** Runs a probe that fails until `readyAtMs`, fails again from `brokenAtMs`, and lists what it says when. */
function simulate(probe: Probe, readyAtMs: number, brokenAtMs: number, untilMs: number): string[] {
  const settings = settingsOf(probe);
  const said: string[] = [];
  let state = newProbeState(settings, 0, false);
  while (state.nextAtMs <= untilMs) {
    const nowMs = state.nextAtMs;
    const before = state.result;
    const hasSucceeded = nowMs >= readyAtMs && nowMs < brokenAtMs;
    state = afterAttempt(state, settings, { hasSucceeded, nowMs });
    if (state.result !== before) said.push(`${state.result}@${Math.round(nowMs)}`);
  }
  return said;
}

describe("a probe", () => {
  it("has Kubernetes' defaults", () => {
    deepEqual(settingsOf({}), {
      initialDelayMs: 0,
      periodMs: 10_000,
      timeoutMs: 1_000,
      successThreshold: 1,
      failureThreshold: 3,
    });
  });

  it("notices readiness soon, not a period later", () => {
    for (const readyAtMs of [10, 200, 900, 3_000]) {
      const [first] = simulate({ periodSeconds: 10 }, readyAtMs, Number.POSITIVE_INFINITY, 60_000);
      const atMs = Number(first?.split("@")[1]);
      equal(atMs <= readyAtMs * 1.6 + 50, true, `ready at ${readyAtMs}, noticed at ${atMs}`);
    }
  });

  it("respects the initial delay", () => {
    const probe = { initialDelaySeconds: 5 };
    deepEqual(simulate(probe, 0, Number.POSITIVE_INFINITY, 20_000), ["success@5000"]);
  });

  it("does not count eager failures: three periods have to pass", () => {
    const [failed] = simulate({ periodSeconds: 1, failureThreshold: 3 }, 1e9, 1e9, 60_000);
    const atMs = Number(failed?.split("@")[1]);
    equal(atMs >= 3_000 && atMs <= 4_500, true, `failed at ${atMs}`);
  });

  it("fails after the threshold, counted in periods", () => {
    const probe = { periodSeconds: 1, failureThreshold: 2 };
    deepEqual(simulate(probe, 0, 5_500, 20_000), ["success@0", "failure@7000"]);
  });

  it("needs successes in a row", () => {
    const settings = settingsOf({ successThreshold: 2, periodSeconds: 1 });
    let state = newProbeState(settings, 0, false);
    for (const hasSucceeded of [true, false, true]) {
      state = afterAttempt(state, settings, { hasSucceeded, nowMs: 0 });
      equal(state.result, "unknown");
    }
    equal(afterAttempt(state, settings, { hasSucceeded: true, nowMs: 0 }).result, "success");
  });

  it("goes on where an earlier agent left a ready container", () => {
    const settings = settingsOf({ failureThreshold: 2 });
    let state = newProbeState(settings, 0, true);
    equal(state.result, "success");
    state = afterAttempt(state, settings, { hasSucceeded: false, nowMs: 0 });
    equal(state.result, "success", "one failure is not enough");
    state = afterAttempt(state, settings, { hasSucceeded: false, nowMs: 10_000 });
    equal(state.result, "failure");
  });
});
