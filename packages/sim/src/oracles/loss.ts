/** What a cluster would survive: asked by fault plans, so that recoverable runs stay recoverable. Pure. */
import type { Configuration, NodeId } from "@flotilla/consensus";
import type { ClusterHistory } from "./cluster-history.ts";
import { isQuorum } from "./naive-quorum.ts";
import type { ServerRecord } from "./server-record.ts";
import { type Violation, violation } from "./violation.ts";

/**
 * - `wiped`: the disk is a new one, with an incarnation of its own; who knows the old one refuses it.
 * - `forgetful`: the disk is the same, and nobody can tell that it has lost what it acknowledged.
 */
export type DiskLoss = "wiped" | "forgetful";

/** See `InvariantOracle.toleratesLossOf`. Judges by every configuration that is in force anywhere. */
export function toleratesLoss(
  history: ClusterHistory,
  records: ReadonlyMap<NodeId, ServerRecord>,
  loss: { readonly id: NodeId; readonly how: DiskLoss },
): boolean {
  const { id } = loss;
  const lost = records.get(id);
  if (lost === undefined) return true;
  if (mayBeCounted(history, lost)) return false;
  const index = history.commitIndex;
  const term = history.termAt(index);
  /** Those who could elect a leader that lacks something committed. */
  const lacks = (server: NodeId): boolean =>
    server === id || !(records.get(server)?.holds(index, term) ?? false);
  /** Those who could make a second leader in a term in which the lost vote has counted. */
  const isFree = (server: NodeId): boolean =>
    server === id || isFreeFrom(records.get(server), lost, loss.how);
  return configurationsInForce(history, records).every(
    (configuration) => !isQuorum(configuration, lacks) && !isQuorum(configuration, isFree),
  );
}

/** An acknowledgement of something that is not committed yet may be on its way to the leader. */
function mayBeCounted(history: ClusterHistory, { id, view }: ServerRecord): boolean {
  const { lastIndex } = view.durable;
  if (lastIndex <= history.commitIndex) return false;
  const term = view.durable.termAt(lastIndex) ?? 0;
  // A leader tells nobody what is on its own disk.
  return term >= Math.max(0, ...history.leaders.keys()) && history.leaders.get(term) !== id;
}

/** In terms before the lost one's everybody there is free; in that one, who did not vote as it did. */
function isFreeFrom(other: ServerRecord | undefined, lost: ServerRecord, how: DiskLoss): boolean {
  if (other === undefined) return true;
  const { term, vote } = other.view.durable;
  const before = lost.view.durable;
  if (term !== before.term) return term < before.term;
  if (before.vote === "") return false;
  // Whoever voted for the lost server itself would do it again, unless it knows that this is another disk.
  if (vote === lost.id) return how === "forgetful" || !knowsIncarnation(other, lost.id);
  return vote !== before.vote;
}

function knowsIncarnation({ configuration }: ServerRecord, id: NodeId): boolean {
  const known = configuration?.servers?.find((server) => server.id === id);
  return (known?.incarnation ?? 0) !== 0;
}

function configurationsInForce(
  history: ClusterHistory,
  records: ReadonlyMap<NodeId, ServerRecord>,
): readonly Configuration[] {
  const found = [history.configurationAt(history.commitIndex)];
  for (const record of records.values()) {
    const { configuration } = record;
    if (record.history === history && configuration !== undefined) found.push(configuration);
  }
  return found;
}

/** A disk was emptied or has forgotten: somebody must still hold all that is committed. */
export function checkVanished(
  history: ClusterHistory,
  records: ReadonlyMap<NodeId, ServerRecord>,
): Violation | undefined {
  const index = history.commitIndex;
  if (index === 0 || history.next !== undefined) return undefined;
  const term = history.termAt(index);
  for (const record of records.values()) {
    if ((record.history ?? history) !== history || record.isWitness) continue;
    if (record.holds(index, term)) return undefined;
  }
  return violation(
    "durability",
    `(${index}, ${term}) is committed, and no disk with data holds it any more`,
  );
}
