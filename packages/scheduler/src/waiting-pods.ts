/**
 * Pods that wait for a node: in which order they are tried, and when again.
 *
 * Source: Kubernetes pkg/scheduler/backend/queue. All spans are monotonic milliseconds. Pure state.
 */
import type { Pod } from "@flotilla/objects";

/** Wait after the first failure; doubles with each further one. */
export const retryMsMin = 1_000;
/** Longest wait. */
export const retryMsMax = 10_000;

interface Attempt {
  failures: number;
  triedMs: number;
  dueMs: number;
}

/** Failures per pod. What is not waiting any more is forgotten at the next `select`. */
export class WaitingPods {
  #attempts = new Map<string, Attempt>();

  /** Those of `pods` that may be tried now, the most important first, then the oldest. */
  select(pods: readonly Pod[], nowMs: number): Pod[] {
    const waiting = pods.filter(isWaiting);
    const known = new Map<string, Attempt>();
    for (const pod of waiting) {
      const attempt = this.#attempts.get(uidOf(pod));
      if (attempt !== undefined) known.set(uidOf(pod), attempt);
    }
    this.#attempts = known;
    return waiting
      .filter((pod) => (known.get(uidOf(pod))?.dueMs ?? nowMs) <= nowMs)
      .toSorted(moreImportantFirst);
  }

  /** The pod found no node, or could not be bound. */
  failed(pod: Pod, nowMs: number): void {
    const failures = (this.#attempts.get(uidOf(pod))?.failures ?? 0) + 1;
    const waitMs = Math.min(retryMsMin * 2 ** Math.min(failures - 1, 30), retryMsMax);
    this.#attempts.set(uidOf(pod), { failures, triedMs: nowMs, dueMs: nowMs + waitMs });
  }

  /** The world has changed in their favour: nobody waits longer than the shortest wait. */
  hasten(nowMs: number): void {
    for (const attempt of this.#attempts.values()) {
      attempt.dueMs = Math.min(attempt.dueMs, Math.max(nowMs, attempt.triedMs + retryMsMin));
    }
  }

  /** When the next pod is due; undefined when none waits. */
  nextDueMs(): number | undefined {
    let next: number | undefined;
    for (const { dueMs } of this.#attempts.values()) next = Math.min(next ?? dueMs, dueMs);
    return next;
  }
}

/** The scheduler that pods without another name for it ask for. */
export const schedulerName = "default-scheduler";

/** It has no node yet, and this scheduler is to find one. */
export function isWaiting({ metadata, spec, status }: Pod): boolean {
  if (spec.nodeName !== undefined && spec.nodeName !== "") return false;
  if (metadata.deletionTimestamp !== undefined) return false;
  if (status?.phase === "Succeeded" || status?.phase === "Failed") return false;
  if ((spec.schedulingGates ?? []).length > 0) return false;
  return (spec.schedulerName ?? schedulerName) === schedulerName;
}

function moreImportantFirst(left: Pod, right: Pod): number {
  const byPriority = (right.spec.priority ?? 0) - (left.spec.priority ?? 0);
  if (byPriority !== 0) return byPriority;
  const [before, after] = [left, right].map(
    ({ metadata }) => `${metadata.creationTimestamp ?? ""} ${metadata.namespace}/${metadata.name}`,
  ) as [string, string];
  return before < after ? -1 : before > after ? 1 : 0;
}

function uidOf({ metadata }: Pod): string {
  return metadata.uid ?? `${metadata.namespace}/${metadata.name}`;
}
