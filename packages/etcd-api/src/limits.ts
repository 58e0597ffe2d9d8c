/** Every bound of this package; etcd's defaults where etcd has one. */

/** `--max-request-bytes`: a request that goes into the log. */
export const requestBytesMax: number = 1.5 * 1024 * 1024;
/** What a message may have beyond that before it is not even decoded. */
export const messageOverheadBytes: number = 512 * 1024;
/** `--max-txn-ops`: operations, or comparisons, of a transaction; nested ones share it. */
export const txnOpsMax = 128;
/** Messages in one another, by Go's protobuf: beyond, a request is none. */
export const messageDepthMax = 10_000;
/**
 * What an entry of etcd's log has beside the request, which counts against `--max-request-bytes`, too:
 * the ids of the request, and its tag and length.
 */
export const entryOverheadBytes = 18;
/** What a range of many keys reads and encodes before everybody else has a turn: about a millisecond. */
export const rangeSliceBytes: number = 128 * 1024;
/** Ranges of several slices at once; further ones wait. */
export const slicedRangesMax = 16;
/** Those that wait; beyond, they are refused. */
export const slicedRangesWaitingMax = 10_000;
/** Bytes of all answers that are encoded and not sent yet; beyond, ranges of several slices are refused. */
export const heldAnswerBytesMax: number = 1024 ** 3;
/** Rows in the first chunk of a range that is streamed. */
export const streamedRowsFirst = 10;
/** Longest time to live of a lease. */
export const leaseTtlSecondsMax = 9_000_000_000;
/** Watches on one stream; etcd has no such bound. */
export const watchesPerStreamMax = 16_384;
/** What a watch may send before the next one has its turn. */
export const watchTurnBytes: number = 64 * 1024;
/** How long watches take turns, those of all streams together, before everybody else has one. */
export const watchStretchMs = 10;
/** `--watch-progress-notify-interval`. */
export const progressIntervalMs: number = 10 * 60_000;
/** A stream that asked for a leader is ended when there was none for so many election time-outs. */
export const leaderLossElections = 3;
/** How often that is looked at, or more often where elections are short. */
export const leaderCheckMs = 500;
/** How often the first leader since the start is looked for; calls that ask for a leader wait for it. */
export const firstLeaderCheckMs = 50;
/** A request's headers, over HTTP/1. */
export const httpHeadersMs = 10_000;
/** Peer URLs of one member; etcd has no such bound. */
export const peerUrlsMax = 16;
/** How long a change of the members waits for others that are under way. */
export const reconfigurationMs = 5_000;
/** How long `Describe` looks for the leader before it tells what it knows itself; clients ask several members. */
export const describeMs = 1_000;
/** Changes of the members that wait for their turn at this member; beyond, new ones are refused. */
export const reconfigurationsMax = 100;
/** Between two attempts. */
export const reconfigurationPauseMs = 100;
/** How often the leader is asked who answers it, before a change is refused for those who do not. */
export const activityLooksMax = 4;
/** Between two of these. */
export const activityPauseMs = 150;
/**
 * How often a change that is not finished is looked at, to see whether it is settled all the same. Well
 * below an election timeout: a leader that misses its quorum leads no longer than that.
 */
export const settlementPauseMs = 50;
/** Looks in a row that must find it so. */
export const settlementLooksMax = 2;
/** How long `MoveLeader` waits for the new leader. */
export const transferMs = 5_000;
/** How often it looks. */
export const transferPauseMs = 20;
/** How long a member goes by what it found about its own role. */
export const roleMsMax = 100;
/** Steps of one change of the members. */
export const changeStepsMax = 64;
/** `--quota-backend-bytes` when it is 0. */
export const quotaBytesDefault: number = 2 * 1024 ** 3;
/** `--compact-hash-check-time`. */
export const compactHashCheckMs = 60_000;
/** `--bcrypt-cost`. */
export const bcryptCostDefault = 10;
/** What bcrypt itself knows. */
export const bcryptCostMin = 4;
/** As above. */
export const bcryptCostMax = 31;
/** Bytes of a password: bcrypt heeds no more. */
export const passwordBytesMax = 72;
/** Threads that hash passwords; fewer where there are fewer processors. */
export const passwordThreadsMax = 4;
/**
 * Passwords to be hashed for those who may set them, and that wait for a thread; beyond, calls are
 * refused. Some twenty seconds of work for one thread at the default cost; whoever has left by then
 * costs nothing.
 */
