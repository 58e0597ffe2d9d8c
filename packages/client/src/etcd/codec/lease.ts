/** Messages of `etcdserverpb.Lease`, as a client writes and reads them. Pure. */
import { encodeMessage, type WireReader } from "@flotilla/base";
import { signed } from "./header.ts";

export function encodeLeaseGrant(ttlSeconds: number, id: bigint): Uint8Array {
  return encodeMessage((request) => {
    request.fieldVarint(1, ttlSeconds);
    request.fieldVarint64(2, id);
  });
}

/** A request that is a lease's id: revocation, renewal; with `withKeys` the question how long it lives. */
export function encodeLeaseId(id: bigint, withKeys = false): Uint8Array {
  return encodeMessage((request) => {
    request.fieldVarint64(1, id);
    request.fieldBool(2, withKeys);
  });
}

/** What the answers to a grant, to a renewal and to `TimeToLive` share. */
export interface LeaseAnswer {
  readonly id: bigint;
  /** Of an unknown lease 0, or -1 from `TimeToLive`. */
  readonly ttlSeconds: number;
  readonly grantedTtlSeconds: number;
  readonly keys: readonly Uint8Array[];
}

export function readLeaseAnswer(reader: WireReader): LeaseAnswer {
  const keys: Uint8Array[] = [];
  let id = 0n;
  let ttlSeconds = 0;
  let grantedTtlSeconds = 0;
  while (reader.next()) {
    if (reader.field === 2) id = signed(reader);
    else if (reader.field === 3) ttlSeconds = reader.varint();
    else if (reader.field === 4 && reader.type === 0) grantedTtlSeconds = reader.varint();
    else if (reader.field === 5) keys.push(reader.bytes());
    else reader.skip();
  }
  return { id, ttlSeconds, grantedTtlSeconds, keys };
}

/** `LeaseLeasesResponse`. */
export function readLeaseIds(reader: WireReader): readonly bigint[] {
  const ids: bigint[] = [];
  while (reader.next()) {
    if (reader.field === 2) ids.push(readId(reader.message()));
    else reader.skip();
  }
  return ids;
}

function readId(reader: WireReader): bigint {
  let id = 0n;
  while (reader.next()) {
    if (reader.field === 1) id = signed(reader);
    else reader.skip();
  }
  return id;
}
