/** Every bound and every pace of this package. Times in milliseconds. */

/** Proposals of this server that are not settled; beyond, new ones are refused. */
export const proposalsMax = 50_000;
/** Bytes of them; twice what a leader takes in before it is committed. */
export const proposalsBytesMax: number = 128 * 1024 * 1024;
/** Bytes of proposals given to the engine as one; a single one always fits, far below what a peer takes as one frame. */
export const proposeBytesMax: number = 1024 * 1024;
/** Proposals under way from which on others wait to go together, how many go, and how long they wait at most. */
export const gatherFrom = 16;
export const gatherMax = 256;
export const gatherMs = 1;
/** Read barriers of this server that are not settled; beyond, new ones are refused. */
export const barriersMax = 100_000;
/** Read rounds of this server on their way; calls that come meanwhile share the next one. */
export const readRoundsMax = 4;
/** Entries applied in one go, and their bytes; the rest waits for the next turn. */
export const applyEntriesMax = 1_000;
export const applyBytesMax: number = 2 * 1024 * 1024;
/** How long a message may be held back that is probably needless. */
export const postponeMs = 1;
/** Between two slices of a compaction of the key space, besides those that go with what is applied. */
export const sweepMs = 2;
/** etcd's `--warning-apply-duration`. */
export const warnApplyMsDefault = 100;
/**
 * Committed entries that wait to be applied, and their bytes; beyond, a follower takes no more appends
 * in. What it holds at that moment and hears later to be committed still comes on top: at most what a
 * leader has under way, see the engine's `uncommittedBytesMax` and `inflightBytesMax`. On a follower that
 * waits for another store so does what the leader has in its log before its own term, or before the state
 * that it has sent; beyond, a quorum that needs this follower waits until it has its store.
 */
export const applyQueueEntriesMax = 200_000;
export const applyQueueBytesMax: number = 64 * 1024 * 1024;
/** Bytes of applied entries after which the log is compacted, however few they are: they are in memory, too. */
export const compactBytes: number = 64 * 1024 * 1024;
/** Bytes of entries that a compaction leaves in memory for a follower that is being sent a snapshot. */
export const heldBytesMax: number = 4 * compactBytes;
/** How often the leader looks for leases that have run out. */
export const leaseTickMs = 200;
/** Revocations begun per look; five looks a second make etcd's 1,000. */
export const revokesPerTickMax = 200;
/** Revocations on their way. */
export const revokesMax = 1_000;
/** Questions to the leader that are not answered yet; beyond, new ones are refused. */
export const questionsMax = 10_000;
/** Changes of the configuration that wait at a leader; beyond, new ones are refused. */
export const changesMax = 100;
/** One attempt to ask the leader about a lease or its view; the request as a whole has longer. */
export const leaderCallMs = 1_000;
/** Before the leader is asked again after a failed attempt. */
export const leaderCallRetryMs = 100;
/** Bytes of a snapshot in one frame. */
export const chunkBytes: number = 64 * 1024;
/** Bytes of a snapshot that are sent and not acknowledged. */
export const windowBytes: number = 1024 * 1024;
/** Election timeouts in which nothing is heard from the other end of a snapshot, before it is given up. */
export const silencesMax = 10;
