/**
 * `etcdserverpb.Maintenance/MoveLeader`: hands leadership over, and answers when it has arrived.
 *
 * Source: etcd server/etcdserver/api/v3rpc/maintenance.go and EtcdServer.MoveLeader. Only the leader
 * can; clients find it by asking each member for its status.
 */
import { emptyBytes } from "@flotilla/base";
import type { Call } from "@flotilla/grpc";
import type { ServiceContext } from "../context.ts";
import { RpcError } from "../errors.ts";
import { transferMs, transferPauseMs } from "../limits.ts";

/** Serves one call. Throws {@link RpcError}. */
export async function moveLeader(
  { member, timers }: ServiceContext,
  to: bigint,
  call: Call,
): Promise<Uint8Array> {
  if (!member.status().isLeader) throw new RpcError("notLeader");
  const target = member.members().find(({ id }) => id === to);
  if (target === undefined || target.votes === 0 || target.isWitness) {
    throw new RpcError("badTransferee");
  }
  if (to === member.id) return emptyBytes;
  member.transferLeadership(to);
  const endMs = timers.nowMs() + transferMs;
  while (member.status().leaderId !== to) {
    if (call.ended || timers.nowMs() >= endMs) throw new RpcError("transferTimeout");
    await new Promise<void>((resolve) => void timers.after(transferPauseMs, resolve));
  }
  return emptyBytes; // Not even a header, as etcd's.
}
