/** Every bound of this package. Sizes in bytes, times in milliseconds. */

/** Longest frame: one append with one entry of the largest size fits many times. */
export const frameBytesMax: number = 64 * 1024 * 1024;
/** Longest first frame of a connection whose sender is not known yet. */
export const helloBytesMax = 1024;
/** Bytes of messages, or of calls, on their way to one peer, before new ones are dropped. */
export const sendBufferBytesMax: number = 32 * 1024 * 1024;
/** Bytes of messages kept for a peer while a connection to it is made. */
export const waitingBytesMax: number = 1024 * 1024;
/** From connecting to the end of the handshake. */
export const handshakeMs = 5_000;
/** Connections whose sender is not known yet; beyond, the oldest of them is closed. */
export const strangersMax = 128;
/** Between two signs of life that each side of a connection gives. */
export const pingMs = 1_000;
/** So many intervals without a byte, and the other side counts as gone. */
export const silentPingsMax = 5;
/** Before the second attempt to connect; doubles up to {@link backoffMaxMs}. */
export const backoffMinMs = 20;
export const backoffMaxMs = 500;
/** Calls to one peer, or from one, that are not answered yet. */
export const callsMax = 10_000;
/** Bulk bytes on their way to one peer, before new ones are dropped. */
export const bulkBufferBytesMax: number = 4 * 1024 * 1024;
/** Longest question of one who wants to join, and longest answer to it. */
export const joinBytesMax: number = 64 * 1024;
/** Members that are not among the peers and are talked to all the same; beyond, the idlest is dropped. */
export const guestsMax = 64;
/** Between two looks for what is idle. */
export const idleCheckMs = 15_000;
/** So many looks without a use, and a guest is dropped, or a connection for bulk is closed. */
export const idleChecksMax = 4;
/** Members of which something is counted; further ones are not shown. */
export const metersMax = 256;
