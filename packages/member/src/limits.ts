/** Every bound and every pace of this package. Times in milliseconds. */

/** A request ends after this and two election timeouts (etcd `ReqTimeout`). */
export const requestMs = 5_000;
/** The event loop should never stand still for longer. */
export const stallMsMax = 100;
/** How often the event loop's delay is looked at. */
export const stallLookMs = 1_000;
/** A leader that is told to stop waits this long for another one to take over. */
export const handOverMs = 500;
/** Before the member tells its addresses again, when that failed. */
export const advertiseRetryMs = 100;
/** A witness asks the leader to write them down, each time for so long. */
export const advertiseAskMs = 1_000;
/** A new member asks for so long who it is, while nobody answers. */
export const joinMs = 10_000;
/** The same while those that answer do not know it: they may lag behind the change that added it. */
export const joinLagMs = 2_000;
/** One attempt to ask one member, and the pause between two. */
export const joinAskMs = 1_000;
export const joinRetryMs = 200;
/** A member that is out for good answers those who still ask it, and ends. */
export const isolationLingerMs = 500;
/** Hashes of the store that are made at the same time, whoever asks; beyond, it is busy. */
export const hashesMax = 4;
/** A hash of another member takes this long at most: minutes of history at some 100 MB a second. */
export const hashMs = 120_000;
/** A member without a store waits this long for the leader's, before it ends. */
export const regainMs = 120_000;
/** `--warning-apply-duration`. */
export const warnApplyMs = 100;
