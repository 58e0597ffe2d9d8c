/** Messages of `etcdserverpb.Cluster`. */
import { WireReader, type WireWriter } from "@flotilla/base";
import type { MemberInfo } from "@flotilla/member";

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

/** The rest of a `MemberListResponse`. */
export function writeMembers(writer: WireWriter, members: readonly MemberInfo[]): void {
  for (const member of members) {
    writer.fieldMessage(2, (body) => {
      body.fieldVarint64(1, member.id);
      body.fieldText(2, member.name);
      for (const url of member.peerUrls) body.fieldTextAlways(3, url);
      for (const url of member.clientUrls) body.fieldTextAlways(4, url);
      body.fieldBool(5, member.isLearner);
    });
  }
}
