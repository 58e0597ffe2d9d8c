/**
 * What a command may add to the store. Pure. Source: etcd server/storage/quota.go; unlike there, what
 * stands in nested transactions counts too (etcd issue 22139).
 */
import type { Command, PutRequest, RequestOp, TxnRequest } from "@flotilla/store";

/** Of a row, beside its key and value. */
const rowOverheadBytes = 256;
const leaseBytes = 64;

/** In bytes; 0 for what adds nothing, which is always let through. */
export function costOf(command: Command): number {
  switch (command.kind) {
    case "put":
      return costOfPut(command.request);
    case "txn":
      return costOfTxn(command.request);
    case "leaseGrant":
      return leaseBytes;
    default:
      return 0;
  }
}

function costOfPut({ key, value }: PutRequest): number {
  return rowOverheadBytes + key.length + value.length;
}

/** Of the dearer branch: which of them will run is not known yet. */
function costOfTxn({ success, failure }: TxnRequest): number {
  return Math.max(costOfOps(success), costOfOps(failure));
}

function costOfOps(ops: readonly RequestOp[]): number {
  let cost = 0;
  for (const op of ops) {
    if (op.kind === "put") cost += costOfPut(op.request);
    else if (op.kind === "txn") cost += costOfTxn(op.request);
  }
  return cost;
}
