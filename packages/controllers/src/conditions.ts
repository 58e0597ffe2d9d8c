/** Lists of conditions, as Kubernetes keeps them: one per type, in order of first appearance. Pure. */
import type { Condition } from "@flotilla/objects";

/** The condition of `type`, if there is one. */
export function findCondition(
  conditions: readonly Condition[] | undefined,
  type: string,
): Condition | undefined {
  return conditions?.find((condition) => condition.type === type);
}

/**
 * With `next` in place of its type's. The same status and reason is no news: nothing changes. The same
 * status for another reason keeps the time of its transition.
 */
export function withCondition(conditions: readonly Condition[], next: Condition): Condition[] {
  const before = findCondition(conditions, next.type);
  if (before?.status === next.status && before.reason === next.reason) return [...conditions];
  return replaceCondition(conditions, next);
}

/** As {@link withCondition}, but the same status and reason is written again: a sign of progress. */
export function replaceCondition(conditions: readonly Condition[], next: Condition): Condition[] {
  const before = findCondition(conditions, next.type);
  const kept =
    before?.status === next.status && before.lastTransitionTime !== undefined
      ? { ...next, lastTransitionTime: before.lastTransitionTime }
      : next;
  return [...withoutCondition(conditions, next.type), kept];
}

/** Without the condition of `type`. */
export function withoutCondition(conditions: readonly Condition[], type: string): Condition[] {
  return conditions.filter((condition) => condition.type !== type);
}
