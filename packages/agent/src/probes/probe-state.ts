/**
 * Thresholds and schedule of one probe.
 *
 * Source: Kubernetes pkg/kubelet/prober/worker.go and the defaults of v1.Probe. Departure: until the
 * first success the probe is repeated at short, growing intervals instead of once per period, so that
 * a container is known to be ready soon after it is; only failures at the regular times count.
 * Pure; times are monotonic milliseconds.
 */
import type { Probe } from "@flotilla/objects";

/** The first interval between attempts before the first success; each is 1.5 times the one before. */
export const eagerMsMin = 50;

/** A probe's numbers with Kubernetes' defaults. */
export interface ProbeSettings {
  readonly initialDelayMs: number;
  readonly periodMs: number;
  readonly timeoutMs: number;
  readonly successThreshold: number;
  readonly failureThreshold: number;
}

export interface ProbeState {
  /** In a row. */
  readonly successes: number;
  /** In a row, regular ones only. */
  readonly failures: number;
  /** What the container is taken for. */
  readonly result: "unknown" | "success" | "failure";
  readonly nextAtMs: number;
  /** From here on a failure counts. */
  readonly countsFromMs: number;
  /** 0 once it has succeeded. */
  readonly eagerMs: number;
}

/** The numbers of `probe`. */
export function settingsOf(probe: Probe): ProbeSettings {
  return {
    initialDelayMs: (probe.initialDelaySeconds ?? 0) * 1000,
    periodMs: Math.max(1, probe.periodSeconds ?? 10) * 1000,
    timeoutMs: Math.max(1, probe.timeoutSeconds ?? 1) * 1000,
    successThreshold: Math.max(1, probe.successThreshold ?? 1),
    failureThreshold: Math.max(1, probe.failureThreshold ?? 3),
  };
}

/** Before the first attempt. `hasSucceeded`: the container was taken over while its probe succeeded. */
export function newProbeState(
  settings: ProbeSettings,
  nowMs: number,
  hasSucceeded: boolean,
): ProbeState {
  const firstAtMs = nowMs + (hasSucceeded ? 0 : settings.initialDelayMs);
  return {
    successes: 0,
    failures: 0,
    result: hasSucceeded ? "success" : "unknown",
    nextAtMs: firstAtMs,
    countsFromMs: firstAtMs + settings.periodMs,
    eagerMs: hasSucceeded ? 0 : eagerMsMin,
  };
}

/** After an attempt that ended at `nowMs`. */
export function afterAttempt(
  state: ProbeState,
  settings: ProbeSettings,
  attempt: { readonly hasSucceeded: boolean; readonly nowMs: number },
): ProbeState {
  const { hasSucceeded, nowMs } = attempt;
  if (hasSucceeded) {
    const successes = state.successes + 1;
    const result = successes >= settings.successThreshold ? "success" : state.result;
    const eagerMs = result === "success" ? 0 : state.eagerMs;
    const nextAtMs = nowMs + (eagerMs > 0 ? eagerMs : settings.periodMs);
    const countsFromMs = eagerMs > 0 ? state.countsFromMs : nextAtMs;
    return { successes, failures: 0, result, nextAtMs, countsFromMs, eagerMs };
  }
  const counts = state.eagerMs === 0 || nowMs >= state.countsFromMs;
  const failures = state.failures + (counts ? 1 : 0);
  const result = failures >= settings.failureThreshold ? "failure" : state.result;
  const { eagerMs } = state;
  return {
    successes: 0,
    failures,
    result,
    eagerMs: Math.min(eagerMs * 1.5, settings.periodMs),
    nextAtMs: nowMs + (eagerMs > 0 ? eagerMs : settings.periodMs),
    countsFromMs: counts ? nowMs + settings.periodMs : state.countsFromMs,
  };
}
