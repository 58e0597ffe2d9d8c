/**
 * What a leader knows about one other server, and how it sends to it.
 *
 * ```
 *            ack                    needs compacted entries
 *   probe ---------> replicate      any state --------> snapshot
 *     ^                  |                                 |
 *     +------------------+  rejection, unreachable         |  ack that meets the log: replicate
 *     +----------------------------------------------------+  bytes arrived, or did not: probe
 * ```
 *
 * - probe: one append at a time, until it is known where the logs meet.
 * - replicate: appends are streamed ahead of their acknowledgements, within a window.
 * - snapshot: no appends while the bytes of a snapshot are on their way.
 *
 * Source: etcd/raft design.md and tracker/progress.go.
 */
import { assert } from "@flotilla/base";
import type { LogIndex } from "../contract.ts";
import { Inflight, type Window } from "./inflight.ts";

/** What is known about a server from the start. */
export interface ProgressOptions extends Window {
  /** It gets no data, also while it leaves. */
  readonly isWitness: boolean;
  readonly sinceTick: number;
}

/** A server that the configuration does not name any more. */
export interface Departure {
  /** Where that configuration stands in the log. */
  readonly index: LogIndex;
  readonly sinceTick: number;
}

export class Progress {
  readonly isWitness: boolean;
  readonly sinceTick: number;
  /** Highest index known to be durable there and equal to the leader's. */
  matchIndex: LogIndex = 0;
  /** First index of the next append. */
  nextIndex: LogIndex;
  state: "probe" | "replicate" | "snapshot" = "probe";
  /** In probe: one append is out; the next one waits for an answer or for a heartbeat's. */
  paused = false;
  /** An append is due although nothing is new: to find out whether earlier ones were lost. */
  mustPing = false;
  /** Highest commit index that an append has told it. */
  sentCommitIndex: LogIndex = 0;
  /** Highest round of reads that it has confirmed. */
  readRound = 0;
  /** When it last answered, in this leadership. */
  heardTick: number = Number.NEGATIVE_INFINITY;
  /** As it told with its first answer that did; 0 when none did. */
  incarnation = 0;
  /** As it told last: it is not to lead while another one can. */
  standsBack = false;
  /** Highest index that it has ever acknowledged; above `matchIndex` once it turned out to have lost some. */
  acknowledgedIndex: LogIndex = 0;
  departure: Departure | undefined;
  /** That of the last snapshot that was sent. */
  snapshotIndex: LogIndex = 0;
  /** A snapshot was sent, and it does not hold yet all that is committed. */
  isCatchingUp = false;
  readonly inflight: Inflight;

  constructor(nextIndex: LogIndex, options: ProgressOptions) {
    this.isWitness = options.isWitness;
    this.sinceTick = options.sinceTick;
    this.nextIndex = nextIndex;
    this.inflight = new Inflight(options);
  }

  get hasLostEntries(): boolean {
    return this.matchIndex < this.acknowledgedIndex;
  }

  /** It answered: it is there, and follows this leader. */
  answered(tick: number, incarnation: number): void {
    this.heardTick = tick;
    if (this.incarnation === 0) this.incarnation = incarnation;
  }

  /** It answered within the last `ticks`. */
  isActive(tick: number, ticks: number): boolean {
    return tick - this.heardTick < ticks;
  }

  /** The configuration at `index` does not name it. It is to learn that, and gets no more. */
  leave(index: LogIndex, tick: number): void {
    this.departure ??= { index, sinceTick: tick };
  }

  /** It knows that it is out, or was given `ticks` to learn it. */
  hasLeft(tick: number, ticks: number): boolean {
    if (this.departure === undefined) return false;
    const { index, sinceTick } = this.departure;
    const isTold = this.matchIndex >= index && this.sentCommitIndex >= index;
    return isTold || tick - sinceTick > ticks;
  }

  /** Notes an append that ends at `lastIndex`. */
  sent(lastIndex: LogIndex, bytes: number): void {
    assert(this.state !== "snapshot", "progress: no appends while a snapshot is on its way");
    if (this.state === "probe") this.paused = true;
    else if (lastIndex >= this.nextIndex) {
      this.inflight.add(lastIndex, bytes);
      this.nextIndex = lastIndex + 1;
    }
    this.mustPing = false;
  }

  /** An acknowledgement. `firstIndex` is that of the leader's log. True if it told something new. */
  accepted(matchIndex: LogIndex, firstIndex: LogIndex): boolean {
    const isNews = matchIndex > this.matchIndex;
    if (isNews) this.matchIndex = matchIndex;
    this.acknowledgedIndex = Math.max(this.acknowledgedIndex, matchIndex);
    this.nextIndex = Math.max(this.nextIndex, this.matchIndex + 1);
    this.inflight.acknowledge(matchIndex);
    const meets =
      this.state === "probe"
        ? matchIndex === this.matchIndex
        : this.state === "snapshot" && this.matchIndex + 1 >= firstIndex;
    if (meets) this.#becomeReplicate();
    return isNews;
  }

  /**
   * A rejection of the append after `rejectedIndex`; the logs can match at `hintIndex` at most.
   * Ignored when it is an old one: what was acknowledged since stays acknowledged.
   */
  rejected(rejectedIndex: LogIndex, hintIndex: LogIndex): void {
    if (this.state === "replicate") {
      if (rejectedIndex >= this.matchIndex) this.becomeProbe(this.matchIndex + 1);
      return;
    }
    if (this.state !== "probe" || rejectedIndex !== this.nextIndex - 1) return;
    // It denies what it had acknowledged: its disk has forgotten. (Or this is an old rejection that
    // came late, and one more round finds that out.)
    if (rejectedIndex === this.matchIndex) this.matchIndex = 0;
    this.becomeProbe(Math.max(this.matchIndex + 1, Math.min(rejectedIndex, hintIndex + 1)));
  }

  /** It says that it holds nothing after `lastIndex`, whatever it had acknowledged. */
  lost(lastIndex: LogIndex): void {
    this.matchIndex = 0;
    this.becomeProbe(lastIndex + 1);
  }

  becomeProbe(nextIndex: LogIndex): void {
    assert(nextIndex > this.matchIndex, "progress: next must be above match");
    this.state = "probe";
    this.nextIndex = nextIndex;
    this.paused = false;
    this.inflight.clear();
  }

  #becomeReplicate(): void {
    this.state = "replicate";
    this.nextIndex = this.matchIndex + 1;
    this.paused = false;
    this.inflight.clear();
  }

  becomeSnapshot(index: LogIndex): void {
    this.state = "snapshot";
    this.snapshotIndex = index;
    this.isCatchingUp = true;
    this.paused = false;
    this.inflight.clear();
  }

  /** The bytes of the snapshot arrived, or did not. The probe waits for the next heartbeat's answer. */
  snapshotSent(delivered: boolean): void {
    if (this.state !== "snapshot") return;
    const matchIndex = delivered ? Math.max(this.matchIndex, this.snapshotIndex) : this.matchIndex;
    this.becomeProbe(matchIndex + 1);
    this.paused = true;
  }

  /** Sends to it fail: stops streaming. The probe waits for the next heartbeat's answer. */
  unreachable(): void {
    if (this.state !== "replicate") return;
    this.becomeProbe(this.matchIndex + 1);
    this.paused = true;
  }

  /** It answered a heartbeat: it is there, so that whatever waits for it may be tried again. */
  heard(lastIndex: LogIndex): void {
    this.paused = false;
    if (this.state === "replicate" && this.matchIndex < lastIndex) this.mustPing = true;
  }
}
