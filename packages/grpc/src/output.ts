/**
 * What a connection is about to write: frames of one turn of the event loop, laid one after the
 * other into few large buffers, so that a turn costs one system call however many calls it answers.
 */
import { frameHeaderBytes, framePayloadBytesMax, frameType } from "./frame.ts";

/** Room for several of the largest frames. */
const arenaBytes = 64 * 1024;
/** Arenas kept for reuse; enough for this many connections to write in one turn. */
const sparesMax = 64;

/** Lends arenas to connections. One for all connections of a server. */
export class ArenaPool {
  readonly #spares: Buffer[] = [];

  take(): Buffer {
    return this.#spares.pop() ?? Buffer.allocUnsafeSlow(arenaBytes);
  }

  /** `arena` must not be written to or read from by anyone afterwards. */
  giveBack(arena: Buffer): void {
    if (this.#spares.length < sparesMax) this.#spares.push(arena);
  }
}

/** A filled part of an arena. */
export interface Filled {
  readonly arena: Buffer;
  readonly bytes: Buffer;
}

/** Collects frames; {@link takeAll} hands them over and starts anew. */
export class Output {
  readonly #pool: ArenaPool;
  #arena: Buffer | undefined;
  #used = 0;
  #full: Filled[] = [];
  #fullBytes = 0;
  /** The stream and place of the last frame, if that is DATA and ends the output. */
  #dataStreamId = 0;
  #dataAt = 0;

  constructor(pool: ArenaPool) {
    this.#pool = pool;
  }

  /** Bytes collected and not handed over yet. */
  get size(): number {
    return this.#fullBytes + this.#used;
  }

  /** Where {@link reserve} last made room. */
  get arena(): Buffer {
    return this.#arena as Buffer;
  }

  /**
   * Makes room for `size` bytes in one piece (at most an arena's worth) and returns where it is in
   * {@link arena}. The caller writes all of them before it reserves again.
   */
  reserve(size: number): number {
    if (this.#arena === undefined || this.#arena.length - this.#used < size) this.#nextArena();
    this.#dataStreamId = 0;
    const at = this.#used;
    this.#used += size;
    return at;
  }

  /** A frame with a short payload of its own. */
  frame(type: number, flags: number, streamId: number, payload: Uint8Array): void {
    const at = this.reserve(frameHeaderBytes + payload.length);
    writeFrameHeader(this.arena, at, { payloadBytes: payload.length, type, flags, streamId });
    this.arena.set(payload, at + frameHeaderBytes);
  }

  /**
   * As {@link reserve}, for the payload of a DATA frame: what a stream sends in a row shares one, as far
   * as it has room.
   */
  reserveData(streamId: number, size: number): number {
    if (streamId === this.#dataStreamId) {
      const payloadBytes = this.#used - this.#dataAt - frameHeaderBytes + size;
      if (payloadBytes <= framePayloadBytesMax && this.#used + size <= this.arena.length) {
        writePayloadBytes(this.arena, this.#dataAt, payloadBytes);
        this.#used += size;
        return this.#used - size;
      }
    }
    const at = this.reserve(frameHeaderBytes + size);
    const header = { payloadBytes: size, type: frameType.data, flags: 0, streamId };
    writeFrameHeader(this.arena, at, header);
    this.#dataStreamId = streamId;
    this.#dataAt = at;
    return at + frameHeaderBytes;
  }

  /** Hands over everything collected, in order. The receiver gives the arenas back to the pool. */
  takeAll(): Filled[] {
    this.#closeArena();
    const all = this.#full;
    this.#full = [];
    this.#fullBytes = 0;
    return all;
  }

  #nextArena(): void {
    this.#closeArena();
    this.#arena = this.#pool.take();
  }

  #closeArena(): void {
    if (this.#arena === undefined) return;
    this.#full.push({ arena: this.#arena, bytes: this.#arena.subarray(0, this.#used) });
    this.#fullBytes += this.#used;
    this.#arena = undefined;
    this.#used = 0;
    this.#dataStreamId = 0;
  }
}

/** The fields of a frame header. */
export interface FrameHeader {
  readonly payloadBytes: number;
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
}

/** Writes the nine bytes of a frame header at `at`. */
export function writeFrameHeader(target: Buffer, at: number, header: FrameHeader): void {
  const { streamId } = header;
  writePayloadBytes(target, at, header.payloadBytes);
  target[at + 3] = header.type;
  target[at + 4] = header.flags;
  target[at + 5] = streamId >> 24;
  target[at + 6] = streamId >> 16;
  target[at + 7] = streamId >> 8;
  target[at + 8] = streamId;
}

function writePayloadBytes(target: Buffer, at: number, payloadBytes: number): void {
  target[at] = payloadBytes >> 16;
  target[at + 1] = payloadBytes >> 8;
  target[at + 2] = payloadBytes;
}
