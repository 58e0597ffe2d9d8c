/** Messages of `v3lockpb.Lock` (etcd server/etcdserver/api/v3lock/v3lockpb). Pure. */
import { emptyBytes, WireReader, type WireWriter } from "@flotilla/base";

/** `LockRequest`, and the first two fields of a `CampaignRequest`. */
export interface LockRequest {
  readonly name: Uint8Array;
  /** 0 = the server makes one. */
  readonly lease: bigint;
}

/** Throws `WireError`. The bytes are views. */
export function decodeLockRequest(bytes: Uint8Array): LockRequest {
  const reader = new WireReader(bytes);
  const request = { name: emptyBytes, lease: 0n };
  while (reader.next()) {
    if (reader.field === 1) request.name = reader.bytes();
    else if (reader.field === 2) request.lease = BigInt.asIntN(64, reader.varint64());
    else reader.skip();
  }
  return request;
}

/** `UnlockRequest`, which is a key. Throws `WireError`. */
export function decodeKey(bytes: Uint8Array): Uint8Array {
  const reader = new WireReader(bytes);
  let key: Uint8Array = emptyBytes;
  while (reader.next()) {
    if (reader.field === 1) key = reader.bytes();
    else reader.skip();
  }
  return key;
}

/** `LockResponse` after its header. */
export function writeLockKey(writer: WireWriter, key: Uint8Array): void {
  writer.fieldBytes(2, key);
}
