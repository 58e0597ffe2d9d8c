export { ClientError, type ClientErrorCode, type ClientErrorOptions } from "./errors.ts";
export {
  type CallOptions,
  type ClaimOptions,
  compare,
  createEtcdClient,
  EtcdClient,
  type EtcdClientDeps,
  type EtcdClientOptions,
  EtcdError,
  type EtcdErrorCode,
  isEtcdError,
  Lease,
  Lock,
  op,
  Watch,
  type WatchBatch,
  type WatchOptions,
} from "./etcd/index.ts";
export {
  type Change,
  type FollowHandlers,
  type Following,
  type FollowOptions,
  follow,
} from "./follow.ts";
export { createHttpClient, type HttpClient, type HttpClientOptions } from "./http-client.ts";
export { type Kubeconfig, parseKubeconfig } from "./kubeconfig.ts";
export { LineSplitter, watchLineBytesMax } from "./line-splitter.ts";
export type * from "./object-client.ts";
export { objectKey, type PathParts, pathOf, queryOf } from "./paths.ts";
export { responseBytesMax, type TransportOptions } from "./transport.ts";
