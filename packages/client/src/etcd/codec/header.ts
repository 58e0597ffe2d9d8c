/** `etcdserverpb.ResponseHeader`, and reading one field after the other. Pure. */
import { WireError, WireReader } from "@flotilla/base";
import { EtcdError } from "../errors.ts";

/** Who answered, and when. */
export interface ResponseHeader {
  readonly clusterId: bigint;
  readonly memberId: bigint;
  /** Of the store when it answered. */
  readonly revision: number;
  readonly term: number;
}

export const noHeader: ResponseHeader = { clusterId: 0n, memberId: 0n, revision: 0, term: 0 };

export function readHeader(reader: WireReader): ResponseHeader {
  let { clusterId, memberId, revision, term } = noHeader;
  while (reader.next()) {
    if (reader.field === 1) clusterId = reader.varint64();
    else if (reader.field === 2) memberId = reader.varint64();
    else if (reader.field === 3) revision = reader.varint();
    else if (reader.field === 4) term = reader.varint();
    else reader.skip();
  }
  return { clusterId, memberId, revision, term };
}

/** The one place that meets malformed answers: they become {@link EtcdError} `badResponse`. */
export function decodeWith<T>(bytes: Uint8Array, read: (reader: WireReader) => T): T {
  try {
    return read(new WireReader(bytes));
  } catch (cause) {
    if (!(cause instanceof WireError)) throw cause;
    throw new EtcdError("badResponse", `The answer cannot be read: ${cause.message}`, { cause });
  }
}

/** A response of which only the header counts. */
export function readHeaderOnly(reader: WireReader): ResponseHeader {
  let header = noHeader;
  while (reader.next()) {
    if (reader.field === 1) header = readHeader(reader.message());
    else reader.skip();
  }
  return header;
}

/** An int64 that uses all its bits: a lease's id. */
export function signed(reader: WireReader): bigint {
  return BigInt.asIntN(64, reader.varint64());
}
