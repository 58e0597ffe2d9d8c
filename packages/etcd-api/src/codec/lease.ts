/** Messages of `etcdserverpb.Lease`. Lease ids are int64 and use all their bits. */
import { WireReader, type WireWriter, wireType } from "@flotilla/base";

/** `LeaseGrantRequest`. */
export interface LeaseGrantRequest {
  readonly ttlSeconds: number;
  /** 0 = the server chooses. */
  readonly id: bigint;
}

/** Throws `WireError`. */
export function decodeLeaseGrantRequest(bytes: Uint8Array): LeaseGrantRequest {
  const reader = new WireReader(bytes);
  let ttlSeconds = 0;
  let id = 0n;
  while (reader.next()) {
    if (reader.field === 1) ttlSeconds = clampedSeconds(reader);
    else if (reader.field === 2) id = signed(reader);
    else reader.skip();
  }
  return { ttlSeconds, id };
}

/** The request is refused or raised long before 2^53 seconds make a difference. */
function clampedSeconds(reader: WireReader): number {
  return Number(signed(reader));
}

function signed(reader: WireReader): bigint {
  return BigInt.asIntN(64, reader.varint64());
}

/** A request that is a lease id and perhaps a flag: revoke, keep-alive, time to live. */
export interface LeaseRequest {
  readonly id: bigint;
  readonly keys: boolean;
}

/** `LeaseRevokeRequest`, `LeaseKeepAliveRequest`, `LeaseTimeToLiveRequest`. Throws `WireError`. */
export function decodeLeaseRequest(bytes: Uint8Array): LeaseRequest {
  const reader = new WireReader(bytes);
  let id = 0n;
  let keys = false;
  while (reader.next()) {
    if (reader.field === 1) id = signed(reader);
    else if (reader.field === 2) keys = reader.bool();
    else reader.skip();
  }
  return { id, keys };
}

/** The fields that `LeaseGrantResponse` and `LeaseKeepAliveResponse` share. */
export function writeLease(
  writer: WireWriter,
  lease: { readonly id: bigint; readonly ttlSeconds: number },
): void {
  writer.fieldVarint64(2, lease.id);
  writer.fieldVarint(3, lease.ttlSeconds);
}

/** The rest of a `LeaseTimeToLiveResponse`. */
export function writeTimeToLive(
  writer: WireWriter,
  life: { readonly grantedSeconds: number; readonly keys: readonly Uint8Array[] },
): void {
  writer.fieldVarint(4, life.grantedSeconds);
  for (const key of life.keys) writer.fieldBytesAlways(5, key);
}

/** `LeaseLeasesResponse`. */
export function writeLeases(writer: WireWriter, ids: readonly bigint[]): void {
  for (const id of ids) {
    writer.fieldMessage(2, (status) => {
      status.tag(1, wireType.varint);
      status.varint64(id);
    });
  }
}
