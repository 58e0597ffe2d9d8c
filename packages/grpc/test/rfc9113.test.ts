// Every MUST of RFC 9113 sections 3.4 to 6, 8.1 to 8.3, and every error of RFC 7541, that a client can
// make a server meet: what is sent after the greeting, and what has to become of it.
import { equal } from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { frameFlag, frameType, settingId } from "../src/frame.ts";
import { http2Code } from "../src/http2-error.ts";
import type { Method } from "../src/index.ts";
import { clientPreface } from "../src/preface.ts";
import {
  block,
  callHeaders,
  frame,
  huffman,
  message,
  RawClient,
  type Running,
  setting,
  start,
  uint32,
  until,
} from "./fixtures.ts";

const { endHeaders, endStream, padded, priority, ack } = frameFlag;
const { headers, data, rstStream, settings, ping, goaway, windowUpdate, continuation } = frameType;
const list = block(callHeaders("/t.T/Echo"));
const maxWindow = 2 ** 31 - 1;

/** A call that waits for ever. */
const hold: Method = {
  kind: "bidi",
  handle: (call) =>
    new Promise((resolve) => {
      call.signal.addEventListener("abort", () => resolve());
    }),
};
const open = (id: number): Buffer =>
  frame(headers, endHeaders, id, block(callHeaders("/t.T/Hold")));
const echo = (id: number, more: readonly (readonly [string, string])[] = []): Buffer =>
  frame(headers, endHeaders, id, block(callHeaders("/t.T/Echo", more)));
const whole = (id: number): Buffer =>
  Buffer.concat([echo(id), frame(data, endStream, id, message("a"))]);
const withFields = (id: number, fields: readonly (readonly [string, string])[]): Buffer =>
  frame(headers, endHeaders, id, block(fields));
const bytes = (...values: readonly number[]): Buffer => Buffer.from(values);
const zeros = (count: number): Buffer => Buffer.alloc(count);
/** A header block that is nothing but these bytes. */
const raw = (...values: readonly number[]): Buffer =>
  frame(headers, endHeaders, 1, bytes(...values));
const literal = (value: Buffer, isHuffman: boolean): Buffer =>
  Buffer.concat([bytes(0, 1, 0x78, (isHuffman ? 0x80 : 0) | value.length), value]);

/** GOAWAY with this code, and the connection is over. */
type Over = { readonly goaway: keyof typeof http2Code };
/** RST_STREAM on this stream; the connection goes on. */
type Reset = { readonly reset: keyof typeof http2Code; readonly on?: number };
type Expected = Over | Reset | "ignored";
type Row = readonly [section: string, what: string, sent: readonly Buffer[], expected: Expected];

const over = (code: keyof typeof http2Code): Over => ({ goaway: code });
const reset = (code: keyof typeof http2Code, on = 1): Reset => ({ reset: code, on });

