/** Every bound and every pace of this package. Times in milliseconds. */

/** Proposals of this member that are not settled; beyond, new ones are refused. */
export const proposalsMax = 50_000;
/** Bytes of proposals given to the engine as one; a single one always fits, far below what a peer takes as one frame. */
export const proposeBytesMax: number = 1024 * 1024;
/** Read barriers of this member that are not settled; beyond, new ones are refused. */
export const barriersMax = 100_000;
/** Read rounds of this member on their way; calls that come meanwhile share the next one. */
export const readRoundsMax = 4;
/** A request ends after this and two election timeouts (etcd `ReqTimeout`). */
export const requestMs = 5_000;
/** Entries applied in one go, and their bytes; the rest waits for the next turn. */
export const applyEntriesMax = 1_000;
export const applyBytesMax: number = 2 * 1024 * 1024;
/** Bytes of applied entries after which the log is compacted, however few they are: they are in memory, too. */
export const compactBytes: number = 64 * 1024 * 1024;
/** How often the leader looks for leases that have run out. */
export const leaseTickMs = 200;
/** Revocations begun per look; five looks a second make etcd's 1,000. */
export const revokesPerTickMax = 200;
/** Revocations on their way. */
export const revokesMax = 1_000;
/** One attempt to ask the leader something; the request as a whole has longer. */
export const leaderCallMs = 1_000;
/** Before the leader is asked again after a failed attempt. */
export const leaderCallRetryMs = 100;
/** The event loop should never stand still for longer. */
export const stallMsMax = 100;
/** How often the event loop's delay is looked at. */
export const stallLookMs = 1_000;
/** A leader that is told to stop waits this long for another one to take over. */
export const handOverMs = 500;
/** Before the member tells its addresses again, when that failed. */
export const advertiseRetryMs = 1_000;
/** A new member asks for so long who it is, while nobody answers. */
export const joinMs = 10_000;
/** The same while those that answer do not know it: they may lag behind the change that added it. */
export const joinLagMs = 2_000;
/** One attempt to ask one member, and the pause between two. */
export const joinAskMs = 1_000;
export const joinRetryMs = 200;
/** A member that is out for good answers those who still ask it, and ends. */
export const isolationLingerMs = 1_000;
