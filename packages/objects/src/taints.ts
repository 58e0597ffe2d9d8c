/** Taints and tolerations. Source: api core/v1 toleration.go. Pure. */
import type { Taint, Toleration } from "./types.ts";

/** True when one of the tolerations tolerates the taint. */
export function tolerates(taint: Taint, tolerations: readonly Toleration[] | undefined): boolean {
  return tolerations?.some((toleration) => matches(toleration, taint)) ?? false;
}

/** The tolerations that apply to the taint: a NoExecute taint evicts after the shortest of their times. */
export function matchingTolerations(
  taint: Taint,
  tolerations: readonly Toleration[] | undefined,
): readonly Toleration[] {
  return tolerations?.filter((toleration) => matches(toleration, taint)) ?? [];
}

function matches(toleration: Toleration, taint: Taint): boolean {
  if (toleration.effect !== undefined && toleration.effect !== taint.effect) return false;
  if (toleration.key !== undefined && toleration.key !== "" && toleration.key !== taint.key) {
    return false;
  }
  if (toleration.operator === "Exists") return true;
  // Without a key the operator must be Exists: validation says so, so this one matches nothing.
  if (toleration.key === undefined || toleration.key === "") return false;
  return (toleration.value ?? "") === (taint.value ?? "");
}