// biome-ignore format: a table
const frames: readonly Row[] = [
  ["4.1", "a frame of an unknown type, on the connection", [frame(0xbe, 0xff, 0, zeros(100))], "ignored"],
  ["4.1", "a frame of an unknown type, on an idle stream", [frame(0xbe, 0xff, 99)], "ignored"],
  ["4.1", "a reserved bit that is set", [frame(settings, 0, 0x8000_0000)], "ignored"],
  ["4.1", "flags that mean nothing on their frame", [frame(ping, 0xfe, 0, zeros(8)), frame(settings, 0xfe, 0)], "ignored"],
  ["4.2", "a frame larger than MAX_FRAME_SIZE: DATA", [open(1), frame(data, 0, 1, zeros(16_385))], over("frameSizeError")],
  ["4.2", "a frame larger than MAX_FRAME_SIZE: HEADERS", [frame(headers, endHeaders, 1, zeros(16_385))], over("frameSizeError")],
  ["4.2", "a frame larger than MAX_FRAME_SIZE: SETTINGS", [frame(settings, 0, 0, zeros(16_386))], over("frameSizeError")],
  ["4.2", "a frame larger than MAX_FRAME_SIZE: unknown", [frame(0xbe, 0, 0, zeros(16_385))], over("frameSizeError")],
  ["4.3", "a header block that cannot be decoded", [raw(0x80)], over("compressionError")],
  ["4.3", "a header block that cannot be decoded, as trailers", [open(1), frame(headers, endHeaders | endStream, 1, bytes(0x80))], over("compressionError")],
  ["4.3", "a header block that cannot be decoded, of a stream that was reset", [withFields(1, [["x", "y"]]), frame(headers, endHeaders, 1, bytes(0x80))], over("compressionError")],
  ["4.3", "DATA inside a header block", [open(1), frame(headers, 0, 3, list), frame(data, 0, 1)], over("protocolError")],
  ["4.3", "HEADERS inside a header block", [frame(headers, 0, 1, list), frame(headers, endHeaders, 3, list)], over("protocolError")],
  ["4.3", "PING inside a header block", [frame(headers, 0, 1, list), frame(ping, 0, 0, zeros(8))], over("protocolError")],
  ["4.3", "a header block that ends in the middle of a field", [frame(headers, endHeaders, 1, list.subarray(0, list.length - 1))], over("compressionError")],
  ["5.1", "DATA on an idle stream", [frame(data, 0, 1, zeros(1))], over("protocolError")],
  ["5.1", "RST_STREAM on an idle stream", [frame(rstStream, 0, 1, uint32(8))], over("protocolError")],
  ["5.1", "WINDOW_UPDATE on an idle stream", [frame(windowUpdate, 0, 1, uint32(1))], over("protocolError")],
  ["5.1", "CONTINUATION on an idle stream", [frame(continuation, endHeaders, 1, list)], over("protocolError")],
  ["5.1", "PRIORITY on an idle stream", [frame(2, 0, 3, bytes(0, 0, 0, 1, 9))], "ignored"],
  ["5.1", "DATA after END_STREAM", [open(1), frame(data, endStream, 1), frame(data, 0, 1, message("a"))], reset("streamClosed")],
  ["5.1", "HEADERS after END_STREAM", [open(1), frame(data, endStream, 1), frame(headers, endHeaders | endStream, 1, block([["x", "y"]]))], reset("streamClosed")],
  ["5.1", "WINDOW_UPDATE after END_STREAM", [open(1), frame(data, endStream, 1), frame(windowUpdate, 0, 1, uint32(9))], "ignored"],
  ["5.1", "PRIORITY after END_STREAM", [open(1), frame(data, endStream, 1), frame(2, 0, 1, zeros(5))], "ignored"],
  ["5.1", "RST_STREAM after END_STREAM", [open(1), frame(data, endStream, 1), frame(rstStream, 0, 1, uint32(8))], "ignored"],
  ["5.1", "DATA after RST_STREAM", [open(1), frame(rstStream, 0, 1, uint32(8)), frame(data, 0, 1, zeros(1))], reset("streamClosed")],
  ["5.1", "HEADERS after RST_STREAM", [open(1), frame(rstStream, 0, 1, uint32(8)), echo(1)], over("streamClosed")],
  ["5.1", "CONTINUATION after RST_STREAM", [open(1), frame(rstStream, 0, 1, uint32(8)), frame(continuation, endHeaders, 1, list)], over("protocolError")],
  ["5.1", "WINDOW_UPDATE, RST_STREAM and PRIORITY after RST_STREAM", [open(1), frame(rstStream, 0, 1, uint32(8)), frame(windowUpdate, 0, 1, uint32(9)), frame(rstStream, 0, 1, uint32(8)), frame(2, 0, 1, zeros(5))], "ignored"],
  ["5.1", "DATA on a stream that was answered", [whole(1), frame(data, 0, 1, zeros(1))], reset("streamClosed")],
  ["5.1", "HEADERS on a stream that was answered", [whole(1), echo(1)], over("streamClosed")],
  ["5.1", "WINDOW_UPDATE and RST_STREAM on a stream that was answered", [whole(1), frame(windowUpdate, 0, 1, uint32(9)), frame(rstStream, 0, 1, uint32(8))], "ignored"],
  ["5.1.1", "HEADERS on an even stream", [echo(2)], over("protocolError")],
  ["5.1.1", "HEADERS on a stream that was skipped", [open(5), echo(3)], over("streamClosed")],
  ["5.1.1", "DATA on a stream that was skipped", [open(5), frame(data, 0, 3, zeros(1))], reset("streamClosed", 3)],
  ["5.5", "an unknown frame inside a header block", [frame(headers, 0, 1, list), frame(0xee, 0, 1)], over("protocolError")],
  ["5.5", "an unknown setting", [frame(settings, 0, 0, setting(0x99, 5))], "ignored"],
  ["6.1", "DATA on stream 0", [frame(data, 0, 0, zeros(1))], over("protocolError")],
  ["6.1", "DATA with padding as long as its frame", [open(1), frame(data, padded, 1, bytes(4, 0, 0, 0))], over("protocolError")],
  ["6.1", "DATA with padding longer than its frame", [open(1), frame(data, padded, 1, bytes(255, 0))], over("protocolError")],
  ["6.1", "padded DATA without a pad length", [open(1), frame(data, padded, 1)], over("frameSizeError")],
  ["6.1", "DATA that is all padding", [open(1), frame(data, padded, 1, bytes(3, 0, 0, 0))], "ignored"],
  ["6.2", "HEADERS on stream 0", [echo(0)], over("protocolError")],
  ["6.2", "HEADERS with padding beyond its frame", [frame(headers, endHeaders | padded, 1, bytes(9, 0x82))], over("protocolError")],
  ["6.2", "padded HEADERS without a pad length", [frame(headers, endHeaders | padded, 1)], over("frameSizeError")],
  ["6.2", "HEADERS too short for a priority", [frame(headers, endHeaders | priority, 1, zeros(4))], over("frameSizeError")],
  ["6.3", "PRIORITY on stream 0", [frame(2, 0, 0, zeros(5))], over("protocolError")],
  ["6.3", "PRIORITY of a wrong size", [open(1), frame(2, 0, 1, zeros(4))], reset("frameSizeError")],
  ["6.3", "a stream that depends on itself", [frame(2, 0, 3, bytes(0, 0, 0, 3, 9))], "ignored"],
  ["6.4", "RST_STREAM on stream 0", [frame(rstStream, 0, 0, uint32(8))], over("protocolError")],
  ["6.4", "RST_STREAM of a wrong size", [open(1), frame(rstStream, 0, 1, zeros(3))], over("frameSizeError")],
  ["6.4", "RST_STREAM with an unknown code", [open(1), frame(rstStream, 0, 1, uint32(0xffff_ffff))], "ignored"],
  ["6.5", "SETTINGS on a stream", [frame(settings, 0, 1)], over("protocolError")],
  ["6.5", "SETTINGS of a wrong size", [frame(settings, 0, 0, zeros(5))], over("frameSizeError")],
  ["6.5", "an acknowledgement with settings", [frame(settings, ack, 0, setting(4, 1))], over("frameSizeError")],
  ["6.5", "an acknowledgement too many", [frame(settings, ack, 0), frame(settings, ack, 0)], "ignored"],
  ["6.5.2", "ENABLE_PUSH of 2", [frame(settings, 0, 0, setting(settingId.enablePush, 2))], over("protocolError")],
  ["6.5.2", "INITIAL_WINDOW_SIZE beyond 2^31-1", [frame(settings, 0, 0, setting(settingId.initialWindowSize, 2 ** 31))], over("flowControlError")],
  ["6.5.2", "MAX_FRAME_SIZE below 2^14", [frame(settings, 0, 0, setting(settingId.maxFrameSize, 16_383))], over("protocolError")],
  ["6.5.2", "MAX_FRAME_SIZE beyond 2^24-1", [frame(settings, 0, 0, setting(settingId.maxFrameSize, 2 ** 24))], over("protocolError")],
  ["6.5.2", "settings that are allowed at their bounds", [frame(settings, 0, 0, Buffer.concat([setting(1, 2 ** 32 - 1), setting(2, 1), setting(3, 0), setting(4, maxWindow), setting(5, 2 ** 24 - 1), setting(6, 0)]))], "ignored"],
  ["6.5.3", "the same setting twice: the last one counts", [frame(settings, 0, 0, Buffer.concat([setting(4, 0), setting(4, 65_535)]))], "ignored"],
  ["6.6", "PUSH_PROMISE from a client", [open(1), frame(5, endHeaders, 1, zeros(4))], over("protocolError")],
  ["6.7", "PING on a stream", [frame(ping, 0, 1, zeros(8))], over("protocolError")],
  ["6.7", "PING of a wrong size", [frame(ping, 0, 0, zeros(7))], over("frameSizeError")],
  ["6.7", "an answer to a PING that was not sent", [frame(ping, ack, 0, zeros(8))], "ignored"],
  ["6.8", "GOAWAY on a stream", [frame(goaway, 0, 1, zeros(8))], over("protocolError")],
  ["6.8", "GOAWAY of a wrong size", [frame(goaway, 0, 0, zeros(7))], over("frameSizeError")],
  ["6.8", "GOAWAY with an unknown code and text", [frame(goaway, 0, 0, Buffer.concat([uint32(0), uint32(0xdead), Buffer.from("bye")]))], "ignored"],
  ["6.9", "WINDOW_UPDATE of a wrong size, on the connection", [frame(windowUpdate, 0, 0, zeros(3))], over("frameSizeError")],
  ["6.9", "WINDOW_UPDATE of a wrong size, on a stream", [open(1), frame(windowUpdate, 0, 1, zeros(5))], over("frameSizeError")],
  ["6.9", "WINDOW_UPDATE by nothing, on the connection", [frame(windowUpdate, 0, 0, uint32(0))], over("protocolError")],
  ["6.9", "WINDOW_UPDATE by nothing, on a stream", [open(1), frame(windowUpdate, 0, 1, uint32(0))], reset("protocolError")],
  ["6.9", "WINDOW_UPDATE by nothing but the reserved bit", [open(1), frame(windowUpdate, 0, 1, uint32(2 ** 31))], reset("protocolError")],
  ["6.9.1", "a connection window beyond 2^31-1", [frame(windowUpdate, 0, 0, uint32(maxWindow))], over("flowControlError")],
  ["6.9.1", "a stream window beyond 2^31-1", [open(1), frame(windowUpdate, 0, 1, uint32(maxWindow))], reset("flowControlError")],
  ["6.9.1", "more DATA than the window of its stream", [open(1), ...Array.from({ length: 17 }, () => frame(data, 0, 1, message(zeros(16_379))))], reset("flowControlError")],
  ["6.9.2", "a setting that widens a stream's window beyond 2^31-1", [open(1), frame(windowUpdate, 0, 1, uint32(maxWindow - 65_535)), frame(settings, 0, 0, setting(4, 65_536))], over("flowControlError")],
  ["6.9.2", "a setting that makes a window negative", [open(1), frame(settings, 0, 0, setting(4, 0)), frame(settings, 0, 0, setting(4, 65_535))], "ignored"],
  ["6.10", "CONTINUATION on stream 0", [frame(headers, 0, 1, list), frame(continuation, endHeaders, 0)], over("protocolError")],
  ["6.10", "CONTINUATION of a finished block", [open(1), frame(continuation, endHeaders, 1, list)], over("protocolError")],
  ["6.10", "CONTINUATION of another stream", [frame(headers, 0, 1, list), frame(continuation, endHeaders, 3)], over("protocolError")],
  ["6.10", "CONTINUATION after DATA", [open(1), frame(data, 0, 1), frame(continuation, endHeaders, 1)], over("protocolError")],
];

