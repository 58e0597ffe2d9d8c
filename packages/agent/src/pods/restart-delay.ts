/**
 * When a container that ended may start again.
 *
 * Source: Kubernetes pkg/kubelet/kuberuntime doBackOff and client-go util/flowcontrol Backoff: the
 * first restart is immediate, then 10 s doubling to 300 s, forgotten after 10 minutes without an
 * exit. Pure.
 */
import type { RestartDelay } from "./pod-record.ts";

/** The delay before the second restart. */
export const restartDelayMsMin = 10_000;
/** The longest delay. */
export const restartDelayMsMax = 300_000;
/** A container that did not end for so long starts afresh. */
export const restartResetMs: number = 2 * restartDelayMsMax;

/** The delay after an exit at `exitedAtMs`. */
export function nextDelay(previous: RestartDelay | undefined, exitedAtMs: number): RestartDelay {
  if (previous === undefined || exitedAtMs - previous.sinceMs > restartResetMs) {
    return { delayMs: 0, sinceMs: exitedAtMs };
  }
  const doubled = Math.max(restartDelayMsMin, previous.delayMs * 2);
  return { delayMs: Math.min(doubled, restartDelayMsMax), sinceMs: exitedAtMs };
}

/** How long is left of `delay` at `nowMs`; a clock that was set back does not prolong it. */
export function delayLeftMs(delay: RestartDelay | undefined, nowMs: number): number {
  if (delay === undefined) return 0;
  const elapsedMs = Math.max(0, nowMs - delay.sinceMs);
  return Math.max(0, delay.delayMs - elapsedMs);
}