export const passwordsWaitingMax = 256;
/**
 * Calls of `Authenticate` that wait the same way, which anybody may make: places of their own, and no
 * more than one thread works off in the five seconds for which clients usually wait. etcd takes in as
 * many as come, and answers all of them too late.
 */
export const authenticationsWaitingMax = 64;
/** How often a password is compared anew because users or roles changed meanwhile. */
export const authenticationsMax = 16;
/** `--auth-token-ttl`: how long a simple token lives after its last use. */
export const authTokenTtlMs = 300_000;
/** Simple tokens that a member keeps; beyond, the one that was not used for longest goes. */
export const simpleTokensMax = 100_000;
/** Signed tokens of which a member remembers that their signature is good. */
export const signedTokensMax = 4_096;
/** A token in a call's metadata. */
export const tokenBytesMax: number = 8 * 1024;
/** How long a call waits until this member has applied the entry that made its token. */
export const tokenWaitMs = 5_000;
/** How often it is looked whether that has come. */
export const tokenPauseMs = 5;
/** Calls that wait for that; beyond, they are refused. */
export const tokenWaitsMax = 10_000;
/** Time to live of the lease that `Lock` and `Campaign` make when they are given none. */
export const sessionTtlSeconds = 60;
/** `--warning-unary-request-duration`. */
export const warnUnaryMs = 300;
/** A request's body over HTTP/1: a message of the largest size in base64, and some more. */
export const httpBodyBytesMax: number = 3 * 1024 * 1024;
/** For that body to arrive; streams have no such end. */
export const httpBodyMs = 30_000;
/** Connections of HTTP/1 at once. */
export const httpConnectionsMax = 4_096;
/** Calls through the JSON gateway at once; beyond, they are refused. */
export const gatewayCallsMax = 4_096;
/** Requests of a stream through the gateway that wait for their handler; beyond, the client waits. */
export const gatewayRequestsMax = 64;
/** What waits for a slow reader of a stream before its call is ended. */
export const gatewayOutboxBytesMax: number = 16 * 1024 * 1024;
/** The share of what is left of the quota that is let through before the store's size is looked at again. */
export const quotaSlackShare = 0.125;
/** Snapshots that are sent at the same time; beyond, new ones are refused. */
export const snapshotsMax = 4;
/** What a snapshot sends before others have their turn. */
export const snapshotTurnBytes: number = 128 * 1024;
/** A client of a snapshot that takes nothing for this long is given up. */
export const snapshotStallMs = 60_000;
/** What waits for a WebSocket's reader before its handler waits, too. */
export const webSocketWaitingBytes: number = 256 * 1024;
/** A member that does not tell its hash within this time is not compared. */
export const peerHashMs = 60_000;
/** The same before clients are served, who wait for it. */
export const firstHashMs = 15_000;
/** While too few answer to tell whose data is wrong they are asked again, so often. */
export const verdictRetryMs = 500;
export const verdictTriesMax = 10;
/** A repair for which no leader sends its state is given up after this time. */
export const repairMs = 600_000;
/** How often a member looks whether it is named as one that holds wrong data. */
export const repairLookMs = 1_000;
/** A member that still holds something else after so many repairs leaves the alarm to its operator. */
export const repairsMax = 3;
/** How often it is looked whether a backup is due. */
export const backupLookMs = 60_000;
/** Of the event loop's delay: the metrics show the worst of this long, up to twice as long. */
export const eventLoopWindowMs = 30_000;
