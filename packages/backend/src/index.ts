export { BackendError, type BackendErrorCode } from "./errors.ts";
export {
  type LmdbBackend,
  type LmdbBackendOptions,
  mapSizeBytesDefault,
  openLmdbBackend,
  type RestoreOptions,
} from "./lmdb-backend.ts";
export { createMemoryBackend } from "./memory-backend.ts";
export { decodeSnapshot, type SnapshotEntry } from "./snapshot-format.ts";
