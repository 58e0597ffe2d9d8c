export { createEtcdApi, type EtcdApi } from "./api.ts";
export { AuthOptionError, type AuthOptionErrorCode } from "./auth/errors.ts";
export {
  type JwtAlgorithm,
  type JwtOption,
  jwtAlgorithms,
  parseAuthToken,
  type TokenOption,
} from "./auth/token-option.ts";
export { writeWholeFile } from "./backup/durable-file.ts";
export type { BackupSchedule } from "./backup/schedule.ts";
export {
  decodeMembership,
  type MemberDescription,
  type MemberIsolation,
  type MembershipChange,
  type MembershipDescription,
  type MembershipStep,
  type ReplicationState,
  writeMembershipChange,
} from "./codec/membership.ts";
export { type AutoCompaction, durationMsOf, parseAutoCompaction } from "./compaction/mode.ts";
export type { EtcdApiDeps, EtcdApiOptions, Versions } from "./context.ts";
export { CorruptionError } from "./corruption/checks.ts";
export { RpcError, type RpcErrorKey, rpcErrors } from "./errors.ts";
export type { HttpSide } from "./http/http-side.ts";
export type { ListenAddress, Serves } from "./listen.ts";
export { clusterVersionOf } from "./maintenance/downgrade.ts";
export { snapshotPieces, snapshotUnitBytes } from "./maintenance/snapshot-stream.ts";
export { keepToQuota } from "./quota/quota-member.ts";
export {
  type EtcdServer,
  type ServeEtcdDeps,
  type ServeEtcdOptions,
  serveEtcd,
} from "./serve.ts";
