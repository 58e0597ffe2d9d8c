/** What the observer remembers of one server from the last time that it looked. Pure. */
import type { Configuration, LogIndex, NodeId, Role, Term } from "@flotilla/consensus";
import type { ClusterHistory } from "./cluster-history.ts";
import { LogWindow } from "./log-window.ts";
import { isNamed } from "./naive-quorum.ts";
import type { ServerView } from "./view.ts";

/** A configuration and where in the log it stands; index 0 or a compacted one for the oldest. */
export interface PlacedConfiguration {
  readonly index: LogIndex;
  readonly configuration: Configuration;
}

/** A vote, and what its giver knew about its own place when it gave it. */
export interface GivenVote {
  readonly term: Term;
  readonly vote: NodeId;
  /** See {@link ServerRecord.removedAt}. */
  readonly removedAt: LogIndex;
  /** See {@link ServerRecord.leftBehindBy}. */
  readonly leftBehindBy: number;
}

export class ServerRecord {
  readonly id: NodeId;
  /** Live: what it shows may be newer than the rest of this record. */
  view: ServerView;
  /** Undefined until its log says to which epoch it belongs. */
  history: ClusterHistory | undefined;
  wasWiped = false;
  /** A configuration of that history has had a place for it. */
  wasNamed = false;
  /** Its disk may forget what it acknowledged. */
  hasFaultyDisk = false;

  start = -1;
  disk: number;
  role: Role = "follower";
  term: Term = 0;
  vote: NodeId = "";
  commitIndex: LogIndex = 0;
  appliedIndex: LogIndex = 0;
  /** The last one that was given to its state machine. */
  appliedCursor: LogIndex = 0;
  readonly pendingApplied: { readonly index: LogIndex; readonly term: Term }[] = [];

  readonly log: LogWindow = new LogWindow();
  logVersion = -1;
  /** The last index of a snapshot that took the log's place in this start. */
  installing: LogIndex | undefined;
  isUp = false;
  /** As in its log, oldest first; never empty once it was seen up. */
  readonly configurations: PlacedConfiguration[] = [];
  /** What the engine said when it was compared last. */
  claimed: Configuration | undefined;
  /** In force before the event that is being judged: what its counting may have gone by. */
  previous: Configuration | undefined;

  /** The epoch that it knows to have left it behind; 0 when it knows of none. */
  leftBehindBy = 0;
  /** The last vote that it gave, maybe not on disk yet. */
  given: GivenVote | undefined;

  durableVersion = -1;
  durableTerm: Term = 0;
  durableVote: NodeId = "";
  supersededBy = 0;
  /** The last position that its disk and its memory agreed on. */
  agreed: { readonly index: LogIndex; readonly term: Term } | undefined;
  #agreedVersions = { log: -1, durable: -1 };
  /** What was on a disk that was wiped or has forgotten: acknowledgements of it may still be on their way. */
  #lost: LogWindow | undefined;
  /** Of which disk the cluster has registered the incarnation. */
  registeredDisk: number | undefined;

  /** First index of the log that changed in the event that is being judged; infinity when none did. */
  firstChanged: LogIndex = Number.POSITIVE_INFINITY;

  constructor(view: ServerView) {
    this.id = view.id;
    this.view = view;
    this.disk = view.disk;
  }

  /** Its process starts anew: what was volatile is gone. */
  begin(view: ServerView): void {
    this.start = view.start;
    this.isUp = true;
    this.role = "follower";
    // What the disk says is a lower bound; the vote may be lost with a term that only entries show.
    this.term = view.durable.term;
    this.vote = view.durable.vote;
    this.commitIndex = 0;
    this.appliedIndex = 0;
    this.appliedCursor = view.appliedIndex;
    this.pendingApplied.length = 0;
    this.log.restart(0, 0);
    this.logVersion = -1;
    this.installing = undefined;
    this.configurations.length = 0;
    this.claimed = undefined;
    this.previous = undefined;
    this.leftBehindBy = view.durable.supersededBy;
    this.given = undefined;
  }

