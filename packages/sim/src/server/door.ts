/**
 * Where everything waits for a process that stands still. Parcels come from sockets, which hold only
 * so much; timers and ends of operations are not lost.
 */
import type { EventTarget } from "../world/event-heap.ts";
import { eventKind } from "../world/event-kind.ts";
import type { World } from "../world/world.ts";

/** Parcels that wait; beyond, they are lost. */
const parcelsMax = 2_000;
/** Between two events that have waited. */
const gapMs = 1e-6;

export class Door {
  #pauses = 0;
  #waiting: { readonly kind: number; readonly subject: unknown }[] = [];

  get isClosed(): boolean {
    return this.#pauses > 0;
  }

  /** Pauses add up: it opens when the last one ends. */
  close(): void {
    this.#pauses++;
  }

  /** True when it is open now; then {@link letIn} is due. */
  open(): boolean {
    if (this.#pauses === 0) return false;
    return --this.#pauses === 0;
  }

  wait(kind: number, subject: unknown): void {
    const isParcel = kind <= eventKind.unreachable || kind === eventKind.request;
    if (!isParcel || this.#waiting.length < parcelsMax) this.#waiting.push({ kind, subject });
  }

  /** Lets what has waited happen to `target` now, in its order. */
  letIn(world: World, target: EventTarget): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const [at, { kind, subject }] of waiting.entries()) {
      world.schedule(at * gapMs, kind, target, subject);
    }
  }

  /** Nobody is there any more. */
  forget(): void {
    this.#waiting = [];
  }
}
