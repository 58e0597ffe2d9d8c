/**
 * What a read over many turns reads from: the live state in its first turn, and a view of that state
 * from then on. So a read that is done at once costs nothing more. Pure apart from the backend.
 */
import type { Backend, BackendReader, BackendView } from "./contract.ts";

export class SlicedReader {
  readonly #backend: Backend;
  #view: BackendView | undefined;

  constructor(backend: Backend) {
    this.#backend = backend;
  }

  /** What to read from now; undefined when the view's time was up. */
  get reader(): BackendReader | undefined {
    if (this.#view === undefined) return this.#backend;
    return this.#view.isOpen ? this.#view : undefined;
  }

  /** Keeps the present state, in the turn in which reading began; false when that cannot be done. */
  keep(): boolean {
    this.#view ??= this.#backend.view();
    return this.#view !== undefined;
  }

  close(): void {
    this.#view?.close();
  }
}
