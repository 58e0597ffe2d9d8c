/**
 * Ranges of many keys, read and encoded in slices: between two of them the event loop serves everybody
 * else, so that an answer of a hundred megabytes delays no watch event and no heartbeat.
 *
 * What fits into one slice is answered in the turn that asks, and costs no more than a plain read.
 */
import { failpoint } from "@flotilla/base";
import type { Call, Message, WriterCall } from "@flotilla/grpc";
import type { KeyValue, RangeCursor, RangeRequest, RangeSlice } from "@flotilla/store";
import { encode } from "../codec/encoding.ts";
import { writeRangeEnd, writeRangeRows } from "../codec/kv.ts";
import type { ServiceContext } from "../context.ts";
import { RpcError, rpcErrorOf } from "../errors.ts";
import {
  heldAnswerBytesMax,
  rangeSliceBytes,
  slicedRangesMax,
  slicedRangesWaitingMax,
  streamedRowsFirst,
} from "../limits.ts";

type Rows = Exclude<RangeSlice, { readonly kind: "refused" }>;
type LastRows = Extract<Rows, { readonly isLast: true }>;

/** Reads ranges for one member's clients. */
export class RangeReader {
  readonly #context: ServiceContext;
  /** Reads of several slices that are under way, and those that wait for their place. */
  #active = 0;
  readonly #waiting: (() => void)[] = [];
  readonly #turns = new Turns();
  /** Bytes of answers that are encoded and not sent yet. */
  #heldBytes = 0;

  constructor(context: ServiceContext) {
    this.#context = context;
  }

  /** The answer to `KV/Range`, of the state at the time of the call, or a later one when many ask. */
  read(request: RangeRequest, call: Call): Message | Promise<Message> {
    const cursor = this.#context.member.store.rangeCursor(request);
    const first = cursor.next(rangeSliceBytes);
    if (first.kind === "refused") {
      if (first.error === "tooManyCursors") return this.#readInTurn(request, call);
      throw rpcErrorOf(first);
    }
    if (first.isLast) return this.#whole(cursor.revision, first);
    if (this.#active < slicedRangesMax) return this.#readSlices(cursor, first, call);
    cursor.close();
    return this.#readInTurn(request, call);
  }

  /** Waits for a place among those that read in slices, and holds it while `read` is at it. */
  async inPlace(read: () => Promise<void>): Promise<void> {
    await this.#place();
    try {
      await read();
    } finally {
      this.#leave();
    }
  }

  #whole(revision: number, rows: LastRows): Uint8Array {
    return this.#context.answer(revision, (writer) => {
      writeRangeRows(writer, rows.kvs);
      writeRangeEnd(writer, rows);
    });
  }

  async #readInTurn(request: RangeRequest, call: Call): Promise<Message> {
    await this.#place();
    this.#leave(); // For the one that begins in this very turn.
    return this.read(request, call);
  }

  /** Goes on where the first slice ended. */
  async #readSlices(cursor: RangeCursor, first: Rows, call: Call): Promise<Message> {
    this.#active++;
    const parts: Uint8Array[] = [];
    let messageBytes = 0;
    const keep = (part: Uint8Array): void => {
      parts.push(part);
      messageBytes += part.length;
      this.#heldBytes += part.length;
      if (this.#heldBytes > heldAnswerBytesMax) throw new RpcError("tooManyRequests");
    };
    try {
      keep(this.#context.answer(cursor.revision, (writer) => writeRangeRows(writer, first.kvs)));
      for (let isLast = false; !isLast; ) {
        await this.#turns.next();
        if (call.ended) throw new RpcError("stopped"); // Nobody is told.
        const slice = nextRows(cursor);
        isLast = slice.isLast;
        keep(
          encode((writer) => {
            writeRangeRows(writer, slice.kvs);
            if (slice.isLast) writeRangeEnd(writer, slice);
          }),
        );
      }
    } catch (error) {
      this.#heldBytes -= messageBytes;
      throw error;
    } finally {
      cursor.close();
      this.#leave();
    }
    return { messageBytes, parts: this.#given(parts, messageBytes) };
  }

  /** Gives parts away one by one, and forgets those that are gone. */
  *#given(parts: Uint8Array[], messageBytes: number): Generator<Uint8Array, void, void> {
    try {
      for (let at = 0; at < parts.length; at++) {
        const part = parts[at] as Uint8Array;
        parts[at] = part.subarray(0, 0);
        yield part;
      }
    } finally {
      this.#heldBytes -= messageBytes;
    }
  }

  /**
   * `KV/RangeStream`, in its place: chunks of rows that grow from {@link streamedRowsFirst} until they
   * come near the size of the largest request; the last one says what the whole comes to.
   */
  async stream(request: RangeRequest, call: WriterCall): Promise<void> {
    const cursor = this.#context.member.store.rangeCursor(request);
    const chunks = new Chunks(cursor, request.limit, this.#turns);
    try {
      for (;;) {
        const chunk = await chunks.next(() => call.ended);
        if (chunk === undefined) return;
        failpoint("beforeRangeStreamChunk");
        const answer = this.#chunk(cursor.revision, chunk);
        chunks.adjust(answer.length, this.#context.options.maxRequestBytes);
        await call.writeInParts({ messageBytes: answer.length, parts: [answer] });
        if (chunk.end !== undefined) return;
      }
    } finally {
      cursor.close();
    }
  }

  /** A `RangeStreamResponse`; only the last one has a header, as in etcd. */
  #chunk(revision: number, { rows, end }: Chunk): Uint8Array {
    const answer =
      end === undefined
        ? encode((writer) => writeRangeRows(writer, rows))
        : this.#context.answer(revision, (writer) => {
            writeRangeRows(writer, rows);
            writeRangeEnd(writer, end);
          });
    return encode((writer) => writer.fieldBytesAlways(1, answer));
  }

  /** Resolves when this read may begin. */
  #place(): Promise<void> | undefined {
    if (this.#active < slicedRangesMax) {
      this.#active++;
      return undefined;
    }
    if (this.#waiting.length >= slicedRangesWaitingMax) throw new RpcError("tooManyRequests");
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Gives the place to the one that waited longest. */
  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#active--;
    else next();
  }
}

