/** Random commands and reads over few keys, so that they meet. */
import type { Prng } from "@flotilla/base";
import {
  type Command,
  type Compare,
  deleteRequest,
  type KeyRange,
  openEnd,
  type PutRequest,
  putRequest,
  type RangeRequest,
  type RequestOp,
  rangeRequest,
  type TxnRequest,
} from "@flotilla/store";

/** What the generator has to know to ask for something that exists, most of the time. */
export interface Known {
  readonly revision: number;
  readonly compactRevision: number;
}

const keys = ["a", "a\0", "a\0\0", "a\0\xff", "ab", "b", "b/1", "b/2", "\xff", "\xff\xff", "c"];
const leases = [1n, 2n, -3n];

export function randomKey(prng: Prng): Uint8Array {
  return bytes(prng.pick(keys));
}

export function randomRange(prng: Prng): KeyRange {
  const kind = prng.below(4);
  if (kind === 0) return { key: randomKey(prng), rangeEnd: bytes("") };
  if (kind === 1) return { key: randomKey(prng), rangeEnd: openEnd };
  if (kind === 2) return { key: bytes("\0"), rangeEnd: openEnd };
  return { key: randomKey(prng), rangeEnd: randomKey(prng) };
}

export function randomCommand(prng: Prng, known: Known): Command {
  const kind = prng.below(20);
  if (kind < 8) return { kind: "put", request: randomPut(prng) };
  if (kind < 11) return { kind: "deleteRange", request: randomDelete(prng) };
  if (kind < 16) return { kind: "txn", request: randomTxn(prng, known, 0) };
  if (kind === 16 && prng.chance(0.5)) {
    const revision = Math.max(0, known.revision - prng.below(8) + 1);
    return { kind: "compact", revision, physical: prng.chance(0.5) };
  }
  if (kind < 19)
    return { kind: "leaseGrant", id: prng.pick(leases), ttlSeconds: prng.between(1, 60) };
  return { kind: "leaseRevoke", id: prng.pick(leases) };
}

export function randomRead(prng: Prng, known: Known): RangeRequest {
  const orNone = (value: number) => (prng.chance(0.8) ? 0 : value);
  const low = Math.max(-2, known.compactRevision - 1);
  return rangeRequest(randomRange(prng), {
    limit: prng.chance(0.5) ? 0 : prng.between(1, 5),
    revision: prng.chance(0.4) ? 0 : prng.between(low, known.revision + 1),
    sortOrder: prng.pick(["none", "ascend", "descend"]),
    // Values and versions repeat, and ties have no order of their own: not with a limit.
    sortTarget: prng.pick(["key", "mod", "key"]),
    keysOnly: prng.chance(0.2),
    countOnly: prng.chance(0.2),
    serializable: prng.chance(0.5),
    minModRevision: orNone(prng.below(known.revision)),
    maxModRevision: orNone(prng.below(known.revision)),
    minCreateRevision: orNone(prng.below(known.revision)),
    maxCreateRevision: orNone(prng.below(known.revision)),
  });
}

function randomPut(prng: Prng): PutRequest {
  return putRequest(randomKey(prng), bytes("x".repeat(prng.below(4)) + prng.below(5)), {
    lease: prng.chance(0.7) ? 0n : prng.pick(leases),
    prevKv: prng.chance(0.3),
    ignoreValue: prng.chance(0.1),
    ignoreLease: prng.chance(0.1),
  });
}

function randomDelete(prng: Prng) {
  const { key, rangeEnd } = randomRange(prng);
  // Rarely everything at once: it would keep the store empty.
  const end = prng.chance(0.7) ? bytes("") : rangeEnd;
  return deleteRequest(key, { rangeEnd: end, prevKv: prng.chance(0.5) });
}

function randomTxn(prng: Prng, known: Known, depth: number): TxnRequest {
  const many = <T>(max: number, make: () => T) => Array.from({ length: prng.below(max + 1) }, make);
  return {
    compare: many(2, () => randomCompare(prng, known)),
    success: many(4, () => randomOp(prng, known, depth)),
    failure: many(4, () => randomOp(prng, known, depth)),
  };
}

function randomOp(prng: Prng, known: Known, depth: number): RequestOp {
  const kind = prng.below(depth < 3 ? 10 : 8);
  if (kind < 3) return { kind: "range", request: randomRead(prng, known) };
  if (kind < 6) return { kind: "put", request: randomPut(prng) };
  if (kind < 8) return { kind: "deleteRange", request: randomDelete(prng) };
  return { kind: "txn", request: randomTxn(prng, known, depth + 1) };
}

function randomCompare(prng: Prng, known: Known): Compare {
  const { key, rangeEnd } = randomRange(prng);
  const revision = prng.below(known.revision + 2);
  return {
    key,
    rangeEnd: prng.chance(0.7) ? bytes("") : rangeEnd,
    result: prng.pick(["equal", "greater", "less", "notEqual"]),
    target: prng.pick([
      { kind: "version", version: prng.below(4) },
      { kind: "create", revision },
      { kind: "mod", revision },
      { kind: "value", value: bytes(`x${prng.below(5)}`) },
      { kind: "lease", lease: prng.pick([0n, ...leases]) },
    ]),
  };
}

function bytes(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "latin1"));
}
