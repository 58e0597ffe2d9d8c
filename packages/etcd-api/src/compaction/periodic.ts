/**
 * When history is compacted by the clock, and up to where. Pure.
 * Source: etcd server/etcdserver/api/v3compactor/periodic.go.
 *
 * The revision is noted ten times per period, or per hour when the period is longer; what is dropped
 * is what lay a period back. The first compaction comes after one whole period, later ones every
 * period, or every hour when it is longer. Example, 10 h: noted every 6 minutes, 101 notes are kept,
 * compacted first after 10 h and then every hour, each time to the oldest note.
 */

const hourMs = 3_600_000;
const notesPerInterval = 10;

/** One member's notes. They go on while it does not lead, so that it can compact once it does. */
export class PeriodicCompaction {
  /** Between two notes; {@link next} is called this often. */
  readonly noteMs: number;
  readonly #intervalMs: number;
  readonly #notesMax: number;
  /** Oldest first. */
  readonly #notes: number[] = [];
  /** What has to pass until the next compaction. */
  #waitMs: number;
  #doneAtMs: number;
  #doneRevision = 0;

  constructor(periodMs: number, nowMs: number) {
    this.#intervalMs = Math.min(periodMs, hourMs);
    this.noteMs = this.#intervalMs / notesPerInterval;
    this.#notesMax = Math.floor(periodMs / this.noteMs) + 1;
    this.#waitMs = periodMs;
    this.#doneAtMs = nowMs;
  }

  /** Notes the present revision. */
  note(revision: number): void {
    this.#notes.push(revision);
    if (this.#notes.length > this.#notesMax) this.#notes.shift();
  }

  /** Up to where to compact now; undefined: not now. */
  due(nowMs: number): number | undefined {
    const [revision] = this.#notes;
    if (revision === undefined || revision === this.#doneRevision) return undefined;
    if (nowMs - this.#doneAtMs < this.#waitMs) return undefined;
    this.#waitMs = this.#intervalMs; // Also when it fails: then the next note tries again.
    return revision;
  }

  /** The compaction is made, or was made by somebody else before. */
  done(revision: number, nowMs: number): void {
    this.#doneRevision = revision;
    this.#doneAtMs = nowMs;
  }
}
