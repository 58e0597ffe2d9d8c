/**
 * When queued proposals leave: at once, or a moment later with those that are about to come. Pure.
 *
 * A batch costs each member a message, a write to the disk and an answer, whatever is in it. Under load
 * clients get their answers together and ask again one after the other; who hands in the first of them at
 * once has many small batches. So while {@link gatherFrom} are under way, a batch waits until it is
 * {@link gatherMax} long, for {@link gatherMs} at most. Whoever is alone never waits.
 */
import { gatherFrom, gatherMax, gatherMs } from "./limits.ts";

export interface GatheringPorts {
  /** Calls back once after `delayMs`, unless the returned function is called before. */
  after(delayMs: number, callback: () => void): () => void;
  /** What waits is due now. */
  onDue(): void;
}

export class Gathering {
  readonly #ports: GatheringPorts;
  #cancel: (() => void) | undefined;
  #isOver = false;

  constructor(ports: GatheringPorts) {
    this.#ports = ports;
  }

  /** True while somebody waits for others. */
  get isWaiting(): boolean {
    return this.#cancel !== undefined;
  }

  /** Whether `queued` proposals leave now, with `underWay` more on their way. */
  isDue(queued: number, underWay: number): boolean {
    if (this.#isOver || queued >= gatherMax || underWay < gatherFrom) {
      this.stop();
      return true;
    }
    this.#cancel ??= this.#ports.after(gatherMs, () => {
      this.#cancel = undefined;
      this.#isOver = true;
      this.#ports.onDue();
    });
    return false;
  }

  /** Nobody waits any more. */
  stop(): void {
    this.#isOver = false;
    this.#cancel?.();
    this.#cancel = undefined;
  }
}
