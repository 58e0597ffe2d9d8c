/** Numbers that may be given as a share: `maxSurge: 1` or `maxSurge: "25%"`. Pure. */
import type { IntOrString } from "./types.ts";

/**
 * The count that `value` means among `total`; a share is rounded as told. Undefined when it is
 * neither an integer nor "N%".
 */
export function resolveIntOrPercent(
  value: IntOrString,
  total: number,
  round: "up" | "down",
): number | undefined {
  if (typeof value === "number") return value;
  const percent = /^(\d+)%$/.exec(value)?.[1];
  if (percent === undefined) return undefined;
  const share = (Number(percent) * total) / 100;
  return round === "up" ? Math.ceil(share) : Math.floor(share);
}
