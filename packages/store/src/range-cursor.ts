/**
 * A range in slices: what {@link readRange} answers, read over as many turns as it takes, all of one
 * state. Pure apart from the backend that it is given.
 *
 * Rows that come in the order of the answer are handed out as they are found. Others are collected
 * first, and sorted at a stretch when the last is there.
 */
import { successorOf } from "@flotilla/base";
import type {
  Backend,
  BackendReader,
  CursorRefusal,
  KeyValue,
  RangeCursor,
  RangeRequest,
  RangeSlice,
} from "./contract.ts";
import { boundsOf, isEmptyBounds } from "./key-range.ts";
import { RangeScan } from "./range-scan.ts";
import { checkRevision, type View } from "./read-range.ts";
import {
  hasRevisionFilter,
  needsSorting,
  needsValues,
  passesFilters,
  rowsWanted,
  selectRows,
  withoutValue,
} from "./selection.ts";
import { SlicedReader } from "./sliced-reader.ts";

/** What a cursor asks of the store. */
export interface CursorSource {
  readonly backend: Backend;
  /** Rows that one slice looks at, at most. */
  readonly rowsMax: number;
  /** The present state. */
  view(): View;
}

/** What one slice has, and what fits in yet. */
interface Slice {
  readonly kvs: KeyValue[];
  bytesLeft: number;
  rowsLeft: number;
}

export class StoreRangeCursor implements RangeCursor {
  readonly #source: CursorSource;
  readonly #request: RangeRequest;
  readonly #reader: SlicedReader;
  #scan: RangeScan | undefined;
  #revision = 0;
  /** Rows looked at, and of those collected to be sorted; then what of the answer is not given out. */
  #count = 0;
  #collected: KeyValue[] = [];
  #sorted: readonly KeyValue[] | undefined;
  #given = 0;
  #more = false;

  constructor(source: CursorSource, request: RangeRequest) {
    this.#source = source;
    this.#request = request;
    this.#reader = new SlicedReader(source.backend);
  }

  get revision(): number {
    return this.#revision;
  }

  next(bytesMax: number, rowsMax: number = Number.POSITIVE_INFINITY): RangeSlice {
    const scan = this.#scan ?? this.#begin();
    if (typeof scan === "string") return this.#refuse(scan);
    const slice: Slice = { kvs: [], bytesLeft: bytesMax, rowsLeft: rowsMax };
    if (!scan.isDone) {
      const { reader } = this.#reader;
      if (reader === undefined) return this.#refuse("cursorExpired");
      this.#advance(reader, scan, slice);
    }
    if (!scan.isDone) {
      if (!this.#reader.keep()) return this.#refuse("tooManyCursors");
      return { kind: "rows", kvs: slice.kvs, isLast: false };
    }
    this.close();
    const isLast = !needsSorting(this.#request) || this.#giveSorted(slice);
    if (!isLast) return { kind: "rows", kvs: slice.kvs, isLast };
    return { kind: "rows", kvs: slice.kvs, isLast, more: this.#more, count: this.#count };
  }

  close(): void {
    this.#reader.close();
  }

  #begin(): RangeScan | CursorRefusal {
    const view = this.#source.view();
    const { revision } = this.#request;
    const error = checkRevision(view, revision);
    if (error !== undefined) return error;
    this.#revision = view.revision;
    const at = revision <= 0 || revision === view.revision ? undefined : revision;
    this.#scan = new RangeScan({
      ...ends(this.#request),
      at,
      withValues: needsValues(this.#request),
    });
    return this.#scan;
  }

  #refuse(error: CursorRefusal): RangeSlice {
    this.close();
    return { kind: "refused", error };
  }

  #advance(reader: BackendReader, scan: RangeScan, slice: Slice): void {
    const { rowsMax } = this.#source;
    if (!this.#needsRows()) this.#countRest(reader, scan);
    else if (needsSorting(this.#request))
      scan.advance(reader, rowsMax, (row) => this.#collect(row));
    else scan.advance(reader, rowsMax, (row) => this.#give(row, slice));
    // What is only counted at the latest revision takes no time to speak of.
    if (!scan.isDone && !this.#needsRows()) this.#countRest(reader, scan);
  }

  /** False when the rest is only to be counted. */
  #needsRows(): boolean {
    const request = this.#request;
    if (request.countOnly) return false;
    if (needsSorting(request)) return this.#collected.length < rowsWanted(request);
    return hasRevisionFilter(request) || request.limit <= 0 || this.#given < request.limit;
  }

  #countRest(reader: BackendReader, scan: RangeScan): void {
    const count = scan.count(reader, this.#source.rowsMax);
    this.#count += count;
    // Of sorted ones, those that were collected tell.
    if (count > 0 && !this.#request.countOnly) this.#more ||= !needsSorting(this.#request);
  }

  #collect(row: KeyValue): boolean {
    this.#count++;
    this.#collected.push(row);
    return this.#needsRows();
  }

  #give(row: KeyValue, slice: Slice): boolean {
    const request = this.#request;
    this.#count++;
    if (!passesFilters(row, request)) return true;
    if (request.limit > 0 && this.#given === request.limit) {
      this.#more = true;
      return true;
    }
    this.#given++;
    const hasRoom = put(slice, request.keysOnly ? withoutValue(row, request.sortTarget) : row);
    return hasRoom && this.#needsRows();
  }

  /** True when all is given. */
  #giveSorted(slice: Slice): boolean {
    if (this.#sorted === undefined) {
      const { kvs, more } = selectRows(this.#collected, this.#request);
      this.#collected = [];
      this.#sorted = kvs;
      this.#more = more && !this.#request.countOnly;
    }
    for (; this.#given < this.#sorted.length; this.#given++) {
      if (slice.kvs.length > 0 && (slice.bytesLeft <= 0 || slice.rowsLeft <= 0)) return false;
      put(slice, this.#sorted[this.#given] as KeyValue);
    }
    return true;
  }
}

function ends(request: RangeRequest): { from: Uint8Array; to: Uint8Array | undefined } {
  const bounds = boundsOf(request);
  if (bounds.kind === "key") return { from: bounds.key, to: successorOf(bounds.key) };
  return { from: bounds.from, to: isEmptyBounds(bounds) ? bounds.from : bounds.to };
}

/** True when there is room for more. */
function put(slice: Slice, row: KeyValue): boolean {
  slice.kvs.push(row);
  slice.rowsLeft--;
  slice.bytesLeft -= row.key.length + row.value.length;
  return slice.bytesLeft > 0 && slice.rowsLeft > 0;
}