const base = callHeaders("/t.T/Echo");
const without = (name: string): [string, string][] => base.filter(([field]) => field !== name);

// biome-ignore format: a table
const requests: readonly Row[] = [
  ["8.1", "trailers that do not end the stream", [open(1), withFields(1, [["x", "y"]])], reset("protocolError")],
  ["8.1", "a second request on a stream", [open(1), frame(headers, endHeaders | endStream, 1, list)], reset("protocolError")],
  ["8.1.1", "less DATA than content-length", [echo(1, [["content-length", "9"]]), frame(data, endStream, 1, message("a"))], reset("protocolError")],
  ["8.1.1", "more DATA than content-length", [echo(1, [["content-length", "2"]]), frame(data, endStream, 1, message("a"))], reset("protocolError")],
  ["8.1.1", "a content-length that is no number", [echo(1, [["content-length", "-1"]])], reset("protocolError")],
  ["8.2.1", "an upper-case name", [withFields(1, [...base, ["A", "b"]])], reset("protocolError")],
  ["8.2.1", "a name with a space", [withFields(1, [...base, ["a b", "c"]])], reset("protocolError")],
  ["8.2.1", "an empty name", [withFields(1, [...base, ["", "c"]])], reset("protocolError")],
  ["8.2.1", "a name beyond ASCII", [withFields(1, [...base, ["\xe4", "c"]])], reset("protocolError")],
  ["8.2.1", "a value with a line feed", [withFields(1, [...base, ["a", "b\nc"]])], reset("protocolError")],
  ["8.2.1", "a value with a carriage return", [withFields(1, [...base, ["a", "b\rc"]])], reset("protocolError")],
  ["8.2.1", "a value with a zero byte", [withFields(1, [...base, ["a", "b\0c"]])], reset("protocolError")],
  ["8.2.1", "a value that begins with a space", [withFields(1, [...base, ["a", " b"]])], reset("protocolError")],
  ["8.2.1", "a value that ends with a tab", [withFields(1, [...base, ["a", "b\t"]])], reset("protocolError")],
  ["8.2.2", "connection", [withFields(1, [...base, ["connection", "close"]])], reset("protocolError")],
  ["8.2.2", "keep-alive", [withFields(1, [...base, ["keep-alive", "1"]])], reset("protocolError")],
  ["8.2.2", "proxy-connection", [withFields(1, [...base, ["proxy-connection", "1"]])], reset("protocolError")],
  ["8.2.2", "transfer-encoding", [withFields(1, [...base, ["transfer-encoding", "chunked"]])], reset("protocolError")],
  ["8.2.2", "upgrade", [withFields(1, [...base, ["upgrade", "h2c"]])], reset("protocolError")],
  ["8.2.2", "te other than trailers", [withFields(1, [...without("te"), ["te", "gzip"]])], reset("protocolError")],
  ["8.3", "an unknown pseudo-header", [withFields(1, [[":nope", "1"], ...base])], reset("protocolError")],
  ["8.3", "a pseudo-header of responses", [withFields(1, [[":status", "200"], ...base])], reset("protocolError")],
  ["8.3", "a pseudo-header after a field", [withFields(1, [...without(":path"), [":path", "/t.T/Echo"]])], reset("protocolError")],
  ["8.3", "a pseudo-header in trailers", [open(1), frame(headers, endHeaders | endStream, 1, block([[":path", "/"]]))], reset("protocolError")],
  ["8.2.1", "a malformed field in trailers", [open(1), frame(headers, endHeaders | endStream, 1, block([["A", "b"]]))], reset("protocolError")],
  ["8.1", "trailers where a request should be", [withFields(1, [["x", "y"]])], reset("protocolError")],
  ["8.1", "trailers of nothing", [open(1), frame(headers, endHeaders | endStream, 1)], "ignored"],
  ["8.3.1", "no :method", [withFields(1, without(":method"))], reset("protocolError")],
  ["8.3.1", "no :scheme", [withFields(1, without(":scheme"))], reset("protocolError")],
  ["8.3.1", "no :path", [withFields(1, without(":path"))], reset("protocolError")],
  ["8.3.1", "an empty :path", [withFields(1, [[":path", ""], ...without(":path")])], reset("protocolError")],
  ["8.3.1", ":method twice", [withFields(1, [[":method", "POST"], ...base])], reset("protocolError")],
  ["8.3.1", ":path twice", [withFields(1, [[":path", "/"], ...base])], reset("protocolError")],
];

