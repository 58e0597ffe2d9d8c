/**
 * The omniscient observer: what must hold in every execution, checked after every event.
 *
 * Source: Raft paper, figure 3, and the twelve invariants of openraft's tests-turmoil. It shares no
 * rule with the engine: it reads configurations from logs, counts votes and copies on disks by
 * itself, and keeps the one chain of committed entries.
 *
 * Naive in its rules, incremental in its work: it looks only at the server that acted, and there only
 * at what changed, which makes it O(1) amortised for each event and entry. Pure.
 */
import type {
  Configuration,
  Isolation,
  LogIndex,
  Message,
  NodeId,
  Term,
} from "@flotilla/consensus";
import { ClusterHistory } from "./cluster-history.ts";
import { checkApplied, checkAppliedDurable, checkCommitted, checkOrder } from "./commit-checks.ts";
import {
  adoptConfigurations,
  checkClaim,
  checkTransitions,
  epochOf,
} from "./configuration-checks.ts";
import { checkHardState, isForgetful } from "./disk-checks.ts";
import {
  checkNewLeader,
  checkRetired,
  checkVolatileVote,
  VoteRegistry,
} from "./election-checks.ts";
import { adoptLog, checkCut, checkMatching, compareLog } from "./log-checks.ts";
import { checkVanished, type DiskLoss, toleratesLoss } from "./loss.ts";
import { isNamed } from "./naive-quorum.ts";
import { checkPromise } from "./promise-checks.ts";
import { ServerRecord } from "./server-record.ts";
import type { ServerView } from "./view.ts";
import { type Violation, violation } from "./violation.ts";

/** What the observer must know beforehand. */
export interface InvariantOptions {
  /** Of the servers that found the cluster; others start blank, with no voters. */
  readonly configuration: Configuration;
}

/** Why a server takes no part any more, for good. */
export type IsolationKind = Exclude<Isolation["kind"], "lostEntries">;

/** Checks a run; every method returns the first violation that it sees. After one, it is of no more use. */
export interface InvariantOracle {
  /** To be called after each event, with the server that acted, also when it started, crashed or was wiped. */
  observe(view: ServerView): Violation | undefined;
  /** `view` lets `message` go to the network. Judges promises: votes and acknowledgements. */
  sent(view: ServerView, message: Message): Violation | undefined;
  /** `id` gave its state machine the entry at (`index`, `term`). */
  applied(id: NodeId, index: LogIndex, term: Term): Violation | undefined;
  /** The state machine of `id` was replaced by one that stands at the entry (`index`, `term`). */
  replaced(id: NodeId, index: LogIndex, term: Term): Violation | undefined;
  /** The state machine of `id`, having applied exactly up to `index`, has this content. */
  stateHash(id: NodeId, index: LogIndex, hash: number): Violation | undefined;
  /** `id` says that it does not belong here, and ends for good: nothing is expected of it any more. */
  isolated(id: NodeId, kind: IsolationKind): Violation | undefined;
  /** From now on the disk of `id` may forget what it has acknowledged. */
  declareFaultyDisk(id: NodeId): void;
  /** An operator recovered the cluster by force on `survivor`, which starts next. */
  declareRecovery(survivor: NodeId): void;
  /**
   * True when losing all that is on the disk of `id` now would neither bury a committed entry nor
   * free a vote that counts: what a fault plan asks before it makes a disk forget. `how` is
   * `forgetful` when not said, which tolerates less.
   */
  toleratesLossOf(id: NodeId, how?: DiskLoss): boolean;
  /** At the end: every log is compared from end to end. */
  finish(): Violation | undefined;
}

/** A fresh observer, for one run. */
export function createInvariantOracle(options: InvariantOptions): InvariantOracle {
  return new Observer(options.configuration);
}

class Observer implements InvariantOracle {
  readonly #records = new Map<NodeId, ServerRecord>();
  readonly #votes = new VoteRegistry();
  readonly #initial: Configuration;
  /** By epoch; the last one is the newest. */
  readonly #histories: ClusterHistory[] = [];
  readonly #survivors = new Set<NodeId>();
  readonly #faultyDisks = new Set<NodeId>();
  /** All that any log has ever named as one. */
  readonly #witnesses = new Set<NodeId>();

