/**
 * How the store lies in its backend: tables, and the byte order of their keys. Pure.
 *
 * | table      | key                              | value                          | answers                   |
 * |------------|----------------------------------|--------------------------------|---------------------------|
 * | current    | key                              | KeyMeta: all but the value     | reads at the latest       |
 * | history    | revision key, 17 or 18 bytes     | KeyValue; of a delete the key  | watches, old values       |
 * | versions   | escaped key, 00 00, main, sub    | 0 = put, 1 = delete            | reads at older revisions  |
 * | leases     | id                               | {@link encodeLease}            |                           |
 * | lease-keys | id, key                          | one byte                       | keys of a lease, sorted   |
 * | sessions   | session                          | sequences that were applied    | exactly once              |
 * | members    | member id                        | attributes                     |                           |
 * | alarms     | member id, kind                  | one byte                       |                           |
 * | auth-users | name                             | `authpb.User`                  |                           |
 * | auth-roles | name                             | `authpb.Role`                  |                           |
 * | state      | one byte                         | revision, applied index, ...   |                           |
 *
 * A read at the latest revision is one ordered scan of `current`, and a look into `history` for each
 * value. No index is held in memory: opening a store costs the same with ten keys and with ten million.
 * A value lies in `history` alone, which only grows at its end: what is written anywhere else, and
 * with it the pages that a change copies, is small whatever the values are.
 *
 * Revision key (etcd server/storage/mvcc/revision.go): 8 bytes main, `_`, 8 bytes sub, and `t` for
 * a delete. Example: the second change of revision 3, a delete, is 0000000000000003 5f
 * 0000000000000001 74.
 *
 * Version key: a zero byte of the key becomes 00 ff, then 00 00 ends it; so version keys sort as
 * (key, main, sub) though keys have any length and any bytes. Main has 8 bytes and sub 4.
 */
export const table = {
  current: "current",
  history: "history",
  versions: "versions",
  leases: "leases",
  leaseKeys: "lease-keys",
  sessions: "sessions",
  members: "members",
  alarms: "alarms",
  authUsers: "auth-users",
  authRoles: "auth-roles",
  state: "state",
} as const;

/** The name of one change: `sub` counts the changes of one revision from 0. */
export interface Revision {
  readonly main: number;
  readonly sub: number;
  readonly tombstone: boolean;
}

const two32 = 0x1_0000_0000;
const separator = 0x5f;
const tombstoneMark = 0x74;
const escapeByte = 0xff;
const versionTail = 14;

/** Value of a `versions` entry. Never write to them. */
export const liveVersion: Uint8Array = Uint8Array.of(0);
export const deletedVersion: Uint8Array = Uint8Array.of(1);

/** Key in `history`. */
export function revisionKey(main: number, sub: number, tombstone = false): Uint8Array {
  const key = new Uint8Array(tombstone ? 18 : 17);
  writeUint64(key, 0, main);
  key[8] = separator;
  writeUint64(key, 9, sub);
  if (tombstone) key[17] = tombstoneMark;
  return key;
}

/** The reverse of {@link revisionKey}. */
export function parseRevisionKey(key: Uint8Array): Revision {
  return { main: readUint64(key, 0), sub: readUint64(key, 9), tombstone: key.length === 18 };
}

/** Key in `versions`: of a change of `key`. */
export function versionKey(key: Uint8Array, main: number, sub: number): Uint8Array {
  const version = escapedWithTail(key, versionTail);
  const tail = version.length - 12;
  writeUint64(version, tail, main);
  writeUint32(version, tail + 8, sub);
  return version;
}

/** Sorts before all versions of `key`, and after those of every smaller key. */
export function versionsStart(key: Uint8Array): Uint8Array {
  return escapedWithTail(key, 2);
}

/** Sorts after all versions of the key that `version` is of, and not after those of any greater key. */
export function versionsAfter(version: Uint8Array): Uint8Array {
  const after = version.slice(0, version.length - 12);
  after[after.length - 1] = 1; // Instead of the second zero byte that ends a key.
  return after;
}

/** Which change a key in `versions` names. */
export function parseVersion(version: Uint8Array, value: Uint8Array): Revision {
  const tail = version.length - 12;
  return {
    main: readUint64(version, tail),
    sub: readUint32(version, tail + 8),
    tombstone: value[0] === 1,
  };
}

/** True when both entries of `versions` are of the same key. */
export function sameVersionedKey(left: Uint8Array, right: Uint8Array): boolean {
  if (left.length !== right.length) return false;
  // From the end: keys in a row mostly differ there.
  for (let at = left.length - 13; at >= 0; at--) if (left[at] !== right[at]) return false;
  return true;
}

/** 8 bytes of a 64-bit id, in the order of its unsigned value. */
export function idKey(id: bigint): Uint8Array {
  const key = new Uint8Array(8);
  const unsigned = BigInt.asUintN(64, id);
  writeUint32(key, 0, Number(unsigned >> 32n));
  writeUint32(key, 4, Number(unsigned & 0xffff_ffffn));
  return key;
}

/** The unsigned id in the first 8 bytes of `key`. */
export function parseIdKey(key: Uint8Array): bigint {
  return (BigInt(readUint32(key, 0)) << 32n) | BigInt(readUint32(key, 4));
}

/** Key in `lease-keys`. */
export function leaseKeyKey(lease: bigint, key: Uint8Array): Uint8Array {
  const joined = new Uint8Array(8 + key.length);
  joined.set(idKey(lease));
  joined.set(key, 8);
  return joined;
}

function escapedWithTail(key: Uint8Array, tail: number): Uint8Array {
  let zeros = 0;
  for (let at = 0; at < key.length; at++) if (key[at] === 0) zeros++;
  const escaped = new Uint8Array(key.length + zeros + tail);
  if (zeros === 0) {
    escaped.set(key);
    return escaped;
  }
  let to = 0;
  for (let at = 0; at < key.length; at++) {
    const byte = key[at] as number;
    escaped[to++] = byte;
    if (byte === 0) escaped[to++] = escapeByte;
  }
  return escaped;
}

function writeUint64(target: Uint8Array, at: number, value: number): void {
  writeUint32(target, at, Math.floor(value / two32));
  writeUint32(target, at + 4, value % two32);
}

function readUint64(bytes: Uint8Array, at: number): number {
  return readUint32(bytes, at) * two32 + readUint32(bytes, at + 4);
}

function writeUint32(target: Uint8Array, at: number, value: number): void {
  target[at] = value >>> 24;
  target[at + 1] = value >>> 16;
  target[at + 2] = value >>> 8;
  target[at + 3] = value;
}

function readUint32(bytes: Uint8Array, at: number): number {
  return (
    (((bytes[at] as number) << 24) |
      ((bytes[at + 1] as number) << 16) |
      ((bytes[at + 2] as number) << 8) |
      (bytes[at + 3] as number)) >>>
    0
  );
}
