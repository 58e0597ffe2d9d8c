/**
 * What can be judged of a frame by itself: on which stream it may be, and its size.
 * Source: RFC 9113 section 6, the paragraphs that end in PROTOCOL_ERROR or FRAME_SIZE_ERROR. Pure.
 */
import { type Frame, frameFlag, frameType } from "./frame.ts";
import { Http2Error, http2Code, protocolError } from "./http2-error.ts";

interface Rule {
  readonly name: string;
  /** Whether it belongs to the connection, to a stream, or to either. */
  readonly on: "connection" | "stream" | "either";
  /** Payload size that it must have; undefined = any. */
  readonly bytes?: number;
  readonly bytesMin?: number;
}

// biome-ignore format: a table
const rules: ReadonlyMap<number, Rule> = new Map<number, Rule>([
  [frameType.data,         { name: "DATA",          on: "stream" }],
  [frameType.headers,      { name: "HEADERS",       on: "stream" }],
  [frameType.priority,     { name: "PRIORITY",      on: "stream",     bytes: 5 }],
  [frameType.rstStream,    { name: "RST_STREAM",    on: "stream",     bytes: 4 }],
  [frameType.settings,     { name: "SETTINGS",      on: "connection" }],
  [frameType.ping,         { name: "PING",          on: "connection", bytes: 8 }],
  [frameType.goaway,       { name: "GOAWAY",        on: "connection", bytesMin: 8 }],
  [frameType.windowUpdate, { name: "WINDOW_UPDATE", on: "either",     bytes: 4 }],
  [frameType.continuation, { name: "CONTINUATION",  on: "stream" }],
]);

/** Throws {@link Http2Error} when the frame can be right in no state of a connection. */
export function checkFrame(frame: Frame): void {
  const rule = rules.get(frame.type);
  if (rule === undefined) return;
  const { streamId, payload } = frame;
  if (rule.on === "stream" && streamId === 0) throw protocolError(`${rule.name} on stream 0`);
  if (rule.on === "connection" && streamId !== 0) throw protocolError(`${rule.name} on a stream`);
  const tooShort = payload.length < (rule.bytesMin ?? 0);
  if (tooShort || (rule.bytes !== undefined && payload.length !== rule.bytes)) {
    // The one frame whose wrong size is an error of its stream alone (section 6.3).
    const blamed = frame.type === frameType.priority ? streamId : 0;
    throw new Http2Error(http2Code.frameSizeError, `${rule.name} of a wrong size`, blamed);
  }
  if (frame.type === frameType.headers && streamId % 2 === 0) {
    throw protocolError("HEADERS on a stream that no client may open");
  }
  if (frame.type === frameType.settings && (frame.flags & frameFlag.ack) !== 0) {
    if (payload.length === 0) return;
    throw new Http2Error(http2Code.frameSizeError, "SETTINGS acknowledgement with settings");
  }
}
