export type {
  OpenedWal,
  Recovered,
  Repair,
  Wal,
  WalBatch,
  WalDone,
  WalOptions,
} from "./contract.ts";
export type { Disk, DiskFile, Done } from "./disk.ts";
export { WalError, type WalErrorCode } from "./errors.ts";
export { openWal } from "./wal.ts";
