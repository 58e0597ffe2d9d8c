/** Every bound of this package. Sizes in bytes, times in milliseconds. */

/** Longest frame: one append with one entry of the largest size fits many times. */
export const frameBytesMax: number = 64 * 1024 * 1024;
/** Longest first frame of a connection whose sender is not known yet. */
export const helloBytesMax = 1024;
/** Bytes on their way to one peer, before new ones are dropped and it is reported unreachable. */
export const sendBufferBytesMax: number = 32 * 1024 * 1024;
/** Bytes kept for a peer while the first connection to it is made. */
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
/** Content of one frame of a snapshot. */
export const chunkBytesMax: number = 256 * 1024;
/** Bytes of a snapshot that wait for whoever writes them down, before the sender is held up. */
export const snapshotBufferBytesMax: number = 4 * 1024 * 1024;
/** Snapshots that are received at the same time, from all peers together. */
export const snapshotsInMax = 2;
