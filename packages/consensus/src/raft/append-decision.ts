/**
 * The follower's answer to an append: accept what, truncate where, or reject.
 *
 * Source: Raft paper, figure 2, AppendEntries receiver steps 2 to 4; the rejection hint is the fast
 * back-up of section 5.3, by terms, as in etcd/raft.
 *
 * Pure: reads a view of the log and returns a decision. The caller makes it durable before the
 * answer leaves.
 */
import type { Entry, LogIndex, Term } from "../contract.ts";

/** What the decision has to know about the receiver's log. */
export interface LogView {
  readonly lastIndex: LogIndex;
  readonly compactedIndex: LogIndex;
  readonly commitIndex: LogIndex;
  termAt(index: LogIndex): Term | undefined;
  lastIndexWithin(index: LogIndex, term: Term): LogIndex;
}

/** The part of an append that is decided about; its entries follow on `prevIndex`. */
export interface AppendProposal {
  readonly prevIndex: LogIndex;
  readonly prevTerm: Term;
  readonly entries: readonly Entry[];
}

/** What to do with an append. */
export type AppendDecision =
  | {
      readonly kind: "accept";
      /** To write, in index order; replaces everything at or after its first index. May be empty. */
      readonly append: readonly Entry[];
      /** Highest index known to equal the leader's log; safe to acknowledge once durable. */
      readonly matchIndex: LogIndex;
    }
  /** The highest index at which the logs could still match, and the term here at that index. */
  | { readonly kind: "reject"; readonly hintIndex: LogIndex; readonly hintTerm: Term }
  /** Sender and receiver disagree about a committed entry: one of them has lost its disk. */
  | { readonly kind: "diverged"; readonly index: LogIndex };

/** Decides one append. O(entries) at most; O(1) when it only extends the log. */
export function decideAppend(log: LogView, request: AppendProposal): AppendDecision {
  const { prevIndex, prevTerm, entries } = request;
  if (prevIndex < log.commitIndex) return decideLate(log, request);

  const term = log.termAt(prevIndex);
  if (term !== prevTerm) {
    // A committed prefix cannot differ. Never crash on a peer's word.
    if (prevIndex === log.commitIndex) return { kind: "diverged", index: prevIndex };
    const hintIndex = log.lastIndexWithin(Math.min(prevIndex - 1, log.lastIndex), prevTerm);
    return { kind: "reject", hintIndex, hintTerm: log.termAt(hintIndex) ?? 0 };
  }

  const matchIndex = prevIndex + entries.length;
  if (prevIndex === log.lastIndex) return { kind: "accept", append: entries, matchIndex };
  const keep = entries.findIndex((entry) => log.termAt(entry.index) !== entry.term);
  // All of them are here already: a duplicate or reordered request must not truncate the log.
  const append = keep === -1 ? [] : entries.slice(keep);
  return { kind: "accept", append, matchIndex };
}

/**
 * A late request about what is already agreed: acknowledges all of that, which need not be in the
 * request, and may be compacted away here.
 */
function decideLate(log: LogView, request: AppendProposal): AppendDecision {
  const contradicts = (index: LogIndex, term: Term): boolean =>
    index >= log.compactedIndex && index <= log.commitIndex && log.termAt(index) !== term;
  if (contradicts(request.prevIndex, request.prevTerm)) {
    return { kind: "diverged", index: request.prevIndex };
  }
  const culprit = request.entries.find((entry) => contradicts(entry.index, entry.term));
  if (culprit !== undefined) return { kind: "diverged", index: culprit.index };
  return { kind: "accept", append: [], matchIndex: log.commitIndex };
}
