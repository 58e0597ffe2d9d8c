/** Equality of JSON as Kubernetes' `equality.Semantic` sees it. Pure. */

/**
 * True when both mean the same: the order of keys does not matter, and nothing, null, an empty list
 * and a map of nothing are one.
 */
export function sameJson(left: unknown, right: unknown): boolean {
  if (isNothing(left) || isNothing(right)) return isNothing(left) && isNothing(right);
  if (typeof left !== "object" || typeof right !== "object") return left === right;
  if (Array.isArray(left) || Array.isArray(right)) {
    return (
      Array.isArray(left) &&
      Array.isArray(right) &&
      left.length === right.length &&
      left.every((item, at) => sameJson(item, right[at]))
    );
  }
  const [before, after] = [left as Fields, right as Fields];
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].every((name) => sameJson(before[name], after[name]));
}

/**
 * As {@link sameJson}, of an object's status: most of its counts are left out by the API when they
 * are 0, and writing them again would never end.
 */
export function sameStatus(left: object | undefined, right: object): boolean {
  return sameJson(withoutZeros(left ?? {}), withoutZeros(right));
}

function withoutZeros(status: object): Fields {
  return Object.fromEntries(Object.entries(status).filter(([, value]) => value !== 0));
}

type Fields = Readonly<Record<string, unknown>>;

function isNothing(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  if (typeof value !== "object") return false;
  return Array.isArray(value) ? value.length === 0 : Object.values(value).every(isNothing);
}
