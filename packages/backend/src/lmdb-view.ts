/** The state of one moment in LMDB, kept readable by a read transaction for as long as it is open. */
import { assert } from "@flotilla/base";
import type { BackendReader, BackendView, Table } from "@flotilla/store";
import type { LmdbGeneration } from "./lmdb-generation.ts";
import { LongKeyReader } from "./long-keys.ts";

export class LmdbView implements BackendView {
  readonly #timer: NodeJS.Timeout;
  readonly #onClose: () => void;
  #reader: BackendReader | undefined;

  /** The present state of `generation`, for at most `msMax`. */
  constructor(generation: LmdbGeneration, msMax: number, onClose: () => void) {
    const { environment } = generation;
    const pin = environment.pin();
    generation.retain();
    this.#reader = new LongKeyReader(environment.readerAt(pin));
    this.#onClose = () => {
      pin.done();
      generation.release();
      onClose();
    };
    this.#timer = setTimeout(() => this.close(), msMax).unref();
  }

  get isOpen(): boolean {
    return this.#reader !== undefined;
  }

  get(table: Table, key: Uint8Array): Uint8Array | undefined {
    return this.#open().get(table, key);
  }

  range(
    table: Table,
    from: Uint8Array,
    to: Uint8Array | undefined,
    options?: { readonly reverse?: boolean; readonly limit?: number },
  ): Iterable<readonly [key: Uint8Array, value: Uint8Array]> {
    return this.#open().range(table, from, to, options);
  }

  count(table: Table, from: Uint8Array, to: Uint8Array | undefined): number {
    return this.#open().count(table, from, to);
  }

  close(): void {
    if (this.#reader === undefined) return;
    clearTimeout(this.#timer);
    this.#reader = undefined;
    this.#onClose();
  }

  #open(): BackendReader {
    assert(
      this.#reader !== undefined,
      "backend: whoever reads a view asks first whether it is open",
    );
    return this.#reader;
  }
}
