export { createKubeApi, type KubeApi, type KubeApiDeps, type KubeApiOptions } from "./api.ts";
export { bootstrap } from "./bootstrap.ts";
export { ApiError, type ApiErrorReason, FencedError } from "./errors.ts";
export { type TokenUser, userOfSubject } from "./http/authenticate.ts";
export { handleRequest } from "./http/handler.ts";
export type { ApiRequest, ApiResponse, User } from "./http/message.ts";
export { type KubeApiServer, type ServeOptions, serveKubeApi } from "./http/serve.ts";
export { createLocalClient, type LocalClientOptions } from "./local-client.ts";
export { memberStorage } from "./member-storage.ts";
export {
  type CommitOutcome,
  type Page,
  type ReadAt,
  type Storage,
  type StorageBatch,
  StorageError,
  type StorageErrorCode,
  type StorageEvent,
  type StorageWatch,
  type StoredValue,
  type Transaction,
  type WriteOptions,
} from "./storage.ts";
