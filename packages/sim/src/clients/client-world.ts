/** What clients share: where the servers are, how far away, and what time it is. */
import type { Prng } from "@flotilla/base";
import type { Moment } from "../checkers/index.ts";
import type { Machine } from "../server/machine.ts";
import type { World } from "../world/world.ts";

export interface ClientWorld {
  readonly world: World;
  readonly machines: readonly Machine[];
  readonly random: Prng;
  /** The longest way to a server, or back. */
  readonly delayMs: number;
  /** A client gives an operation up after this; its outcome is then unknown. */
  readonly patienceMs: number;
}

export function momentOf({ world }: ClientWorld): Moment {
  return { atMs: world.nowMs, sequence: world.events };
}

/** How long the next request or answer is on its way. */
export function drawDelay({ random, delayMs }: ClientWorld): number {
  return 0.05 + delayMs * random.fraction();
}
