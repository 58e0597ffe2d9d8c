/**
 * Frames of HTTP/2 (RFC 9113 section 4): cutting them from what a socket delivers.
 *
 * offset | size | field
 *      0 |    3 | payload length
 *      3 |    1 | type
 *      4 |    1 | flags
 *      5 |    4 | stream id, the highest bit reserved
 *      9 |      | payload
 */
import { Http2Error, http2Code } from "./http2-error.ts";

/** Frame types (RFC 9113 section 6). */
export const frameType = {
  data: 0x0,
  headers: 0x1,
  priority: 0x2,
  rstStream: 0x3,
  settings: 0x4,
  pushPromise: 0x5,
  ping: 0x6,
  goaway: 0x7,
  windowUpdate: 0x8,
  continuation: 0x9,
} as const;

/** Frame flags; ACK and END_STREAM share their bit. */
export const frameFlag = {
  ack: 0x1,
  endStream: 0x1,
  endHeaders: 0x4,
  padded: 0x8,
  priority: 0x20,
} as const;

/** Settings that matter to this server (RFC 9113 section 6.5.2). */
export const settingId = {
  headerTableSize: 0x1,
  enablePush: 0x2,
  maxConcurrentStreams: 0x3,
  initialWindowSize: 0x4,
  maxFrameSize: 0x5,
  maxHeaderListSize: 0x6,
} as const;

export const frameHeaderBytes = 9;
/** The largest payload either side sends: the default of SETTINGS_MAX_FRAME_SIZE, never raised. */
export const framePayloadBytesMax = 16_384;
/** What windows start with until a setting says otherwise. */
export const defaultWindowBytes = 65_535;
/** No window may grow beyond this. */
export const windowBytesMax: number = 2 ** 31 - 1;

/** One frame as received. `payload` is a view that stays valid. */
export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Buffer;
}

/** Cuts a byte stream into frames; holds at most one unfinished frame. */
export class FrameReader {
  /** The unfinished frame: its header, or once that is known room for all of it. */
  #partial: Buffer | undefined;
  #filled = 0;

  /**
   * Gives each complete frame to `take`, which returns false to stop: the rest is dropped.
   * Throws a FRAME_SIZE_ERROR as soon as a header announces too much.
   */
  push(chunk: Buffer, take: (frame: Frame) => boolean): void {
    let at = 0;
    while (this.#partial !== undefined) {
      at += this.#fill(this.#partial, chunk, at);
      if (this.#filled < this.#partial.length) return;
      const whole = this.#partial;
      const size = frameHeaderBytes + payloadBytesAt(whole, 0);
      if (size > whole.length) {
        this.#startPartial(size, whole, 0);
        continue;
      }
      this.#partial = undefined;
      if (!take(frameAt(whole, 0, size))) return;
    }
    while (chunk.length - at >= frameHeaderBytes) {
      const size = frameHeaderBytes + payloadBytesAt(chunk, at);
      if (chunk.length - at < size) {
        this.#startPartial(size, chunk, at);
        return;
      }
      if (!take(frameAt(chunk, at, at + size))) return;
      at += size;
    }
    if (at < chunk.length) this.#startPartial(frameHeaderBytes, chunk, at);
  }

  #startPartial(size: number, source: Buffer, at: number): void {
    this.#partial = Buffer.allocUnsafe(size);
    this.#filled = source.copy(this.#partial, 0, at);
  }

  #fill(partial: Buffer, chunk: Buffer, at: number): number {
    const copied = chunk.copy(partial, this.#filled, at);
    this.#filled += copied;
    return copied;
  }
}

function payloadBytesAt(bytes: Buffer, at: number): number {
  const length = bytes.readUIntBE(at, 3);
  if (length > framePayloadBytesMax) {
    throw new Http2Error(http2Code.frameSizeError, `frame of ${length} bytes`);
  }
  return length;
}

function frameAt(bytes: Buffer, at: number, end: number): Frame {
  return {
    type: bytes[at + 3] as number,
    flags: bytes[at + 4] as number,
    streamId: bytes.readUInt32BE(at + 5) & 0x7fff_ffff,
    payload: bytes.subarray(at + frameHeaderBytes, end),
  };
}

/** The payload without its padding (RFC 9113 section 6.1). */
export function withoutPadding(frame: Frame): Buffer {
  if ((frame.flags & frameFlag.padded) === 0) return frame.payload;
  const { payload } = frame;
  const padding = payload[0];
  if (padding === undefined) {
    throw new Http2Error(http2Code.frameSizeError, "padded frame without a pad length");
  }
  if (padding >= payload.length) {
    throw new Http2Error(http2Code.protocolError, "padding longer than its frame");
  }
  return payload.subarray(1, payload.length - padding);
}
