/** How all servers stand at the end of a story. Pure. */
import type { NodeId } from "@flotilla/consensus";
import type { Fact, ServerState } from "./fact.ts";
import { configurationText } from "./notation.ts";
import { isSamePromise, promiseText } from "./promised.ts";

/** A line for each server that has ever run. */
export function standingLines(facts: readonly Fact[]): string[] {
  const last = new Map<NodeId, ServerState>();
  for (const fact of facts) if (fact.kind === "state") last.set(fact.server, fact.after);
  return [...last].sort(byId).map(([id, state]) => `${id}: ${standingText(state)}`);
}

function byId([left]: [NodeId, ServerState], [right]: [NodeId, ServerState]): number {
  return left < right ? -1 : 1;
}

function standingText(state: ServerState): string {
  const { role, leader, log, durable, commitIndex, appliedIndex, configuration } = state;
  const from = log.firstIndex > 1 ? `, of it ${log.firstIndex - 1} in a snapshot` : "";
  const onDisk = isSamePromise(log, durable) ? "" : `; on disk: ${promiseText(durable)}`;
  const follows = role === "follower" ? ` of ${leader === "" ? "nobody" : leader}` : "";
  return (
    `${state.isUp ? `${role}${follows}` : "down"} in term ${log.term}, ` +
    `vote ${log.vote === "" ? "-" : log.vote}, log to ${log.lastIndex}/${log.lastTerm}${from}, ` +
    `commit ${commitIndex}, applied ${appliedIndex}, ${configurationText(configuration)}${onDisk}`
  );
}
