/**
 * State Machine Safety, Committed On Quorum and Committed Immutable: the one chain of committed
 * entries, and whether each of them had the right to be called so. Pure.
 */
import type { Configuration, LogIndex, NodeId, Term } from "@flotilla/consensus";
import type { ClusterHistory } from "./cluster-history.ts";
import { isQuorum } from "./naive-quorum.ts";
import type { ServerRecord } from "./server-record.ts";
import { type Violation, violation } from "./violation.ts";

/** Judges the part of the log that this server calls committed since it was seen last. */
export function checkCommitted(
  history: ClusterHistory,
  records: ReadonlyMap<NodeId, ServerRecord>,
  record: ServerRecord,
): Violation | undefined {
  const { view, log, id } = record;
  const { commitIndex } = view;
  if (log.baseIndex > history.commitIndex) {
    return violation(
      "committedImmutable",
      `${id} has compacted up to ${log.baseIndex}, and only ${history.commitIndex} is committed anywhere`,
    );
  }
  const known = Math.min(commitIndex, history.commitIndex);
  for (let index = Math.max(record.commitIndex, log.baseIndex); index <= known; index++) {
    if (log.termAt(index) === history.termAt(index)) continue;
    return violation(
      "stateMachineSafety",
      `${id} commits (${index}, ${log.termAt(index)}), and (${index}, ${history.termAt(index)}) is committed`,
    );
  }
  if (commitIndex <= history.commitIndex) return undefined;
  return checkFirst(history, records, record) ?? extendChain(history, record);
}

/** Nobody had committed this far. */
function checkFirst(
  history: ClusterHistory,
  records: ReadonlyMap<NodeId, ServerRecord>,
  record: ServerRecord,
): Violation | undefined {
  const { view, log, id } = record;
  const index = view.commitIndex;
  const term = log.termAt(index);
  if (term === undefined) {
    return violation(
      "stateOrdering",
      `${id} commits ${index}, and its log ends at ${log.lastIndex}`,
    );
  }
  if (view.role !== "leader" && record.role !== "leader") {
    return violation(
      "committedOnQuorum",
      `${id}, a ${view.role}, commits (${index}, ${term}) before any leader has`,
    );
  }
  // Raft paper section 5.4.2: what an earlier leader left is only committed along with something new.
  if (view.role === "leader" && term !== view.term) {
    return violation(
      "committedOnQuorum",
      `${id}, the leader of term ${view.term}, commits (${index}, ${term}) by counting`,
    );
  }
  return checkHolders({ history, records, record, index, term });
}

interface FirstCommit {
  readonly history: ClusterHistory;
  readonly records: ReadonlyMap<NodeId, ServerRecord>;
  readonly record: ServerRecord;
  readonly index: LogIndex;
  readonly term: Term;
}

function checkHolders(commit: FirstCommit): Violation | undefined {
  const { history, records, record, index, term } = commit;
  const holds = (id: NodeId): boolean => {
    const other = records.get(id);
    if (other === undefined || (other.history ?? history) !== history) return false;
    return other.hasHeld(index, term);
  };
  // The event may have changed the configuration after it counted.
  const { previous, configuration } = record;
  const isHeld = (by: Configuration | undefined): boolean =>
    by !== undefined && isQuorum(by, holds);
  if (!isHeld(configuration) && !isHeld(previous)) {
    return violation(
      "committedOnQuorum",
      `${record.id} commits (${index}, ${term}), which is durable on ${holdersOf(configuration, holds)}`,
    );
  }
  const hasData = (by: Configuration | undefined): boolean =>
    by !== undefined &&
    [...by.voters, ...by.outgoing].some(({ id }) => !by.witnesses?.includes(id) && holds(id));
  if (hasData(configuration) || hasData(previous)) return undefined;
  return violation(
    "committedOnQuorum",
    `${record.id} commits (${index}, ${term}), which only witnesses have on disk`,
  );
}

function holdersOf(
  configuration: Configuration | undefined,
  holds: (id: NodeId) => boolean,
): string {
  const half = (voters: Configuration["voters"]): string =>
    voters.map(({ id, votes }) => `${id}${holds(id) ? "" : " (not)"}=${votes}`).join(" ");
  if (configuration === undefined) return "nothing";
  const { voters, outgoing } = configuration;
  return `${half(voters)}${outgoing.length === 0 ? "" : ` and ${half(outgoing)}`}`;
}

function extendChain(history: ClusterHistory, record: ServerRecord): undefined {
  const { view, log } = record;
  for (let index = history.commitIndex + 1; index <= view.commitIndex; index++) {
    history.commit(index, log.termAt(index) ?? 0, view.term);
  }
  return undefined;
}

/** compacted <= applied <= committed <= last; while a snapshot is being installed, applied lags. */
export function checkOrder(record: ServerRecord): Violation | undefined {
  const { view, log, id, installing } = record;
  const { appliedIndex, commitIndex } = view;
  const isCompactedApplied = log.baseIndex <= appliedIndex || log.baseIndex === installing;
  if (isCompactedApplied && appliedIndex <= commitIndex && commitIndex <= log.lastIndex) {
    return undefined;
  }
  return violation(
    "stateOrdering",
    `${id} has compacted ${log.baseIndex}, applied ${appliedIndex}, committed ${commitIndex}, last ${log.lastIndex}`,
  );
}

/** Only what its own disk holds is applied: after a crash the state would be ahead of the log (T6). */
export function checkAppliedDurable(
  { id, view }: ServerRecord,
  { index, term }: { readonly index: LogIndex; readonly term: Term },
): Violation | undefined {
  const { durable } = view;
  if (index < durable.firstIndex || durable.termAt(index) === term) return undefined;
  return violation(
    "appliedDurable",
    `${id} applies (${index}, ${term}), and its disk has ${durable.termAt(index) === undefined ? "nothing" : `term ${durable.termAt(index)}`} there`,
  );
}

/** An entry that was given to a state machine is the committed one. */
export function checkApplied(
  history: ClusterHistory,
  record: ServerRecord,
  entry: { readonly index: LogIndex; readonly term: Term },
): Violation | undefined {
  const { index, term } = entry;
  if (history.termAt(index) === term) return undefined;
  return violation(
    "stateMachineSafety",
    index > history.commitIndex
      ? `${record.id} applied (${index}, ${term}), and only ${history.commitIndex} is committed`
      : `${record.id} applied (${index}, ${term}), and (${index}, ${history.termAt(index)}) is committed`,
  );
}
