export type * from "./auth/contract.ts";
export { readPermission, writePermission } from "./codec/auth-commands.ts";
export { alarmKindOf, alarmNumber } from "./codec/cluster-commands.ts";
export { CodecError, type CodecErrorCode, txnDepthMax } from "./codec/errors.ts";
export {
  decodeEvent,
  decodeKeyValue,
  encodeEvent,
  encodeKeyValue,
  readEvent,
  readKeyValue,
  writeEvent,
  writeKeyValue,
} from "./codec/key-value.ts";
export { decodeProposal, encodeProposal } from "./codec/proposal.ts";
export {
  decodeDeleteRangeRequest,
  decodePutRequest,
  decodeRangeRequest,
  encodeDeleteRangeRequest,
  encodePutRequest,
  encodeRangeRequest,
  readDeleteRangeRequest,
  readPutRequest,
  readRangeRequest,
  writeDeleteRangeRequest,
  writePutRequest,
  writeRangeRequest,
} from "./codec/requests.ts";
export {
  decodeTxnRequest,
  encodeTxnRequest,
  readTxnRequest,
  writeTxnRequest,
} from "./codec/txn-request.ts";
export type * from "./contract.ts";
export { LeaseExpiry, revokeRetryMs } from "./lease-expiry.ts";
export type { GrantedLease } from "./leases.ts";
export { type StoreLimits, storeLimitsDefault } from "./limits.ts";
export {
  beginNewCluster,
  type NewClusterOptions,
  type NewClusterState,
} from "./new-cluster.ts";
export {
  deleteRequest,
  getRequest,
  openEnd,
  prefixRange,
  prefixRequest,
  putRequest,
  type RangeOptions,
  rangeRequest,
} from "./requests.ts";
export { SnapshotSummarizer, type SnapshotSummary } from "./snapshot-summary.ts";
export { createStore } from "./store.ts";
