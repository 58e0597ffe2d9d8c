/** Where members are reached, as they have told the log themselves. Pure. */
import { encodeMessage } from "@flotilla/base";
import { readAttributes, writeAttributes } from "./codec/proposal.ts";
import type { BackendReader, BackendWriter, MemberAttributes } from "./contract.ts";
import { idKey, parseIdKey, table } from "./layout.ts";

export function saveMember(writer: BackendWriter, attributes: MemberAttributes): void {
  const bytes = encodeMessage((message) => writeAttributes(message, attributes));
  writer.put(table.members, idKey(attributes.memberId), bytes);
}

/** Sorted by id. */
export function allMembers(reader: BackendReader): readonly MemberAttributes[] {
  const members: MemberAttributes[] = [];
  for (const [key, value] of reader.range(table.members, new Uint8Array(0), undefined)) {
    members.push(readAttributes(parseIdKey(key), value));
  }
  return members;
}

/** For a cluster that begins anew: none of them is a member of it. */
export function forgetAllMembers(writer: BackendWriter): void {
  for (const { memberId } of allMembers(writer)) writer.delete(table.members, idKey(memberId));
}
