/**
 * Header blocks of responses (HPACK, RFC 7541), encoded by this server.
 *
 * Two fields are in nearly every response; they are put into the dynamic table on first use, so that
 * later they cost the wire, and the client's decoder, one byte each. Everything else is written out.
 */
import { frameFlag, frameHeaderBytes, framePayloadBytesMax, frameType } from "./frame.ts";
import type { HeaderField } from "./hpack-static-table.ts";
import { prefixBytes } from "./message-assembler.ts";
import { writePrefix } from "./outbox.ts";
import { type Output, writeFrameHeader } from "./output.ts";
import { encodeStatusMessage, okStatus, type Status, statusCode } from "./status.ts";

const staticEntries = 61;
/** Static index of `content-type`. */
const contentTypeIndex = 31;
const contentType = "application/grpc";
/** What the two dynamic entries need (RFC 7541 section 4.1). */
const tableBytesNeeded = 12 + contentType.length + 32 + 11 + 1 + 32;
/** Longer messages are cut: a header block has to fit into one frame. */
const messageCharactersMax = 4096;
/** `:status 200`, static index 8. */
const status200 = 0x88;

type DynamicField = "contentType" | "grpcStatusOk";

/** Encodes for one connection; blocks must be sent in the order in which they are made. */
export class ResponseHeadEncoder {
  /** The dynamic table, oldest first. */
  readonly #table: DynamicField[] = [];
  #tableAllowed = true;
  #sizeUpdateDue = false;

  /**
   * A whole successful response with one message, in one piece. The message and its prefix must fit
   * into one frame, and windows must allow it.
   */
  whole(output: Output, streamId: number, message: Uint8Array): void {
    if (this.#table.length < 2) {
      this.open(output, streamId);
      const at = output.reserve(dataHeadBytes + message.length);
      writeData(output.arena, at, streamId, message);
      this.trailers(output, streamId, okStatus);
      return;
    }
    const closeAt = openFrame.length + dataHeadBytes + message.length;
    const at = output.reserve(closeAt + closeFrame.length);
    const { arena } = output;
    arena.set(openFrame, at);
    arena[at + openFrame.length - 1] = this.#reference("contentType");
    arena.writeInt32BE(streamId, at + streamIdAt);
    writeData(arena, at + openFrame.length, streamId, message);
    arena.set(closeFrame, at + closeAt);
    arena[at + closeAt + closeFrame.length - 1] = this.#reference("grpcStatusOk");
    arena.writeInt32BE(streamId, at + closeAt + streamIdAt);
  }

