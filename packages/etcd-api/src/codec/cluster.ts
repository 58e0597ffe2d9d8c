/** Messages of `etcdserverpb.Cluster`. */
import { WireReader, type WireWriter } from "@flotilla/base";
import type { MemberInfo } from "@flotilla/member";

/** `MemberAddRequest`. */
export interface MemberAddRequest {
  readonly peerUrls: readonly string[];
  readonly isLearner: boolean;
}

/** `MemberUpdateRequest`. */
export interface MemberUpdateRequest {
  readonly id: bigint;
  readonly peerUrls: readonly string[];
}

/** `MemberListRequest.linearizable`. Throws `WireError`. */
export function decodeMemberListRequest(bytes: Uint8Array): { readonly linearizable: boolean } {
  const reader = new WireReader(bytes);
  let linearizable = false;
  while (reader.next()) {
    if (reader.field === 1) linearizable = reader.bool();
    else reader.skip();
  }
  return { linearizable };
}

/** Throws `WireError`. */
export function decodeMemberAddRequest(bytes: Uint8Array): MemberAddRequest {
  const reader = new WireReader(bytes);
  const peerUrls: string[] = [];
  let isLearner = false;
  while (reader.next()) {
    if (reader.field === 1) peerUrls.push(reader.text());
    else if (reader.field === 2) isLearner = reader.bool();
    else reader.skip();
  }
  return { peerUrls, isLearner };
}

/** Throws `WireError`. */
export function decodeMemberUpdateRequest(bytes: Uint8Array): MemberUpdateRequest {
  const reader = new WireReader(bytes);
  const peerUrls: string[] = [];
  let id = 0n;
  while (reader.next()) {
    if (reader.field === 1) id = reader.varint64();
    else if (reader.field === 2) peerUrls.push(reader.text());
    else reader.skip();
  }
  return { id, peerUrls };
}

/** `MemberRemoveRequest` and `MemberPromoteRequest`: an id. Throws `WireError`. */
export function decodeMemberId(bytes: Uint8Array): { readonly id: bigint } {
  const reader = new WireReader(bytes);
  let id = 0n;
  while (reader.next()) {
    if (reader.field === 1) id = reader.varint64();
    else reader.skip();
  }
  return { id };
}

/** Every member under `field`, which is 2 but for `MemberAddResponse`. */
export function writeMembers(
  writer: WireWriter,
  members: readonly MemberInfo[],
  field: 2 | 3 = 2,
): void {
  for (const member of members) writer.fieldMessage(field, (body) => writeMember(body, member));
}

/** `MemberAddResponse.member`: who was added, as it was asked for. */
export function writeAdded(
  writer: WireWriter,
  added: Pick<MemberInfo, "id" | "peerUrls" | "isLearner">,
): void {
  writer.fieldMessage(2, (body) => writeMember(body, { name: "", clientUrls: [], ...added }));
}

function writeMember(
  body: WireWriter,
  member: Pick<MemberInfo, "id" | "name" | "peerUrls" | "clientUrls" | "isLearner">,
): void {
  body.fieldVarint64(1, member.id);
  body.fieldText(2, member.name);
  for (const url of member.peerUrls) body.fieldTextAlways(3, url);
  for (const url of member.clientUrls) body.fieldTextAlways(4, url);
  body.fieldBool(5, member.isLearner);
}
