/** Ids of leases whose client does not choose one. */
import type { Random } from "@flotilla/base";

/** Positive, never 0. Chosen before it is replicated: all members must agree. */
export function chooseLeaseId(random: Random): bigint {
  const id = BigInt.asUintN(63, (BigInt(random.next32()) << 32n) | BigInt(random.next32()));
  return id === 0n ? 1n : id;
}
