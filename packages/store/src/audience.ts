/**
 * Those who watch the same keys: told together, and given the same batches. Pure.
 *
 * They are mostly at the same place: what the first one takes is kept until everybody has it, so that
 * a change is looked up once however many watch it, and whoever sends it may encode it once.
 */
import type { WatchBatch, WatchEvent } from "./contract.ts";
import type { Bounds } from "./key-range.ts";

/** Events from one position up to another, as one of the watchers has taken them. */
export interface Stretch {
  readonly from: number;
  readonly next: number;
  /** How it was asked for: whoever asks otherwise gets another. */
  readonly bytesMax: number;
  readonly form: WatchForm;
  readonly batch: Extract<WatchBatch, { readonly kind: "events" }>;
}

/** What a watcher wants of its events; equal ones are the same number. */
export type WatchForm = number;

/** One of an audience. */
export interface Listener {
  /** A change of `revision` lies in the bounds. */
  notice(revision: number, kind: WatchEvent["kind"]): void;
}

/** The watchers of exactly the same keys. */
export class Audience<L extends Listener> {
  readonly bounds: Bounds;
  readonly #listeners = new Set<L>();
  /** How many of them wait for what comes next. */
  #idle = 0;
  #stretch: Stretch | undefined;

  constructor(bounds: Bounds) {
    this.bounds = bounds;
  }

  get listeners(): Iterable<L> {
    return this.#listeners;
  }

  /** True when there is somebody to share with. */
  get isMany(): boolean {
    return this.#listeners.size > 1;
  }

  get isEmpty(): boolean {
    return this.#listeners.size === 0;
  }

  /** It does not count as idle before it says so. */
  join(listener: L): void {
    this.#listeners.add(listener);
  }

  /** It has said before that it is not idle. */
  leave(listener: L): void {
    this.#listeners.delete(listener);
    this.#forgetWhenIdle();
  }

  /** One of them has everything, or no longer has. */
  idleBy(change: 1 | -1): void {
    this.#idle += change;
    this.#forgetWhenIdle();
  }

  notice(revision: number, kind: WatchEvent["kind"]): void {
    if (this.#idle === 0) return; // All have been told, and have not taken what there is.
    for (const listener of this.#listeners) listener.notice(revision, kind);
  }

  /** Keeps it for the others. */
  keep(stretch: Stretch): void {
    if (this.isMany) this.#stretch = stretch;
  }

  /** What somebody else has taken from there on. */
  kept(from: number, bytesMax: number, form: WatchForm): Stretch | undefined {
    const stretch = this.#stretch;
    const fits = stretch?.from === from && stretch.bytesMax === bytesMax && stretch.form === form;
    return fits ? stretch : undefined;
  }

  forget(): void {
    this.#stretch = undefined;
  }

  #forgetWhenIdle(): void {
    if (this.#idle === this.#listeners.size) this.forget();
  }
}
