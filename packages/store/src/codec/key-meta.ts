/**
 * What table `current` says of a live key: all but its value, in the numbers of `mvccpb.KeyValue`
 * with the change's place in its revision beside them. Pure.
 */
import { WireReader, WireWriter } from "@flotilla/base";
import { integerField, signedField } from "./fields.ts";

export interface KeyMeta {
  readonly createRevision: number;
  readonly modRevision: number;
  /** Which change of its revision has written it: names the row of `history` with the value. */
  readonly sub: number;
  readonly version: number;
  readonly lease: bigint;
}

const subField = 7;

/** One for all: what is handed to a backend is the caller's again afterwards. */
const scratch = new WireWriter(256);

/** Valid until the next one. */
export function encodeKeyMeta(meta: KeyMeta): Uint8Array {
  scratch.reset();
  scratch.fieldVarint(2, meta.createRevision);
  scratch.fieldVarint(3, meta.modRevision);
  scratch.fieldVarint(4, meta.version);
  scratch.fieldVarint64(6, meta.lease);
  scratch.fieldVarint(subField, meta.sub);
  return scratch.view();
}

/** Throws `WireError`. */
export function decodeKeyMeta(bytes: Uint8Array): KeyMeta {
  const reader = new WireReader(bytes);
  let createRevision = 0;
  let modRevision = 0;
  let sub = 0;
  let version = 0;
  let lease = 0n;
  while (reader.next()) {
    if (reader.field === 2) createRevision = integerField(reader);
    else if (reader.field === 3) modRevision = integerField(reader);
    else if (reader.field === 4) version = integerField(reader);
    else if (reader.field === 6) lease = signedField(reader);
    else if (reader.field === subField) sub = integerField(reader);
    else reader.skip();
  }
  return { createRevision, modRevision, sub, version, lease };
}
