/** What a cluster can still lose, given who is gone already. Pure. */
import { type Configuration, hasQuorum, isElectable, type NodeId } from "@flotilla/consensus";

/**
 * How many of those that are alive may fail, whichever they are; -1 when they are too few as it is.
 * Worst cases: the heaviest voters fail first, or all who can lead.
 */
export function spareOf(configuration: Configuration, alive: ReadonlySet<NodeId>): number {
  const left = new Set(alive);
  const heaviestFirst = configuration.voters
    .filter(({ id }) => alive.has(id))
    .sort((one, other) => other.votes - one.votes);
  let failed = -1;
  while (hasQuorum(configuration, (id) => left.has(id))) {
    failed++;
    left.delete(heaviestFirst[failed]?.id ?? "");
  }
  const leaders = [...alive].filter((id) => isElectable(configuration, id));
  return Math.min(failed, leaders.length - 1);
}