interface Chunk {
  readonly rows: readonly KeyValue[];
  /** Of the last one. */
  readonly end: Pick<LastRows, "more" | "count"> | undefined;
}

/** Cuts what a cursor gives into chunks of a number of rows. */
class Chunks {
  readonly #cursor: RangeCursor;
  readonly #turns: Turns;
  #rowsMax: number;
  /** Looked at already, to know whether the chunk before is the last one. */
  #ahead: Rows | undefined;

  /** A limit below zero means none, and one chunk for all: etcd takes it for the size of the first. */
  constructor(cursor: RangeCursor, limit: number, turns: Turns) {
    this.#cursor = cursor;
    this.#turns = turns;
    this.#rowsMax = limit < 0 ? Number.MAX_SAFE_INTEGER : streamedRowsFirst;
  }

  /** Undefined when `isOver` says so. */
  async next(isOver: () => boolean): Promise<Chunk | undefined> {
    const rows: KeyValue[] = [];
    for (;;) {
      const slice = this.#ahead ?? nextRows(this.#cursor, this.#rowsMax - rows.length || 1);
      this.#ahead = undefined;
      if (rows.length === this.#rowsMax && slice.kvs.length > 0) {
        this.#ahead = slice;
        return { rows, end: undefined };
      }
      for (const row of slice.kvs) rows.push(row);
      if (slice.isLast) return { rows, end: slice };
      await this.#turns.next();
      if (isOver()) return undefined;
    }
  }

  /** Doubles or halves, as etcd does, to come near `bytesWanted`. */
  adjust(bytes: number, bytesWanted: number): void {
    if (bytes < Math.floor(bytesWanted / 2)) this.#rowsMax *= 2;
    else if (bytes > bytesWanted * 2) this.#rowsMax = Math.max(1, Math.floor(this.#rowsMax / 2));
  }
}

/** One slice per turn of the event loop, whoever's it is: so many readers hold up others no longer than one. */
class Turns {
  readonly #waiting: (() => void)[] = [];

  next(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      if (this.#waiting.length === 1) setImmediate(() => this.#give());
    });
  }

  #give(): void {
    this.#waiting.shift()?.();
    if (this.#waiting.length > 0) setImmediate(() => this.#give());
  }
}

function nextRows(cursor: RangeCursor, rowsMax?: number): Rows {
  const slice = cursor.next(rangeSliceBytes, rowsMax);
  if (slice.kind === "refused") throw rpcErrorOf(slice);
  return slice;
}
