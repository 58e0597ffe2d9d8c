/** Every bound of this package; etcd's defaults where etcd has one. */

/** `--max-request-bytes`: a request that goes into the log. */
export const requestBytesMax: number = 1.5 * 1024 * 1024;
/** What a message may have beyond that before it is not even decoded. */
export const messageOverheadBytes: number = 512 * 1024;
/** `--max-txn-ops`: operations, or comparisons, of a transaction; nested ones share it. */
export const txnOpsMax = 128;
/** Longest time to live of a lease. */
export const leaseTtlSecondsMax = 9_000_000_000;
/** Watches on one stream; etcd has no such bound. */
export const watchesPerStreamMax = 16_384;
/** What a watch may send before the next one has its turn. */
export const watchTurnBytes: number = 64 * 1024;
/** `--watch-progress-notify-interval`. */
export const progressIntervalMs: number = 10 * 60_000;
/** A stream that asked for a leader is ended when there was none for this long: three election time-outs. */
export const leaderLossMs = 3_000;
/** How often that is looked at. */
export const leaderCheckMs = 500;
/** A request's headers, over HTTP/1. */
export const httpHeadersMs = 10_000;
