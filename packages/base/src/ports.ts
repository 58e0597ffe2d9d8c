/** Ports that every floor shares: what is outside comes in as one of these. */

/** Monotonic time; never the wall clock. */
export interface Clock {
  /** Milliseconds since an arbitrary start; never goes back; fractions allowed. */
  nowMs(): number;
}

/** One-shot timers. */
export interface Timers {
  /** Runs `callback` once after `delayMs`, unless the returned function is called before. */
  after(delayMs: number, callback: () => void): () => void;
}

/** A source of uniform randomness. `Prng` is one; servers pass one seeded by the system. */
export interface Random {
  /** Uniform in [0, 2^32). */
  next32(): number;
  /** Uniform integer in [0, limit). */
  below(limit: number): number;
}

/** Fields of a log line; values must be JSON. */
export type LogFields = Readonly<
  Record<string, string | number | boolean | undefined | readonly string[]>
>;

/**
 * Structured logging: a constant message and fields, never interpolation.
 *
 * error: a person must act. warn: it may become so. info: a change of state an operator wants in
 * the history. debug: for whoever reads the code beside it.
 */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

/** Logs nothing. */
export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} };
