/** `etcdserverpb.Cluster`: who is a member. Changing that is not served yet. */
import { decodeMemberListRequest, writeMembers } from "../codec/cluster.ts";
import type { Methods, ServiceContext } from "../context.ts";

/** Its headers carry no revision. */
const noRevision = 0;

/** The methods of the Cluster service. */
export function clusterMethods(context: ServiceContext): Methods {
  const list = (): Uint8Array =>
    context.answer(noRevision, (writer) => writeMembers(writer, context.member.members()));
  return [
    [
      "/etcdserverpb.Cluster/MemberList",
      context.unary(decodeMemberListRequest, ({ linearizable }) =>
        linearizable ? context.afterBarrier(list) : list(),
      ),
    ],
  ];
}
