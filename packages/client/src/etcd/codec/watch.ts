/** Messages of `etcdserverpb.Watch`, as a client writes and reads them. Pure. */
import { encodeMessage, type WireReader } from "@flotilla/base";
import { type KeyRange, readEvent, type WatchEvent } from "@flotilla/store";
import { readHeader } from "./header.ts";

/** What is watched, without the place to begin. */
export interface WatchSubject extends KeyRange {
  readonly prevKv: boolean;
  readonly noPut: boolean;
  readonly noDelete: boolean;
}

/** `WatchRequest` with a `WatchCreateRequest`; large revisions may come in fragments. */
export function encodeWatchCreate(subject: WatchSubject, startRevision: number): Uint8Array {
  return encodeMessage((request) => {
    request.fieldMessage(1, (create) => {
      create.fieldBytes(1, subject.key);
      create.fieldBytes(2, subject.rangeEnd);
      create.fieldVarint(3, startRevision);
      // A repeated enum is packed: its members are one byte each.
      const filters = [...(subject.noPut ? [0] : []), ...(subject.noDelete ? [1] : [])];
      create.fieldBytes(5, Uint8Array.from(filters));
      create.fieldBool(6, subject.prevKv);
      create.fieldBool(8, true);
    });
  });
}

/** `WatchRequest` with a `WatchProgressRequest`. */
export function encodeProgressRequest(): Uint8Array {
  return encodeMessage((request) => request.fieldMessage(3, () => {}));
}

/** `WatchResponse`. */
export interface WatchResponse {
  /** Of the store when this was said; 0 in some refusals. */
  readonly revision: number;
  readonly isCreated: boolean;
  readonly isCanceled: boolean;
  readonly compactRevision: number;
  readonly cancelReason: string;
  /** More of the same revision follows in the next response. */
  readonly isFragment: boolean;
  readonly events: readonly WatchEvent[];
}

export function readWatchResponse(reader: WireReader): WatchResponse {
  const events: WatchEvent[] = [];
  let revision = 0;
  let isCreated = false;
  let isCanceled = false;
  let compactRevision = 0;
  let cancelReason = "";
  let isFragment = false;
  while (reader.next()) {
    if (reader.field === 1) revision = readHeader(reader.message()).revision;
    else if (reader.field === 3) isCreated = reader.bool();
    else if (reader.field === 4) isCanceled = reader.bool();
    else if (reader.field === 5) compactRevision = reader.varint();
    else if (reader.field === 6) cancelReason = reader.text();
    else if (reader.field === 7) isFragment = reader.bool();
    else if (reader.field === 11) events.push(readEvent(reader.message()));
    else reader.skip();
  }
  return { revision, isCreated, isCanceled, compactRevision, cancelReason, isFragment, events };
}
