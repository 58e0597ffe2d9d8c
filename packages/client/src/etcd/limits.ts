/** Every bound and every pace of the etcd client. Times in milliseconds. */

/** One message of a member. A member of etcd sends up to 2 GiB; read such ranges in pages. */
export const messageBytesMax: number = 256 * 1024 * 1024;
/** One request from the first attempt to its end. Longer than a member needs to elect a new leader. */
export const requestMsDefault = 10_000;
/** No call is given more: gRPC and timers have no room for much more than a day. */
export const timeoutMsMax: number = 24 * 3_600 * 1_000;
/**
 * A member from which no byte comes for so long is left for another one, if the request may be
 * repeated. Twice as long once all have been asked: it may be the answer that takes its time.
 */
export const silenceMs = 3_000;
/** Until a connection is up: TLS, and the member's own settings, which show that somebody is there. */
export const connectMsDefault = 1_500;
/** After a failure an endpoint is left alone: this long at first, and twice as long each further time. */
export const pauseMsMin = 50;
export const pauseMsMax = 1_000;
/** A token that is refused is asked for anew at most so often for one request. */
export const tokenRefreshesMax = 2;
/** Between two pings of a connection in use. etcd ends connections that ping more often than in 5 s. */
export const pingMs = 6_000;
/** For the answer to one. */
export const pingAnswerMs = 3_000;
/** Streams on one connection before the next one is opened; fewer where a member allows fewer. */
export const streamsPerConnectionMax = 1_000;
/** What a member may send on a stream before it is taken, and on a connection. */
export const streamWindowBytes: number = 1024 * 1024;
export const connectionWindowBytes: number = 64 * 1024 * 1024;
/**
 * Of one connection, in MiB: what waits to be sent counts, and is the caller's to bound. At Node.js's own
 * limit, 10, it throws answers away.
 */
export const connectionMemoryMiB = 4_096;
/** Bytes of events that wait for a slow consumer before its watch stops reading. */
export const watchQueueBytesMax: number = 4 * 1024 * 1024;
/** Between two questions how far a watch is: a quiet one resumes from there, not from its last event. */
export const watchProgressMs = 10_000;
/** Keys of one page of a scan. */
export const pageSizeDefault = 1_000;
/** A lease is renewed so often in its time to live. */
export const renewalsPerTtl = 3;
/** Time to live of the lease of a lock or a candidate, in seconds. */
export const sessionTtlSecondsDefault = 10;
