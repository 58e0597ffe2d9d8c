export { ClientError, type ClientErrorCode, type ClientErrorOptions } from "./errors.ts";
// The whole of it is the entry `@flotilla/client/etcd`; some names of options are taken here.
export {
  type Credentials,
  compare,
  createEtcdClient,
  EtcdClient,
  type EtcdClientOptions,
  EtcdError,
  type EtcdErrorCode,
  isEtcdError,
  type KeyValue,
  Lease,
  Lock,
  type MemberStatus,
  op,
  type TlsOptions,
  textOf,
  Watch,
  type WatchBatch,
  type WatchEvent,
} from "./etcd/index.ts";
export { type EventRecord, type EventRecorder, recordEvent } from "./event-recorder.ts";
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
