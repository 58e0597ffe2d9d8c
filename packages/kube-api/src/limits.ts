/** Every limit of the Kubernetes API in one place. */

/** Bytes of a request body, as in Kubernetes. */
export const bodyBytesMax: number = 3 * 1024 * 1024;
/** Bytes of an object as it is stored: what a body becomes with all its defaults. Watch lines rely on it. */
export const objectBytesMax: number = bodyBytesMax;
/** Bytes of all request bodies that are being received; one that would exceed it is answered with 429. */
export const bodiesBytesMax: number = 256 * 1024 * 1024;
/** Characters of a request's path with its query. */
export const urlCharactersMax: number = 8 * 1024;
/** Bytes of a request's headers. */
export const headerBytesMax: number = 16 * 1024;
/** Open connections, idle ones included. */
export const connectionsMax = 4_096;
/** Watches that are open at a time; one more is answered with 429. */
export const watchesMax = 2_048;
/** Requests in work at a time, watches not counted; one more is answered with 429. */
export const requestsMax = 512;
/** Time for a TLS handshake. */
export const handshakeTimeoutMs = 5_000;
/** Time to send the headers, and the whole request. */
export const headersTimeoutMs = 10_000;
export const requestTimeoutMs = 30_000;
/** A client that takes nothing of its answer for so long is cut off. */
export const sendTimeoutMs = 30_000;
/** An idle keep-alive connection is closed after it. */
export const keepAliveTimeoutMs = 75_000;
/** Characters of one warning, and of all warnings of an answer, as in Kubernetes. */
export const warningLengthMax = 256;
export const warningsLengthMax = 4_096;
/** How often a watch that asked for bookmarks gets one. */
export const bookmarkIntervalMs = 2_000;
/** A watch is ended when this member could not confirm for so long that it is up to date. */
export const staleWatchMs = 6_000;
/** Longest watch when the client names no time, chosen at random between this and twice this. */
export const watchTimeoutSecondsMin = 1_800;
/** How often a change that needs no version of its own is tried against concurrent writers. */
export const conflictRetriesMax = 10;
/** Objects that are read from the store at a time while a list is filtered. */
export const listChunk = 500;
/** Decoded objects in the cache, by bytes of their stored form. */
export const cacheBytesMax: number = 64 * 1024 * 1024;
/** Events live for one hour, as in Kubernetes. */
export const eventTtlSeconds = 3_600;
