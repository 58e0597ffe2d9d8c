/** A line of a story, before folding and printing. Pure. */

export interface Line {
  readonly atMs: number;
  /** A server, a client (`c2`), or empty for the world. */
  readonly who: string;
  readonly text: string;
  /** What it is, where such lines are noise: one, and several. */
  readonly routine?: readonly [one: string, several: string];
  /** Told before, or after, what else happens at the same moment. */
  readonly place?: "first" | "last";
}
