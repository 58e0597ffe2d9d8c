/** To whom a leader that is told to stop hands its leadership. Pure. */
import { type EngineStatus, isElectable, type NodeId } from "@flotilla/consensus";

/**
 * Of those that may lead, the one that is best prepared: heard of lately before the others, then ready to
 * lead before those that stand back, then whoever holds most of the log. Undefined when this server does
 * not lead, or streams to none of them.
 */
export function successorOf({ role, configuration, progress }: EngineStatus): NodeId | undefined {
  if (role !== "leader") return undefined;
  let best: { readonly id: NodeId; readonly rank: readonly number[] } | undefined;
  for (const { id } of configuration.voters) {
    const known = progress.get(id);
    if (known?.state !== "replicate") continue; // Not reachable, or far behind.
    if (!isElectable(configuration, id)) continue; // The engine would not hand over to it.
    // Nobody counts as heard of for a moment after each check for a quorum: that alone bars nobody.
    const { recentlyActive, matchIndex, standsBack = false } = known;
    const rank = [recentlyActive ? 1 : 0, standsBack ? 0 : 1, matchIndex];
    if (best === undefined || isHigher(rank, best.rank)) best = { id, rank };
  }
  return best?.id;
}

/** The first place in which they differ decides. */
function isHigher(left: readonly number[], right: readonly number[]): boolean {
  const at = left.findIndex((value, index) => value !== right[index]);
  return (left[at] ?? 0) > (right[at] ?? 0);
}
