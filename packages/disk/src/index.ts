export { DiskError, type DiskErrorCode } from "./errors.ts";
export { type DirectoryLock, lockDirectory } from "./lock.ts";
export { measuredDisk } from "./measured-disk.ts";
export { nodeDisk } from "./node-disk.ts";
