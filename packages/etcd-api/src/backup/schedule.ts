/** When snapshots are written by themselves, under which name, and which of them go again. Pure. */

/** Snapshots by the clock, written by whoever leads. */
export interface BackupSchedule {
  /** Exists, or is made. Snapshots in it that bear our names are removed once they are too many. */
  readonly directory: string;
  readonly everyMs: number;
  /** So many are kept. */
  readonly keep: number;
}