  /** Something beside the log is another than at the last look. */
  get isChanged(): boolean {
    const { view } = this;
    return (
      view.commitIndex !== this.commitIndex ||
      view.appliedIndex !== this.appliedIndex ||
      view.role !== this.role ||
      view.term !== this.term ||
      view.vote !== this.vote ||
      view.supersededBy !== this.leftBehindBy ||
      view.configuration !== this.claimed ||
      this.pendingApplied.length > 0
    );
  }

  /** All is well: this is what the next look is compared with. */
  note(): void {
    const { view } = this;
    this.#noteVote();
    this.role = view.role;
    this.term = view.term;
    this.vote = view.vote;
    this.leftBehindBy = view.supersededBy;
    this.commitIndex = view.commitIndex;
    this.appliedIndex = view.appliedIndex;
    this.appliedCursor = Math.max(this.appliedCursor, view.appliedIndex);
    this.logVersion = view.log.version;
    this.previous = this.configuration;
    this.firstChanged = Number.POSITIVE_INFINITY;
  }

  /** A vote and what its asker learns with it can leave in one event: it was given by what was known before. */
  #noteVote(): void {
    const { view, removedAt, leftBehindBy } = this;
    const { term, vote } = view;
    const isNew = vote !== "" && (vote !== this.vote || term !== this.term);
    if (isNew) this.given = { term, vote, removedAt, leftBehindBy };
  }

  /** Where its log says that it was removed, when it knows that to be committed; else 0. */
  get removedAt(): LogIndex {
    const last = this.configurations.at(-1);
    if (last === undefined || last.index > this.commitIndex) return 0;
    // One that is leaving still votes in the half that it leaves.
    const { configuration, index } = last;
    const isOut = configuration.removed?.includes(this.id) && !isNamed(configuration, this.id);
    return isOut ? index : 0;
  }

  /** In force, by its log. */
  get configuration(): Configuration | undefined {
    return this.configurations.at(-1)?.configuration;
  }

  /**
   * What it calls committed is judged by this. Who is new and replays an epoch that has ended has the
   * word of the next one, by which all that the survivor's log held counts, whatever became of it before.
   */
  get committedBy(): ClusterHistory | undefined {
    const { history, wasNamed } = this;
    return wasNamed ? history : (history?.next ?? history);
  }

  /** Its disk holds the entry at (`index`, `term`), or a snapshot that includes `index`. */
  holds(index: LogIndex, term: Term | undefined): boolean {
    const { durable } = this.view;
    return index < durable.firstIndex - 1 || durable.termAt(index) === term;
  }

  /** The same, or did when its disk was lost: whoever counts it may have been told before. */
  hasHeld(index: LogIndex, term: Term): boolean {
    if (this.holds(index, term)) return true;
    const lost = this.#lost;
    return lost !== undefined && (index < lost.baseIndex || lost.termAt(index) === term);
  }

  /** To be called when log or disk may have changed. */
  noteAgreement(): void {
    const { log, durable } = this.view;
    const versions = this.#agreedVersions;
    if (versions.log === log.version && versions.durable === durable.version) return;
    versions.log = log.version;
    versions.durable = durable.version;
    const base = Math.max(log.firstIndex, durable.firstIndex) - 1;
    let index = Math.min(log.lastIndex, durable.lastIndex);
    while (index > base && log.termAt(index) !== durable.termAt(index)) index--;
    const term = durable.termAt(index);
    // Not even at its beginning: a snapshot takes the place of another log, and is not on disk yet.
    const isAgreed = term !== undefined && term === log.termAt(index);
    this.agreed = isAgreed ? { index, term } : undefined;
  }

  /** Its disk is not what it was; `log` still is what its memory held. */
  noteLoss(): void {
    const { log, agreed } = this;
    const lost = new LogWindow();
    lost.restart(log.baseIndex, log.termAt(log.baseIndex) ?? 0);
    for (let index = log.baseIndex + 1; index <= (agreed?.index ?? 0); index++) {
      const entry = log.entryAt(index);
      if (entry !== undefined) lost.push(entry);
    }
    this.#lost = lost;
    this.agreed = undefined;
  }

  /** By its own log. */
  get isWitness(): boolean {
    return this.configuration?.witnesses?.includes(this.id) ?? false;
  }
}
