/**
 * Header blocks from HEADERS and CONTINUATION frames (RFC 9113 sections 6.2 and 6.10).
 *
 * A block is bounded in bytes and in frames: one that never ends costs little (CVE-2024-27316).
 */
import { type Frame, frameFlag, withoutPadding } from "./frame.ts";
import { Http2Error, http2Code, protocolError } from "./http2-error.ts";
import type { GrpcLimits } from "./limits.ts";

const priorityBytes = 5;

/** Collects one block at a time. */
export class HeaderBlocks {
  readonly #limits: GrpcLimits;
  /** The stream whose block is unfinished; 0 when none is. */
  expecting = 0;
  #streamId = 0;
  #endStream = false;
  #parts: Buffer[] = [];
  #bytes = 0;

  constructor(limits: GrpcLimits) {
    this.#limits = limits;
  }

  /** A HEADERS frame; the block when it is complete. */
  begin(frame: Frame): Buffer | undefined {
    this.#streamId = frame.streamId;
    this.#endStream = (frame.flags & frameFlag.endStream) !== 0;
    const part = withoutPriority(frame);
    if ((frame.flags & frameFlag.endHeaders) !== 0) return part;
    this.expecting = frame.streamId;
    this.#parts = [part];
    this.#bytes = part.length;
    return undefined;
  }

  /** A CONTINUATION frame; the block when it is complete. */
  continue(frame: Frame): Buffer | undefined {
    if (frame.streamId === 0 || frame.streamId !== this.expecting) {
      throw protocolError("CONTINUATION without HEADERS");
    }
    this.#parts.push(frame.payload);
    this.#bytes += frame.payload.length;
    const { headerListBytes, continuationFrames } = this.#limits;
    if (this.#bytes > headerListBytes || this.#parts.length > continuationFrames + 1) {
      throw new Http2Error(http2Code.enhanceYourCalm, "header block too long");
    }
    if ((frame.flags & frameFlag.endHeaders) === 0) return undefined;
    const block = Buffer.concat(this.#parts);
    this.expecting = 0;
    this.#parts = [];
    return block;
  }

  /** Whose block was completed last. */
  finish(): { readonly streamId: number; readonly endStream: boolean } {
    return { streamId: this.#streamId, endStream: this.#endStream };
  }
}

function withoutPriority(frame: Frame): Buffer {
  const part = withoutPadding(frame);
  if ((frame.flags & frameFlag.priority) === 0) return part;
  if (part.length < priorityBytes) {
    throw new Http2Error(http2Code.frameSizeError, "HEADERS too short for its priority");
  }
  // What it says is ignored, a stream that depends on itself too (RFC 9113 section 5.3.2).
  return part.subarray(priorityBytes);
}
