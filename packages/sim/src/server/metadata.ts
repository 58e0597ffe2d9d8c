/** Whose log it is: the number that the server drew when its disk was new, in the log's head. */
import { WireReader, WireWriter } from "@flotilla/base";

const incarnationField = 16;

export function encodeIncarnation(incarnation: number): Uint8Array {
  const writer = new WireWriter();
  writer.fieldVarint(incarnationField, incarnation);
  return writer.seal();
}

/** 0 when it is not there. Throws `WireError`. */
export function decodeIncarnation(metadata: Uint8Array): number {
  const reader = new WireReader(metadata);
  let incarnation = 0;
  while (reader.next()) {
    if (reader.field === incarnationField) incarnation = reader.varint();
    else reader.skip();
  }
  return incarnation;
}