  /** The client changed SETTINGS_HEADER_TABLE_SIZE. A small one ends the use of the table. */
  limitTable(bytesMax: number): void {
    if (bytesMax >= tableBytesNeeded || !this.#tableAllowed) return;
    this.#tableAllowed = false;
    this.#sizeUpdateDue = true; // RFC 7541 section 4.2: said at the start of the next block.
    this.#table.length = 0;
  }

  /** HEADERS that open a response. */
  open(output: Output, streamId: number): void {
    const block = this.#start();
    block.push(status200);
    this.#indexed(block, "contentType");
    output.frame(frameType.headers, frameFlag.endHeaders, streamId, Uint8Array.from(block));
  }

  /** HEADERS that close an opened response. */
  trailers(output: Output, streamId: number, status: Status): void {
    const block = this.#start();
    this.#status(block, status);
    this.#last(output, streamId, block);
  }

  /** A response that is only a status: one HEADERS frame. */
  trailersOnly(output: Output, streamId: number, status: Status): void {
    const block = this.#start();
    block.push(status200);
    this.#indexed(block, "contentType");
    this.#status(block, status);
    this.#last(output, streamId, block);
  }

  /** As {@link trailersOnly}, and tells the client that messages must not be compressed. */
  compressionRefused(output: Output, streamId: number, status: Status): void {
    const block = this.#start();
    block.push(status200);
    this.#indexed(block, "contentType");
    this.#status(block, status);
    literal(block, "grpc-accept-encoding", "identity");
    this.#last(output, streamId, block);
  }

  /** A status in HTTP, alone. */
  http(output: Output, streamId: number, httpStatus: number): void {
    const block = this.#start();
    literalWithStaticName(block, 8, String(httpStatus));
    this.#last(output, streamId, block);
  }

  /** What a server of gRPC says to what is not gRPC. */
  notGrpc(output: Output, streamId: number, httpStatus: number, status: Status): void {
    const block = this.#start();
    literalWithStaticName(block, 8, String(httpStatus));
    this.#indexed(block, "contentType");
    this.#status(block, status);
    this.#last(output, streamId, block);
  }

  /** HEADERS that open an answer in HTTP; false, and nothing is written, when they are too long for a frame. */
  openHttp(
    output: Output,
    streamId: number,
    httpStatus: number,
    fields: readonly HeaderField[],
  ): boolean {
    const block: number[] = [];
    literalWithStaticName(block, 8, String(httpStatus));
    for (const { name, value } of fields) literal(block, name, value);
    if (block.length >= framePayloadBytesMax) return false; // One less: a size update may come first.
    const whole = Uint8Array.from([...this.#start(), ...block]);
    output.frame(frameType.headers, frameFlag.endHeaders, streamId, whole);
    return true;
  }

  #start(): number[] {
    if (!this.#sizeUpdateDue) return [];
    this.#sizeUpdateDue = false;
    return [0x20];
  }

  #last(output: Output, streamId: number, block: number[]): void {
    const flags = frameFlag.endHeaders | frameFlag.endStream;
    output.frame(frameType.headers, flags, streamId, Uint8Array.from(block));
  }

  #status(block: number[], status: Status): void {
    if (status.code === statusCode.ok) this.#indexed(block, "grpcStatusOk");
    else literal(block, "grpc-status", String(status.code));
    if (status.message === "") return;
    const message = encodeStatusMessage(status.message).slice(0, messageCharactersMax);
    literal(block, "grpc-message", message.replace(/%.?$/, "")); // Not in the middle of an escape.
  }

  /** One byte when the table has the field; otherwise written out, and entered if that is allowed. */
  #indexed(block: number[], field: DynamicField): void {
    if (this.#table.includes(field)) {
      block.push(this.#reference(field));
      return;
    }
    const form = this.#tableAllowed ? incremental : withoutIndexing;
    if (field === "contentType") {
      integer(block, form.pattern, form.prefixBits, contentTypeIndex);
    } else {
      block.push(form.pattern);
      text(block, "grpc-status");
    }
    text(block, field === "contentType" ? contentType : "0");
    if (this.#tableAllowed) this.#table.push(field);
  }

  /** An index into the dynamic table: the newest entry has the lowest. */
  #reference(field: DynamicField): number {
    return 0x80 | (staticEntries + this.#table.length - this.#table.indexOf(field));
  }
}

/** Header and prefix of a DATA frame with one message. */
const dataHeadBytes = frameHeaderBytes + prefixBytes;
/** Where a frame header has its stream id. */
const streamIdAt = 5;
const closeFlags = frameFlag.endHeaders | frameFlag.endStream;
/** HEADERS with `:status 200` and a reference, which is filled in like the stream id. */
const openFrame = Uint8Array.of(
  ...[0, 0, 2, frameType.headers, frameFlag.endHeaders, 0, 0, 0, 0],
  ...[status200, 0],
);
/** HEADERS that are a reference and end the stream. */
const closeFrame = Uint8Array.of(...[0, 0, 1, frameType.headers, closeFlags, 0, 0, 0, 0], 0);

function writeData(target: Buffer, at: number, streamId: number, message: Uint8Array): void {
  const payloadBytes = prefixBytes + message.length;
  writeFrameHeader(target, at, { payloadBytes, type: frameType.data, flags: 0, streamId });
  writePrefix(target, at + frameHeaderBytes, message.length);
  target.set(message, at + dataHeadBytes);
}

/** First byte and size of the index in it, for the forms of RFC 7541 section 6.2. */
const incremental = { pattern: 0x40, prefixBits: 6 } as const;
const withoutIndexing = { pattern: 0x00, prefixBits: 4 } as const;

function literal(block: number[], name: string, value: string): void {
  block.push(withoutIndexing.pattern);
  text(block, name);
  text(block, value);
}

function literalWithStaticName(block: number[], nameIndex: number, value: string): void {
  integer(block, withoutIndexing.pattern, withoutIndexing.prefixBits, nameIndex);
  text(block, value);
}

/** `value` is ASCII. Huffman coding is left out: what repeats is indexed. */
function text(block: number[], value: string): void {
  integer(block, 0, 7, value.length);
  for (let at = 0; at < value.length; at++) block.push(value.charCodeAt(at));
}

function integer(block: number[], pattern: number, prefixBits: number, value: number): void {
  const mask = 2 ** prefixBits - 1;
  if (value < mask) {
    block.push(pattern | value);
    return;
  }
  block.push(pattern | mask);
  let rest = value - mask;
  for (; rest > 0x7f; rest >>= 7) block.push((rest & 0x7f) | 0x80);
  block.push(rest);
}