const ones = (count: number): readonly number[] => Array.from({ length: count }, () => 0xff);

// biome-ignore format: a table
const compression: readonly Row[] = [
  ["2.3.3", "an index beyond both tables", [raw(0xff, 0x00)], over("compressionError")],
  ["2.3.3", "a name whose index is beyond both tables", [raw(0x7f, 0x00, 0x01, 0x61)], over("compressionError")],
  ["6.1", "index 0", [raw(0x80)], over("compressionError")],
  ["4.2", "a table size beyond the setting", [raw(0x3f, 0xe2, 0x1f)], over("compressionError")],
  ["4.2", "a table size after a field", [raw(0x82, 0x20)], over("compressionError")],
  ["4.2", "table sizes within the setting", [frame(headers, endHeaders, 1, Buffer.concat([bytes(0x20, 0x3f, 0xe1, 0x1f), block(callHeaders("/t.T/Hold"))]))], "ignored"],
  ["5.1", "an integer that does not end", [raw(...ones(2), ...ones(6))], over("compressionError")],
  ["5.1", "an integer padded with zeros without end", [raw(0xff, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00)], over("compressionError")],
  ["5.1", "an integer cut off", [raw(0xff)], over("compressionError")],
  ["5.2", "a string longer than its block", [raw(0x00, 0x05, 0x61)], over("compressionError")],
  ["5.2", "a string of 2^28 bytes", [raw(0x00, 0x7f, 0x81, 0xff, 0xff, 0x7f)], over("compressionError")],
  ["5.2", "a field without a value", [raw(0x00, 0x01, 0x61)], over("compressionError")],
  ["5.2", "EOS in a Huffman string", [frame(headers, endHeaders, 1, literal(huffman([256]), true))], over("compressionError")],
  ["5.2", "Huffman padding of 8 bits", [frame(headers, endHeaders, 1, literal(Buffer.concat([huffman([0x61]), bytes(0xff)]), true))], over("compressionError")],
  ["5.2", "Huffman padding of zeros", [frame(headers, endHeaders, 1, literal(bytes(0b00011_000), true))], over("compressionError")],
  ["4.4", "an entry larger than the table empties it", [frame(headers, endHeaders, 1, Buffer.concat([block(callHeaders("/t.T/Hold")), bytes(0x40, 1, 0x78, 0x7f, 0xa1, 0x1f), Buffer.alloc(4128, 0x61)])), frame(headers, endHeaders, 3, bytes(0xbe))], over("compressionError")],
];

