/**
 * Log Matching and Leader Append-Only (Raft paper, figure 3), and what a follower may cut off.
 *
 * Only what changed since the last look is compared: entries are shared objects, so that the end of
 * the part that stayed is found by identity. Pure.
 */
import { equalBytes } from "@flotilla/base";
import type { Entry, LogIndex } from "@flotilla/consensus";
import type { ClusterHistory } from "./cluster-history.ts";
import { isNamed } from "./naive-quorum.ts";
import type { ServerRecord } from "./server-record.ts";
import type { ServerView } from "./view.ts";
import { type Violation, violation } from "./violation.ts";

/** How a log differs from when it was seen last. */
export interface LogChange {
  /** Up to it the log is the same object by object, or compacted. */
  readonly keep: LogIndex;
  /** A snapshot took the place of a log that did not lead up to it. */
  readonly isReplaced: boolean;
}

/** Finds what changed; O(changed entries). */
export function compareLog(record: ServerRecord, view: ServerView): LogChange {
  const { log: before } = record;
  const { log } = view;
  const base = log.firstIndex - 1;
  if (base < before.baseIndex || before.termAt(base) !== log.termAt(base)) {
    return { keep: base, isReplaced: true };
  }
  let keep = Math.min(before.lastIndex, log.lastIndex);
  while (keep > base && before.entryAt(keep) !== log.entryAt(keep)) keep--;
  return { keep, isReplaced: false };
}

/** Judges what disappeared; only within one start, as a crash may take what was not durable. */
export function checkCut(
  record: ServerRecord,
  view: ServerView,
  change: LogChange,
): Violation | undefined {
  const { log: before } = record;
  const base = view.log.firstIndex - 1;
  let index = change.isReplaced ? Math.max(base, before.baseIndex) : change.keep + 1;
  while (index <= before.lastIndex && view.log.termAt(index) === before.termAt(index)) index++;
  if (index > before.lastIndex) return undefined;

  const facts = `${record.id} had (${index}, ${before.termAt(index)}), its log ended at ${before.lastIndex}, now it has (${index}, ${view.log.termAt(index) ?? "nothing"}) and ends at ${view.log.lastIndex}`;
  if (record.role === "leader" && view.role === "leader" && record.term === view.term) {
    return violation(
      "leaderAppendOnly",
      `the leader of term ${view.term} changed its log: ${facts}`,
    );
  }
  if (index <= record.commitIndex) {
    return violation("committedImmutable", `committed up to ${record.commitIndex}: ${facts}`);
  }
  if (!change.isReplaced && view.log.lastIndex < index) {
    return violation("logShrinks", `no other entry took the place of what was cut off: ${facts}`);
  }
  return undefined;
}

/** Makes the record's copy equal to the log, and judges the shape of what is new. */
export function adoptLog(
  record: ServerRecord,
  view: ServerView,
  change: LogChange,
): Violation | undefined {
  const { log: window } = record;
  const { log } = view;
  const base = log.firstIndex - 1;
  if (change.isReplaced) window.restart(base, log.termAt(base) ?? 0);
  else {
    window.truncateAfter(change.keep);
    window.compactTo(base);
  }
  let term = window.termAt(window.lastIndex) ?? 0;
  for (let index = window.lastIndex + 1; index <= log.lastIndex; index++) {
    const entry = log.entryAt(index);
    if (entry === undefined || entry.index !== index || entry.term < term) {
      return violation(
        "logShape",
        `${record.id} has ${entry === undefined ? "nothing" : `(${entry.index}, ${entry.term})`} at index ${index}, after term ${term}`,
      );
    }
    term = entry.term;
    window.push(entry);
  }
  return term <= view.term
    ? undefined
    : violation(
        "logShape",
        `${record.id} is in term ${view.term} and its last entry (${log.lastIndex}, ${term}) in a later one`,
      );
}

/** Equal index and term: equal content, and the same before it. From `first` to the end of the log. */
export function checkMatching(
  history: ClusterHistory,
  record: ServerRecord,
  first: LogIndex,
): Violation | undefined {
  const { log } = record;
  for (let index = Math.max(first, log.baseIndex + 1); index <= log.lastIndex; index++) {
    const entry = log.entryAt(index) as Entry;
    const previousTerm = log.termAt(index - 1) ?? 0;
    const known = history.known(index, entry.term);
    if (known === undefined) {
      const isStripped = entry.data.length === 0 && !holdsData(record);
      history.learn(index, { previousTerm, entry, isStripped, seenOn: record.id });
      continue;
    }
    if (known.previousTerm !== previousTerm) {
      return violation(
        "logMatching",
        `(${index}, ${entry.term}) follows term ${previousTerm} on ${record.id} and term ${known.previousTerm} on ${known.seenOn}`,
      );
    }
    if (isSame(entry, known.entry)) continue;
    if (entry.data.length === 0 && entry.kind !== "config" && !holdsData(record)) continue;
    if (!known.isStripped) {
      return violation(
        "logMatching",
        `(${index}, ${entry.term}) is ${textOf(entry)} on ${record.id} and ${textOf(known.entry)} on ${known.seenOn}`,
      );
    }
    known.entry = entry;
    known.isStripped = false;
  }
  return undefined;
}

/** Witnesses hold no data, and whoever is not in its own configuration yet may be going to be one. */
function holdsData(record: ServerRecord): boolean {
  const { id, configuration } = record;
  return configuration !== undefined && !record.isWitness && isNamed(configuration, id);
}

function isSame(left: Entry, right: Entry): boolean {
  return left === right || (left.kind === right.kind && equalBytes(left.data, right.data));
}

function textOf({ kind, data }: Entry): string {
  const head = [...data.subarray(0, 16)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return `a ${kind} of ${data.length} bytes (${head}${data.length > 16 ? "..." : ""})`;
}
