/** What handing leadership to a member comes to. Pure. */
import type { MemberDescription, MembershipDescription } from "@flotilla/etcd-api";
import { nodeIdOf } from "@flotilla/member";
import { callOf } from "./description.ts";

export type TransferConsequences =
  | { readonly kind: "refused"; readonly why: string }
  | { readonly kind: "planned"; readonly lines: readonly string[] };

/** Judges the target as the leader would. */
export function transferConsequences(
  description: MembershipDescription,
  target: MemberDescription,
): TransferConsequences {
  const why = refusalOf(description, target);
  if (why !== undefined) return { kind: "refused", why };
  const leader = callOf(description, nodeIdOf(description.leaderId));
  const name = callOf(description, nodeIdOf(target.id));
  const lag = description.lastIndex - target.matchIndex;
  const lines = [
    `${leader} leads now. No write is taken in until ${name} leads: an instant, or ${leader} goes on.`,
  ];
  if (lag > 0) lines.push(`${name} lacks the last ${lag} entries of the log: it gets them first.`);
  const preferred = description.members.filter(({ preferredRank }) => preferredRank > 0);
  const isWorse = preferred.some(
    ({ preferredRank }) => target.preferredRank === 0 || preferredRank < target.preferredRank,
  );
  if (isWorse) {
    lines.push(
      "Warning: another member is preferred as the leader, and gets leadership back after a while (`flotilla member prefer --none` ends that).",
    );
  }
  return { kind: "planned", lines };
}

function refusalOf(
  { leaderId, staticLeader }: MembershipDescription,
  target: MemberDescription,
): string | undefined {
  if (target.id === leaderId) return "it leads already";
  if (target.isLearner) return "a learner cannot lead; promote it first";
  if (target.isWitness) return "a witness holds no data, and cannot lead";
  if (staticLeader !== 0n && staticLeader !== target.id) {
    return "another member is set as the only one that may lead (`flotilla member prefer --no-static` ends that)";
  }
  return target.isActive ? undefined : "it does not answer the leader";
}
