/** What an oracle or a checker reports. Pure. */

/** One broken promise; a run ends with the first. */
export interface Violation {
  /** Names the promise in camel case, such as `electionSafety`. */
  readonly oracle: string;
  /** All facts, in one sentence. */
  readonly message: string;
}

/** Makes a {@link Violation}. */
export function violation(oracle: string, message: string): Violation {
  return { oracle, message };
}
