/** What a soak is told. */

/**
 * Operations a second, about half of what three members and these clients do on two busy cores when they
 * are not held back: `--rate 100000` for half a minute says what that is on another machine.
 */
export const rateDefault = 600;

export interface SoakOptions {
  readonly seconds: number;
  /** Draws the operations and the faults. What the members make of them takes its own time. */
  readonly seed: number;
  readonly rate: number;
  /** Between one fault and the next. */
  readonly faultEveryMs: number;
  /** A stretch of history that is checked as one, with keys of its own. */
  readonly windowMs: number;
  readonly rssEveryMs: number;
  /** Memory is not judged before. */
  readonly warmUpMs: number;
  /** Told now and then what is going on. */
  say(line: string): void;
}

export const soakDefaults: SoakOptions = {
  seconds: 1800,
  seed: 1,
  rate: rateDefault,
  faultEveryMs: 20_000,
  windowMs: 10_000,
  rssEveryMs: 10_000,
  warmUpMs: 120_000,
  say: () => {},
};

/** `--minutes 30 --seed 7 --rate 500`; undefined when there is something else. */
export function readSoakOptions(args: readonly string[]): Partial<SoakOptions> | undefined {
  let options: Partial<SoakOptions> = {};
  for (let at = 0; at < args.length; at += 2) {
    const value = Number(args[at + 1]);
    if (!Number.isFinite(value) || value <= 0) return undefined;
    const name = args[at];
    if (name === "--minutes") options = { ...options, seconds: value * 60 };
    else if (name === "--seconds") options = { ...options, seconds: value };
    else if (name === "--seed") options = { ...options, seed: value };
    else if (name === "--rate") options = { ...options, rate: value };
    else return undefined;
  }
  return options;
}
