/**
 * A hash over the history in slices: what {@link hashHistory} gives, of one state, over as many turns
 * as it takes. Pure apart from the backend that it is given.
 */
import type { Backend, CursorRefusal, HashCursor, HashSlice } from "./contract.ts";
import { HistoryHash } from "./history-hash.ts";
import { SlicedReader } from "./sliced-reader.ts";
import type { StoreState } from "./state.ts";

/** What a cursor asks of the store. */
export interface HashSource {
  readonly backend: Backend;
  /** Rows that one slice looks at, at most. */
  readonly rowsMax: number;
  /** The present state. */
  state(): StoreState;
}

export class StoreHashCursor implements HashCursor {
  readonly #source: HashSource;
  readonly #wanted: number;
  readonly #reader: SlicedReader;
  #hash: HistoryHash | undefined;

  /** Of the history up to `revision`; 0 and below: all of it. */
  constructor(source: HashSource, revision: number) {
    this.#source = source;
    this.#wanted = revision;
    this.#reader = new SlicedReader(source.backend);
  }

  next(): HashSlice {
    const hash = this.#hash ?? this.#begin();
    if (typeof hash === "string") return this.#refuse(hash);
    const { reader } = this.#reader;
    if (reader === undefined) return this.#refuse("cursorExpired");
    if (hash.advance(reader, this.#source.rowsMax)) {
      this.close();
      return hash.result;
    }
    return this.#reader.keep() ? { kind: "unfinished" } : this.#refuse("tooManyCursors");
  }

  close(): void {
    this.#reader.close();
  }

  #begin(): HistoryHash | CursorRefusal {
    const state = this.#source.state();
    const revision = this.#wanted <= 0 ? state.revision : this.#wanted;
    if (revision < state.compactRevision) return "compacted";
    if (revision > state.revision) return "futureRevision";
    this.#hash = new HistoryHash(state, revision);
    return this.#hash;
  }

  #refuse(error: CursorRefusal): HashSlice {
    this.close();
    return { kind: "refused", error };
  }
}
