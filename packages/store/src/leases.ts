/**
 * Leases and the keys attached to them, in the backend. Pure.
 *
 * Time is not kept here: which lease has run out is the leader's business (lease-expiry.ts).
 */
import { encodeMessage, WireReader } from "@flotilla/base";
import { integerField } from "./codec/fields.ts";
import type { BackendReader, BackendWriter, LeaseInfo } from "./contract.ts";
import { idKey, leaseKeyKey, parseIdKey, table } from "./layout.ts";

const attached = Uint8Array.of(1);
const afterLastId = new Uint8Array(8).fill(0xff);

export function leaseExists(reader: BackendReader, id: bigint): boolean {
  return reader.get(table.leases, idKey(id)) !== undefined;
}

export function grantLease(writer: BackendWriter, id: bigint, ttlSeconds: number): void {
  writer.put(table.leases, idKey(id), encodeLease(ttlSeconds));
}

/** Removes the lease itself; its keys must be gone. */
export function removeLease(writer: BackendWriter, id: bigint): void {
  writer.delete(table.leases, idKey(id));
}

export function attachKey(writer: BackendWriter, id: bigint, key: Uint8Array): void {
  writer.put(table.leaseKeys, leaseKeyKey(id, key), attached);
}

export function detachKey(writer: BackendWriter, id: bigint, key: Uint8Array): void {
  writer.delete(table.leaseKeys, leaseKeyKey(id, key));
}

/** Keys attached to a lease, sorted. */
export function keysOfLease(reader: BackendReader, id: bigint): readonly Uint8Array[] {
  const from = idKey(id);
  const keys: Uint8Array[] = [];
  for (const [joined] of reader.range(table.leaseKeys, from, nextId(from))) {
    keys.push(joined.slice(8));
  }
  return keys;
}

/** The first key from `from` on that is attached to a lease. */
export function firstKeyOfLease(
  reader: BackendReader,
  id: bigint,
  from: Uint8Array,
): Uint8Array | undefined {
  const start = leaseKeyKey(id, from);
  for (const [joined] of reader.range(table.leaseKeys, start, nextId(idKey(id)), { limit: 1 })) {
    return joined.slice(8);
  }
  return undefined;
}

export function leaseInfo(reader: BackendReader, id: bigint): LeaseInfo | undefined {
  const bytes = reader.get(table.leases, idKey(id));
  if (bytes === undefined) return undefined;
  return { id, grantedTtlSeconds: decodeLease(bytes), keys: keysOfLease(reader, id) };
}

/** A lease without its keys. */
export interface GrantedLease {
  readonly id: bigint;
  readonly ttlSeconds: number;
}

/** All leases, in the order of their unsigned ids. */
export function allLeases(reader: BackendReader): readonly GrantedLease[] {
  const leases: GrantedLease[] = [];
  for (const [key, value] of reader.range(table.leases, new Uint8Array(0), undefined)) {
    leases.push({ id: BigInt.asIntN(64, parseIdKey(key)), ttlSeconds: decodeLease(value) });
  }
  return leases;
}

/** The value in table `leases`. */
export function encodeLease(ttlSeconds: number): Uint8Array {
  return encodeMessage((writer) => writer.fieldVarint(1, ttlSeconds));
}

function decodeLease(bytes: Uint8Array): number {
  const reader = new WireReader(bytes);
  let ttlSeconds = 0;
  while (reader.next()) {
    if (reader.field === 1) ttlSeconds = integerField(reader);
    else reader.skip();
  }
  return ttlSeconds;
}

function nextId(key: Uint8Array): Uint8Array | undefined {
  const id = parseIdKey(key);
  return id === parseIdKey(afterLastId) ? undefined : idKey(id + 1n);
}