let running: Running;
before(async () => {
  running = await start({ "/t.T/Hold": hold });
});
after(() => running.stop());

async function check(sent: readonly Buffer[], expected: Expected): Promise<void> {
  const client = await RawClient.open(running.port);
  client.send(...sent);
  if (expected !== "ignored" && "goaway" in expected) {
    equal(await client.goawayCode(), http2Code[expected.goaway]);
    await until(() => client.closed, "close");
    return;
  }
  if (expected !== "ignored") {
    equal(await client.resetCode(expected.on ?? 1), http2Code[expected.reset]);
  }
  client.call(101, "/t.T/Echo", "still here");
  equal((await client.answer(101)).messages.join(), "still here");
  const isError = ({ type }: { readonly type: number }): boolean =>
    type === goaway || (expected === "ignored" && type === rstStream);
  equal(client.frames.some(isError), false, client.transcript());
  await client.end();
}

for (const [rfc, rows] of [
  ["RFC 9113, frames", frames],
  ["RFC 9113, requests", requests],
  ["RFC 7541", compression],
] as const) {
  describe(rfc, () => {
    for (const [section, what, sent, expected] of rows) {
      const outcome =
        expected === "ignored"
          ? "is taken or ignored"
          : "goaway" in expected
            ? `ends the connection: ${expected.goaway}`
            : `ends stream ${expected.on}: ${expected.reset}`;
      it(`section ${section}: ${what} ${outcome}`, () => check(sent, expected));
    }
  });
}

