/** Messages of `v3electionpb.Election` (etcd server/etcdserver/api/v3election/v3electionpb). Pure. */
import { emptyBytes, WireReader, type WireWriter } from "@flotilla/base";
import { type KeyValue, writeKeyValue } from "@flotilla/store";

/** `CampaignRequest`. */
export interface CampaignRequest {
  readonly name: Uint8Array;
  /** 0 = the server makes one. */
  readonly lease: bigint;
  readonly value: Uint8Array;
}

/** Throws `WireError`. The bytes are views. */
export function decodeCampaignRequest(bytes: Uint8Array): CampaignRequest {
  const reader = new WireReader(bytes);
  const request = { name: emptyBytes, lease: 0n, value: emptyBytes };
  while (reader.next()) {
    if (reader.field === 1) request.name = reader.bytes();
    else if (reader.field === 2) request.lease = BigInt.asIntN(64, reader.varint64());
    else if (reader.field === 3) request.value = reader.bytes();
    else reader.skip();
  }
  return request;
}

/** `LeaderKey`: what somebody was elected by. */
export interface LeaderKey {
  readonly name: Uint8Array;
  readonly key: Uint8Array;
  /** The revision at which the key came to be. */
  readonly revision: number;
  readonly lease: bigint;
}

/** `ProclaimRequest`, and without a value `ResignRequest`. */
export interface LeaderRequest {
  readonly leader: LeaderKey | undefined;
  readonly value: Uint8Array;
}

/** Throws `WireError`. The bytes are views. */
export function decodeLeaderRequest(bytes: Uint8Array): LeaderRequest {
  const reader = new WireReader(bytes);
  const request: { leader: LeaderKey | undefined; value: Uint8Array } = {
    leader: undefined,
    value: emptyBytes,
  };
  while (reader.next()) {
    if (reader.field === 1) request.leader = decodeLeaderKey(reader.message());
    else if (reader.field === 2) request.value = reader.bytes();
    else reader.skip();
  }
  return request;
}

function decodeLeaderKey(reader: WireReader): LeaderKey {
  const leader = { name: emptyBytes, key: emptyBytes, revision: 0, lease: 0n };
  while (reader.next()) {
    if (reader.field === 1) leader.name = reader.bytes();
    else if (reader.field === 2) leader.key = reader.bytes();
    else if (reader.field === 3)
      leader.revision = Number(reader.varint64()); // Compared only.
    else if (reader.field === 4) leader.lease = BigInt.asIntN(64, reader.varint64());
    else reader.skip();
  }
  return leader;
}

/** `CampaignResponse` after its header. */
export function writeCampaign(writer: WireWriter, leader: LeaderKey): void {
  writer.fieldMessage(2, (body) => {
    body.fieldBytes(1, leader.name);
    body.fieldBytes(2, leader.key);
    body.fieldVarint(3, leader.revision);
    body.fieldVarint64(4, leader.lease);
  });
}

/** `LeaderResponse` after its header. */
export function writeLeader(writer: WireWriter, kv: KeyValue): void {
  writer.fieldMessage(2, (body) => writeKeyValue(body, kv));
}
