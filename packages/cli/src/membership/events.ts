/** What each step of a change sets going, in sentences. Pure. */
import type { ConfigurationChange, NodeId } from "@flotilla/consensus";
import type { MembershipDescription } from "@flotilla/etcd-api";
import { nodeIdOf } from "@flotilla/member";
import { callOf, listed } from "./description.ts";

/** A sentence or two for every step. */
export function eventsOf(
  description: MembershipDescription,
  changes: readonly ConfigurationChange[],
): string[] {
  return changes.flatMap((change) => eventsOfStep(description, change));
}

function eventsOfStep(description: MembershipDescription, change: ConfigurationChange): string[] {
  const name = (id: NodeId): string => callOf(description, id);
  switch (change.kind) {
    case "add":
      return [additionOf(change)];
    case "remove":
      return [
        ...handOver(description, change.id),
        ...endOfStaticLeader(description, change.id),
        `${name(change.id)} is removed for good: its id is not used again, and it stops once it is told.`,
      ];
    case "promote":
      return [promotionOf(description, change.id)];
    case "demote":
      return [
        ...handOver(description, change.id),
        ...endOfStaticLeader(description, change.id),
        `${name(change.id)} goes on receiving the log and does not vote any more.`,
      ];
    case "votes":
    case "urls":
      return [];
    case "prefer":
      return [preferenceOf(description, change.ids)];
    case "staticLeader":
      return [
        change.id === undefined
          ? "Every voter with data may lead again."
          : `Only ${name(change.id)} may lead: while it is away there is no leader, and nothing is written.`,
      ];
  }
}

function additionOf({ id, votes, witness }: Extract<ConfigurationChange, { kind: "add" }>): string {
  if (votes === 0) {
    return `${id} receives the log and does not vote. \`flotilla member promote ${id}\` makes it a voter once it has caught up.`;
  }
  if (witness === true)
    return `${id} votes and holds no data: it never leads, and serves no client.`;
  return `${id} votes at once.`;
}

function promotionOf(description: MembershipDescription, id: NodeId): string {
  const member = description.members.find((one) => nodeIdOf(one.id) === id);
  const lag = description.lastIndex - (member?.matchIndex ?? 0);
  const state =
    lag === 0 ? "it holds the whole log" : `it lacks the last ${lag} entries of the log`;
  return `${callOf(description, id)} becomes a voter; ${state}.`;
}

function preferenceOf(description: MembershipDescription, ids: readonly NodeId[]): string {
  if (ids.length === 0) return "Nobody is preferred as the leader; whoever leads goes on.";
  const names = ids.map((id) => callOf(description, id));
  const rest = names.length === 1 ? "" : `, else ${listed(names.slice(1))} in this order`;
  return `${names[0]} should lead${rest}: leadership goes there as soon as that member holds everything.`;
}

function handOver(description: MembershipDescription, id: NodeId): string[] {
  if (nodeIdOf(description.leaderId) !== id) return [];
  return [`${callOf(description, id)} leads: it hands over to another member.`];
}

function endOfStaticLeader({ staticLeader }: MembershipDescription, id: NodeId): string[] {
  return nodeIdOf(staticLeader) === id ? ["Every voter with data may lead again."] : [];
}
