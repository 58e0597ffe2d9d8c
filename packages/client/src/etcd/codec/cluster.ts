/** Messages of `etcdserverpb.Cluster`, as a client writes and reads them. Pure. */
import { encodeMessage, type WireReader } from "@flotilla/base";

export interface MemberEntry {
  readonly id: bigint;
  /** Empty until the member has started once. */
  readonly name: string;
  readonly peerUrls: readonly string[];
  readonly clientUrls: readonly string[];
  readonly isLearner: boolean;
}

export function encodeMemberList(isLinearizable: boolean): Uint8Array {
  return encodeMessage((request) => request.fieldBool(1, isLinearizable));
}

export function encodeMemberAdd(peerUrls: readonly string[], isLearner: boolean): Uint8Array {
  return encodeMessage((request) => {
    for (const url of peerUrls) request.fieldTextAlways(1, url);
    request.fieldBool(2, isLearner);
  });
}

/** `MemberRemoveRequest` and `MemberPromoteRequest`; `MemberUpdateRequest` with URLs. */
export function encodeMemberId(id: bigint, peerUrls: readonly string[] = []): Uint8Array {
  return encodeMessage((request) => {
    request.fieldVarint64(1, id);
    for (const url of peerUrls) request.fieldTextAlways(2, url);
  });
}

/** Every response that has members; `MemberAddResponse` has who was added before them. */
export function readMembers(reader: WireReader, isAddition = false): readonly MemberEntry[] {
  const members: MemberEntry[] = [];
  const field = isAddition ? 3 : 2;
  while (reader.next()) {
    if (reader.field === field) members.push(readMember(reader.message()));
    else reader.skip();
  }
  return members;
}

/** `MemberAddResponse.member`. */
export function readAdded(reader: WireReader): MemberEntry | undefined {
  while (reader.next()) {
    if (reader.field === 2) return readMember(reader.message());
    reader.skip();
  }
  return undefined;
}

function readMember(reader: WireReader): MemberEntry {
  const peerUrls: string[] = [];
  const clientUrls: string[] = [];
  let id = 0n;
  let name = "";
  let isLearner = false;
  while (reader.next()) {
    if (reader.field === 1) id = reader.varint64();
    else if (reader.field === 2) name = reader.text();
    else if (reader.field === 3) peerUrls.push(reader.text());
    else if (reader.field === 4) clientUrls.push(reader.text());
    else if (reader.field === 5) isLearner = reader.bool();
    else reader.skip();
  }
  return { id, name, peerUrls, clientUrls, isLearner };
}
