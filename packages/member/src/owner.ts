/**
 * Whose data a directory holds: what stands at the head of its log. Pure, apart from the draw.
 *
 * etcd's `etcdserverpb.Metadata` {1: member id, 2: cluster id}, and in a number that etcd skips
 * {16: incarnation}.
 */
import { randomBytes } from "node:crypto";
import { encodeMessage, WireError, WireReader } from "@flotilla/base";

/** One member of one cluster, on one disk. */
export interface Owner {
  readonly id: bigint;
  readonly clusterId: bigint;
  /**
   * Drawn when the directory was new: the same id with another number is a member that has lost its
   * disk, and with it its promises (T18). 0 in directories of before it was drawn.
   */
  readonly incarnation: number;
}

const field = { id: 1, clusterId: 2, incarnation: 16 } as const;

/** What a new directory is marked with: 53 random bits, never 0. */
export function drawIncarnation(): number {
  let drawn = 0;
  while (drawn === 0) drawn = Number(randomBytes(8).readBigUInt64BE() >> 11n);
  return drawn;
}

export function encodeOwner({ id, clusterId, incarnation }: Owner): Uint8Array {
  return encodeMessage((writer) => {
    writer.fieldVarint64(field.id, id);
    writer.fieldVarint64(field.clusterId, clusterId);
    writer.fieldVarint(field.incarnation, incarnation);
  });
}

/** The reverse; undefined when the bytes name no owner. */
export function decodeOwner(metadata: Uint8Array): Owner | undefined {
  try {
    const reader = new WireReader(metadata);
    const owner = { id: 0n, clusterId: 0n, incarnation: 0 };
    while (reader.next()) {
      if (reader.field === field.id) owner.id = reader.varint64();
      else if (reader.field === field.clusterId) owner.clusterId = reader.varint64();
      else if (reader.field === field.incarnation) owner.incarnation = reader.varint();
      else reader.skip();
    }
    const isOwner = owner.id !== 0n && owner.incarnation >= 0;
    return isOwner ? owner : undefined;
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}