describe("RFC 9113, the beginning", () => {
  it("section 3.4: a first frame other than SETTINGS ends the connection", async () => {
    const client = await RawClient.dial(running.port);
    client.send(clientPreface, frame(ping, 0, 0, zeros(8)));
    equal(await client.goawayCode(), http2Code.protocolError);
  });

  it("section 3.4: an acknowledgement is SETTINGS, but no preface", async () => {
    const client = await RawClient.dial(running.port);
    client.send(clientPreface, frame(settings, ack, 0), whole(1));
    equal(await client.goawayCode(), http2Code.protocolError);
  });

  it("section 3.4: a preface that differs in its last byte is closed", async () => {
    const client = await RawClient.dial(running.port);
    client.send(clientPreface.subarray(0, 23), bytes(0x0b));
    await until(() => client.closed, "close");
    equal(client.frames.length, 0);
  });

  it("section 6.8: GOAWAY names the last stream that was taken", async () => {
    const client = await RawClient.open(running.port);
    for (const id of [1, 7]) client.call(id, "/t.T/Echo", "a");
    await client.answer(7);
    client.send(frame(ping, 0, 0));
    const last = await client.find(({ type }) => type === goaway, "GOAWAY");
    equal(last.payload.readUInt32BE(0), 7);
    equal(last.payload.subarray(8).toString(), "PING of a wrong size");
  });
});
