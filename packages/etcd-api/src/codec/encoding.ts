/** Encoding without allocating a buffer each time: one writer for all responses of the process. */
import { WireWriter } from "@flotilla/base";

/** A writer that has grown beyond this is replaced, so that one large answer does not stay in memory. */
const keptBytesMax = 1024 * 1024;

let writer = new WireWriter(16 * 1024);
let busy = false;

/** The bytes of one message. `body` must not keep the writer, nor wait for anything. */
export function encode(body: (writer: WireWriter) => void): Uint8Array {
  if (busy) return encodeAlone(body); // Encoding within encoding: rare, and correct.
  busy = true;
  try {
    writer.reset();
    body(writer);
    return writer.finish();
  } finally {
    busy = false;
    if (writer.size > keptBytesMax) writer = new WireWriter(16 * 1024);
  }
}

function encodeAlone(body: (writer: WireWriter) => void): Uint8Array {
  const own = new WireWriter();
  body(own);
  return own.seal();
}
