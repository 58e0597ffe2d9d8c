/** int64 where what lies beyond 2^53 means no more than 2^53 - 1 does: revisions and limits. Pure. */

/** A varint as a number. */
export function clamped(varint: bigint): number {
  const wide = BigInt.asIntN(64, varint);
  const number = Number(wide);
  if (Number.isSafeInteger(number)) return number;
  return wide < 0n ? -Number.MAX_SAFE_INTEGER : Number.MAX_SAFE_INTEGER;
}
