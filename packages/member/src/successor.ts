/** To whom a leader that is told to stop hands its leadership. Pure. */
import { type EngineStatus, isElectable, type NodeId } from "@flotilla/consensus";

/**
 * Of those that may lead, the one that is best prepared: heard of lately before the others, then
 * whoever holds most of the log. Undefined when this server does not lead, or streams to none of them.
 */
export function successorOf({ role, configuration, progress }: EngineStatus): NodeId | undefined {
  if (role !== "leader") return undefined;
  let best: { readonly id: NodeId; readonly isActive: boolean; readonly index: number } | undefined;
  for (const { id } of configuration.voters) {
    const known = progress.get(id);
    if (known?.state !== "replicate") continue; // Not reachable, or far behind.
    if (!isElectable(configuration, id)) continue; // The engine would not hand over to it.
    // Nobody counts as heard of for a moment after each check for a quorum: that alone bars nobody.
    const { recentlyActive: isActive, matchIndex: index } = known;
    const isBetter =
      best === undefined || (isActive === best.isActive ? index > best.index : isActive);
    if (isBetter) best = { id, isActive, index };
  }
  return best?.id;
}
