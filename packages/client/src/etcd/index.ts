export { textOf } from "@flotilla/base";
export type {
  Compare,
  DeleteRangeResult,
  KeyValue,
  PutResult,
  RangeOptions,
  RangeResult,
  RequestOp,
  TxnRequest,
  TxnResult,
  WatchEvent,
} from "@flotilla/store";
export type { ClaimOptions } from "./claim.ts";
export { createEtcdClient, EtcdClient } from "./client.ts";
export { Cluster } from "./cluster.ts";
export type { MemberEntry } from "./codec/cluster.ts";
export type { ResponseHeader } from "./codec/header.ts";
export type { KvHash, MemberStatus } from "./codec/maintenance.ts";
export { Election, Leadership } from "./election.ts";
export {
  EtcdError,
  type EtcdErrorCode,
  type EtcdErrorOptions,
  type EtcdServerErrorCode,
  isEtcdError,
} from "./errors.ts";
export type { TlsOptions } from "./grpc/tls-options.ts";
export type { Bytes, Keys } from "./keys.ts";
export type { ReadOptions, ScanOptions } from "./kv.ts";
export {
  type GrantOptions,
  type KeepAliveOptions,
  Lease,
  type LeaseLife,
} from "./lease.ts";
export { Lock } from "./lock.ts";
export { Maintenance, type MemberCallOptions, type SnapshotOptions } from "./maintenance.ts";
export { type Comparator, compare, type DeleteOptions, op, type PutOptions } from "./operations.ts";
export type { CallOptions, Credentials, EtcdClientDeps, EtcdClientOptions } from "./options.ts";
export type { TxnBuilder } from "./txn.ts";
export { Watch, type WatchBatch, type WatchOptions } from "./watch.ts";
