/** What a cluster would survive: asked by fault plans, so that recoverable runs stay recoverable. Pure. */
import type { Configuration, NodeId } from "@flotilla/consensus";
import type { ClusterHistory } from "./cluster-history.ts";
import { isQuorum } from "./naive-quorum.ts";
import type { ServerRecord } from "./server-record.ts";
import type { DurableView } from "./view.ts";

/** See `InvariantOracle.toleratesLossOf`. Judges by every configuration that is in force anywhere. */
export function toleratesLoss(
  history: ClusterHistory,
  records: ReadonlyMap<NodeId, ServerRecord>,
  id: NodeId,
): boolean {
  const index = history.commitIndex;
  const term = history.termAt(index);
  /** Those who could elect a leader that lacks something committed. */
  const lacks = (server: NodeId): boolean =>
    server === id || !(records.get(server)?.holds(index, term) ?? false);
  const lost = records.get(id)?.view.durable;
  if (lost !== undefined && mayBeCounted(history, lost)) return false;
  /** Those who could give their vote in the term of the lost vote to somebody else. */
  const isFree = (server: NodeId): boolean => {
    const other = records.get(server)?.view.durable;
    if (server === id || other === undefined || lost === undefined) return true;
    if (other.term !== lost.term) return other.term < lost.term;
    return other.vote !== lost.vote;
  };
  for (const configuration of configurationsInForce(history, records)) {
    if (isQuorum(configuration, lacks)) return false;
    if (lost !== undefined && lost.vote !== "" && isQuorum(configuration, isFree)) return false;
  }
  return true;
}

/** An acknowledgement of something that is not committed yet may be on its way to the leader. */
function mayBeCounted(history: ClusterHistory, log: DurableView): boolean {
  if (log.lastIndex <= history.commitIndex) return false;
  const newestTerm = Math.max(0, ...history.leaders.keys());
  return (log.termAt(log.lastIndex) ?? 0) >= newestTerm;
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
