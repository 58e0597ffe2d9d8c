/** Who has the state that others want instead of their own. Pure. */
import { type Configuration, isElectable } from "@flotilla/consensus";
import type { Machine } from "../server/machine.ts";

/**
 * True when by `configuration` somebody can lead and send its state to the servers `wanting`, none of
 * which can send one itself: not to it either, so that its log must meet theirs.
 */
export function hasStateSource(
  machines: readonly Machine[],
  wanting: readonly Machine[],
  configuration: Configuration,
): boolean {
  const baseIndex = Math.max(0, ...wanting.map(({ view }) => view.log.firstIndex - 1));
  return machines.some(
    (machine) =>
      !wanting.includes(machine) &&
      !machine.isGone &&
      !machine.takesNoPart &&
      machine.view.commitIndex >= baseIndex &&
      isElectable(configuration, machine.id),
  );
}