  constructor(initial: Configuration) {
    this.#initial = initial;
    this.#histories.push(new ClusterHistory(epochOf(initial), initial));
  }

  observe(view: ServerView): Violation | undefined {
    const record = this.#recordOf(view);
    if (view.durable.version !== record.durableVersion || view.disk !== record.disk) {
      const found = this.#observeDisk(record, view);
      if (found !== undefined) return found;
    }
    if (!view.isUp) return record.isUp ? this.#judgeEnd(record, view) : undefined;
    return view.start === record.start ? this.#judge(record) : this.#judgeStart(record, view);
  }

  sent(view: ServerView, message: Message): Violation | undefined {
    return checkPromise(this.#votes, this.#records, { view, message });
  }

  applied(id: NodeId, index: LogIndex, term: Term): Violation | undefined {
    const record = this.#records.get(id);
    if (record?.committedBy === undefined) return undefined;
    if (index !== record.appliedCursor + 1) {
      return violation("appliedOnce", `${id} applied ${index} after ${record.appliedCursor}`);
    }
    record.appliedCursor = index;
    return judgeApplied(record.committedBy, record, { index, term });
  }

  replaced(id: NodeId, index: LogIndex, term: Term): Violation | undefined {
    const record = this.#records.get(id);
    if (record?.committedBy === undefined || !record.isUp) return undefined;
    record.appliedCursor = Math.max(record.appliedCursor, index);
    return judgeApplied(record.committedBy, record, { index, term });
  }

  stateHash(id: NodeId, index: LogIndex, hash: number): Violation | undefined {
    const history = this.#records.get(id)?.history;
    if (history === undefined) return undefined;
    const other = history.hashes.get(index);
    if (other === undefined) history.noteHash(index, hash, id);
    if (other === undefined || other.hash === hash) return undefined;
    return violation(
      "stateHash",
      `the state at ${index} has hash ${hash} on ${id} and ${other.hash} on ${other.id}`,
    );
  }

  isolated(id: NodeId, kind: IsolationKind): Violation | undefined {
    const record = this.#records.get(id);
    if (record === undefined || this.#isIsolatedFor(record, kind)) return undefined;
    return violation("isolation", `${id} takes no part any more: ${kind}, which is not so`);
  }

  #isIsolatedFor({ id, history, wasWiped }: ServerRecord, kind: IsolationKind): boolean {
    switch (kind) {
      case "removed":
        return this.#histories.some((each) => each.hasRemoved(id));
      case "superseded":
        return this.#newest.epoch > (history?.epoch ?? 0);
      case "lostDisk":
        return wasWiped;
      case "lacksData":
        return this.#witnesses.has(id);
    }
  }

  declareFaultyDisk(id: NodeId): void {
    this.#faultyDisks.add(id);
    const record = this.#records.get(id);
    if (record !== undefined) record.hasFaultyDisk = true;
  }

  declareRecovery(survivor: NodeId): void {
    this.#survivors.add(survivor);
  }

  toleratesLossOf(id: NodeId, how: DiskLoss = "forgetful"): boolean {
    return toleratesLoss(this.#newest, this.#records, { id, how });
  }

  finish(): Violation | undefined {
    for (const record of this.#records.values()) {
      const { history, view } = record;
      if (history === undefined || !view.isUp) continue;
      const keep = view.log.firstIndex - 1;
      const found =
        checkCut(record, view, { keep, isReplaced: false }) ??
        adoptLog(record, view, { keep, isReplaced: true }) ??
        checkMatching(history, record, record.log.baseIndex + 1) ??
        this.#judgeFrom(record, 0);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  get #newest(): ClusterHistory {
    return this.#histories.at(-1) as ClusterHistory;
  }

  #recordOf(view: ServerView): ServerRecord {
    let record = this.#records.get(view.id);
    if (record === undefined) {
      record = new ServerRecord(view);
      record.hasFaultyDisk = this.#faultyDisks.has(view.id);
      this.#records.set(view.id, record);
    }
    record.view = view;
    return record;
  }

  #observeDisk(record: ServerRecord, view: ServerView): Violation | undefined {
    const isWiped = view.disk !== record.disk;
    const { history = this.#newest } = record;
    const found = checkHardState(this.#votes, record, view);
    if (found !== undefined || !isWiped) return found;
    return checkVanished(history, this.#records);
  }

  /** Its process is another one: only what was durable is still true. */
  #judgeStart(record: ServerRecord, view: ServerView): Violation | undefined {
    const isForgotten = isForgetful(record);
    if (isForgotten && !record.hasFaultyDisk) {
      return violation(
        "durability",
        `${view.id} came back and its disk, which ends at ${view.durable.lastIndex}, has lost (${record.agreed?.index}, ${record.agreed?.term})`,
      );
    }
    if (isForgotten) record.noteLoss();
    record.begin(view);
    const lost = isForgotten
      ? checkVanished(record.history ?? this.#newest, this.#records)
      : undefined;
    const found = lost ?? this.#judge(record);
    // Entries can be of a later term than the vote on the disk: in that term the vote is still free.
    if (view.term !== view.durable.term) record.vote = "";
    return found;
  }

  /** What it did in the event that ended its process counts: others may have heard of it. */
  #judgeEnd(record: ServerRecord, view: ServerView): Violation | undefined {
    const found = view.start === record.start ? this.#judge(record) : undefined;
    record.noteAgreement();
    record.isUp = false;
    return found;
  }

  #judge(record: ServerRecord): Violation | undefined {
    const { view } = record;
    const isLogChanged = view.log.version !== record.logVersion;
    if (!isLogChanged && !record.isChanged) {
      record.noteAgreement();
      return undefined;
    }
    const found =
      checkMonotone(record) ??
      (isLogChanged ? this.#observeLog(record) : undefined) ??
      checkClaim(record) ??
      this.#observeRole(record) ??
      this.#judgeFrom(record, record.commitIndex);
    if (found === undefined) record.note();
    record.noteAgreement();
    return found;
  }

  #observeLog(record: ServerRecord): Violation | undefined {
    const { view } = record;
    const change = compareLog(record, view);
    const isSameStart = record.logVersion !== -1;
    if (isSameStart) {
      const found = checkFirstIndex(record) ?? checkCut(record, view, change);
      if (found !== undefined) return found;
      if (change.isReplaced) record.installing = change.keep;
    }
    const first = change.isReplaced ? 0 : change.keep + 1;
    const found =
      adoptLog(record, view, change) ??
      adoptConfigurations(record, first, this.#baseConfiguration(record));
    if (found !== undefined) return found;
    for (const { configuration } of record.configurations) {
      for (const id of configuration.witnesses ?? []) this.#witnesses.add(id);
    }
    record.firstChanged = first;
    return checkRetired(record, first) ?? this.#observeEpoch(record, first);
  }

  /** That which holds where its log begins. */
  #baseConfiguration(record: ServerRecord): Configuration {
    const { baseIndex } = record.log;
    if (baseIndex > 0) return this.#historyAtBase(record).configurationAt(baseIndex);
    const { configuration } = record.view;
    return configuration.voters.length === 0 ? configuration : this.#initial;
  }

  /** Who is new and replays an earlier epoch can be taken into a later one by a snapshot. */
  #historyAtBase({ log, history }: ServerRecord): ClusterHistory {
    const { baseIndex } = log;
    const term = log.termAt(baseIndex);
    const newestFirst = [...this.#histories].reverse();
    const candidates = history === undefined ? newestFirst : [history, ...newestFirst];
    return candidates.find((each) => each.termAt(baseIndex) === term) ?? history ?? this.#newest;
  }

  /** Finds the history that its log belongs to, and compares the log with it. */
  #observeEpoch(record: ServerRecord, first: LogIndex): Violation | undefined {
    const { configuration, history } = record;
    if (configuration === undefined || configuration.voters.length === 0) return undefined;
    const epoch = epochOf(configuration);
    const { id, wasNamed } = record;
    record.wasNamed ||= record.configurations.some((each) => isNamed(each.configuration, id));
    if (history?.epoch === epoch) return checkMatching(history, record, first);
    if (this.#survivors.delete(record.id)) return this.#beginEpoch(record, epoch);
    const joined = this.#histories.find((other) => other.epoch === epoch);
    // Who is new replays earlier epochs, of which it was no part.
    if (wasNamed || joined === undefined) {
      return violation(
        "oldEpoch",
        `${record.id} goes from epoch ${history?.epoch ?? "none"} to ${epoch} with the disk that it has`,
      );
    }
    record.history = joined;
    record.commitIndex = 0;
    return checkMatching(joined, record, 0);
  }

  #beginEpoch(record: ServerRecord, epoch: number): Violation | undefined {
    const before = record.history ?? this.#newest;
    const history = before.successor(epoch, record.log, record.view.term);
    for (const { index, configuration } of record.configurations) {
      if (index > record.log.baseIndex) history.commitConfiguration(index, configuration);
    }
    this.#histories.push(history);
    record.history = history;
    return checkMatching(history, record, 0);
  }

  #observeRole(record: ServerRecord): Violation | undefined {
    const { view, history } = record;
    if (view.role !== "leader") return undefined;
    if (record.role === "leader" && record.term === view.term) return undefined;
    if (history === undefined) {
      return violation(
        "electedOnQuorum",
        `${view.id} leads term ${view.term} and knows of no voters`,
      );
    }
    return checkNewLeader(history, this.#votes, record);
  }

  #judgeFrom(record: ServerRecord, committed: LogIndex): Violation | undefined {
    const { committedBy: history } = record;
    if (history === undefined) return undefined;
    record.commitIndex = committed;
    const before = history.commitIndex;
    const found = checkCommitted(history, this.#records, record);
    if (found !== undefined) return found;
    if (history.commitIndex > before) this.#noteConfigurations(history, record, before);
    return (
      checkTransitions(history, record, record.firstChanged) ??
      checkOrder(record) ??
      checkPending(history, record)
    );
  }

  /** Configurations that were committed by this event. */
  #noteConfigurations(history: ClusterHistory, record: ServerRecord, before: LogIndex): void {
    for (const { index, configuration } of record.configurations) {
      if (index <= before || index > history.commitIndex) continue;
      history.commitConfiguration(index, configuration);
      for (const { id, incarnation } of configuration.servers ?? []) {
        const server = this.#records.get(id);
        if (server !== undefined && incarnation !== 0) server.registeredDisk ??= server.disk;
      }
    }
  }
}

