/** The bounds on what the store holds in memory and does at a stretch. */

export interface StoreLimits {
  /** Rows that one slice of a compaction looks at, besides one for each new row. Default 100. */
  readonly compactRows: number;
  /** Bytes of keys and values in the log of recent events. Default 16 MiB. */
  readonly recentBytes: number;
  /** Events in it; bounds the overhead of small ones. Default 32768. */
  readonly recentEvents: number;
  /** Rows of history that one `take` of a watcher looks at. Default 10,000: some tens of milliseconds. */
  readonly historyRows: number;
  /** Rows that one slice of a cursor looks at. Default 1,000: some milliseconds. */
  readonly cursorRows: number;
  /**
   * Sessions remembered; beyond it the one whose last proposal is the oldest is forgotten. Part of the
   * state: the same at all members. Default 1024.
   */
  readonly sessionsMax: number;
}

export const storeLimitsDefault: StoreLimits = {
  compactRows: 100,
  recentBytes: 16 * 1024 * 1024,
  recentEvents: 32_768,
  historyRows: 10_000,
  cursorRows: 1000,
  sessionsMax: 1024,
};
