export { type Disk, type DiskFile, nodeDisk } from "./disk.ts";
export { WalError, type WalErrorCode } from "./errors.ts";
export { type DirectoryLock, lockDirectory } from "./lock.ts";
export type { Recovered, Repair } from "./recover.ts";
export { openWal, type Wal, type WalBatch, type WalOptions } from "./wal.ts";
