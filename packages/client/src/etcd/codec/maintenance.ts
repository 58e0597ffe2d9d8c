/** Messages of `etcdserverpb.Maintenance`, as a client writes and reads them. Pure. */
import { emptyBytes, encodeMessage, type WireReader } from "@flotilla/base";
import { noHeader, type ResponseHeader, readHeader } from "./header.ts";

/** One member as it sees itself. */
export interface MemberStatus {
  readonly header: ResponseHeader;
  readonly version: string;
  readonly dbSizeBytes: number;
  readonly dbSizeInUseBytes: number;
  /** 0 while there is none. */
  readonly leaderId: bigint;
  readonly raftIndex: number;
  readonly raftTerm: number;
  readonly raftAppliedIndex: number;
  readonly errors: readonly string[];
  readonly isLearner: boolean;
}

export function readStatus(reader: WireReader): MemberStatus {
  const status = {
    header: noHeader,
    version: "",
    dbSizeBytes: 0,
    dbSizeInUseBytes: 0,
    leaderId: 0n,
    raftIndex: 0,
    raftTerm: 0,
    raftAppliedIndex: 0,
    errors: [] as string[],
    isLearner: false,
  };
  while (reader.next()) {
    if (reader.field === 1) status.header = readHeader(reader.message());
    else if (reader.field === 2) status.version = reader.text();
    else if (reader.field === 3) status.dbSizeBytes = reader.varint();
    else if (reader.field === 4) status.leaderId = reader.varint64();
    else if (reader.field === 5) status.raftIndex = reader.varint();
    else if (reader.field === 6) status.raftTerm = reader.varint();
    else if (reader.field === 7) status.raftAppliedIndex = reader.varint();
    else if (reader.field === 8) status.errors.push(reader.text());
    else if (reader.field === 9) status.dbSizeInUseBytes = reader.varint();
    else if (reader.field === 10) status.isLearner = reader.bool();
    else reader.skip();
  }
  return status;
}

/** The history of a member up to a revision, as a number: equal on all members. */
export interface KvHash {
  readonly hash: number;
  readonly compactRevision: number;
  /** Up to which the history was hashed. */
  readonly revision: number;
}

export function encodeHashKv(revision: number): Uint8Array {
  return encodeMessage((request) => request.fieldVarint(1, revision));
}

export function readHashKv(reader: WireReader): KvHash {
  const found = { hash: 0, compactRevision: 0, revision: 0 };
  let headerRevision = 0;
  while (reader.next()) {
    if (reader.field === 1) headerRevision = readHeader(reader.message()).revision;
    else if (reader.field === 2) found.hash = reader.varint();
    else if (reader.field === 3) found.compactRevision = reader.varint();
    else if (reader.field === 4) found.revision = reader.varint();
    else reader.skip();
  }
  // Members before etcd 3.6 do not say which revision it is.
  return found.revision === 0 ? { ...found, revision: headerRevision } : found;
}

/** `SnapshotResponse`. */
export interface SnapshotPart {
  readonly remainingBytes: number;
  readonly blob: Uint8Array;
  /** Of the data's format, in the first part; members before etcd 3.6 say none. */
  readonly version: string;
}

export function readSnapshotPart(reader: WireReader): SnapshotPart {
  let remainingBytes = 0;
  let blob: Uint8Array = emptyBytes;
  let version = "";
  while (reader.next()) {
    if (reader.field === 2) remainingBytes = reader.varint();
    else if (reader.field === 3) blob = reader.bytes();
    else if (reader.field === 4) version = reader.text();
    else reader.skip();
  }
  return { remainingBytes, blob, version };
}

export function encodeMoveLeader(targetId: bigint): Uint8Array {
  return encodeMessage((request) => request.fieldVarint64(1, targetId));
}