/** Within one start nothing goes back. */
function checkMonotone(record: ServerRecord): Violation | undefined {
  const { view } = record;
  if (view.term < record.term) {
    return violation("monotone", `the term of ${view.id} went from ${record.term} to ${view.term}`);
  }
  if (view.commitIndex < record.commitIndex) {
    return violation(
      "monotone",
      `the commit index of ${view.id} went from ${record.commitIndex} to ${view.commitIndex}`,
    );
  }
  if (view.appliedIndex < record.appliedIndex) {
    return violation(
      "monotone",
      `the applied index of ${view.id} went from ${record.appliedIndex} to ${view.appliedIndex}`,
    );
  }
  return checkVolatileVote(record, view);
}

function checkFirstIndex({ view, log }: ServerRecord): Violation | undefined {
  if (view.log.firstIndex > log.baseIndex) return undefined;
  return violation(
    "monotone",
    `the log of ${view.id} began after ${log.baseIndex} and now begins at ${view.log.firstIndex}`,
  );
}

/** The event that committed it may still be going on: then it is judged at its end. */
function judgeApplied(
  history: ClusterHistory,
  record: ServerRecord,
  entry: { readonly index: LogIndex; readonly term: Term },
): Violation | undefined {
  if (entry.index > history.commitIndex) record.pendingApplied.push(entry);
  else {
    const found = checkApplied(history, record, entry);
    if (found !== undefined) return found;
  }
  return checkAppliedDurable(record, entry);
}

function checkPending(history: ClusterHistory, record: ServerRecord): Violation | undefined {
  for (const entry of record.pendingApplied) {
    const found = checkApplied(history, record, entry);
    if (found !== undefined) return found;
  }
  record.pendingApplied.length = 0;
  return undefined;
}
