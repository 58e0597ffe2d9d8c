/** Messages of `etcdserverpb.Watch`. */
import { emptyBytes, WireReader, type WireWriter } from "@flotilla/base";
import { type WatchEvent, writeEvent } from "@flotilla/store";
import { clamped } from "./clamped.ts";
import { encode } from "./encoding.ts";

/** An int64 that the client may choose, all bits of it; a bigint only where a number is not exact. */
export type WatchId = number | bigint;

/** `WatchCreateRequest`. */
export interface WatchCreate {
  readonly kind: "create";
  readonly key: Uint8Array;
  readonly rangeEnd: Uint8Array;
  readonly startRevision: number;
  readonly progressNotify: boolean;
  readonly noPut: boolean;
  readonly noDelete: boolean;
  readonly prevKv: boolean;
  /** 0 = the server chooses. */
  readonly watchId: WatchId;
  readonly fragment: boolean;
}

/** A message of the client; undefined when it says nothing, which etcd ignores. */
export type WatchMessage =
  | WatchCreate
  | { readonly kind: "cancel"; readonly watchId: WatchId }
  | { readonly kind: "progress" }
  | undefined;

/** `WatchRequest`. Throws `WireError`. */
export function decodeWatchRequest(bytes: Uint8Array): WatchMessage {
  const reader = new WireReader(bytes);
  let message: WatchMessage;
  while (reader.next()) {
    if (reader.field === 1) message = readCreate(reader.message());
    else if (reader.field === 2) message = { kind: "cancel", watchId: readCancel(reader) };
    else if (reader.field === 3) {
      reader.skip();
      message = { kind: "progress" };
    } else reader.skip();
  }
  return message;
}

function readCancel(request: WireReader): WatchId {
  const reader = request.message();
  let watchId: WatchId = 0;
  while (reader.next()) {
    if (reader.field === 1) watchId = readWatchId(reader);
    else reader.skip();
  }
  return watchId;
}

function readWatchId(reader: WireReader): WatchId {
  const wide = BigInt.asIntN(64, reader.varint64());
  const number = Number(wide);
  return Number.isSafeInteger(number) ? number : wide;
}

function readCreate(reader: WireReader): WatchCreate {
  let create: WatchCreate = noCreate;
  while (reader.next()) {
    if (reader.field === 1) create = { ...create, key: reader.bytes() };
    else if (reader.field === 2) create = { ...create, rangeEnd: reader.bytes() };
    else if (reader.field === 3) create = { ...create, startRevision: clamped(reader.varint64()) };
    else if (reader.field === 4) create = { ...create, progressNotify: reader.bool() };
    else if (reader.field === 5) create = withFilters(create, reader);
    else if (reader.field === 6) create = { ...create, prevKv: reader.bool() };
    else if (reader.field === 7) create = { ...create, watchId: readWatchId(reader) };
    else if (reader.field === 8) create = { ...create, fragment: reader.bool() };
    else reader.skip();
  }
  return create;
}

const noCreate: WatchCreate = {
  kind: "create",
  key: emptyBytes,
  rangeEnd: emptyBytes,
  startRevision: 0,
  progressNotify: false,
  noPut: false,
  noDelete: false,
  prevKv: false,
  watchId: 0,
  fragment: false,
};

/** A repeated enum comes packed (proto3's default) or one by one; readers take both. */
function withFilters(create: WatchCreate, reader: WireReader): WatchCreate {
  let { noPut, noDelete } = create;
  const add = (filter: number): void => {
    if (filter === 0) noPut = true;
    else if (filter === 1) noDelete = true;
  };
  if (reader.type === 0) add(reader.varint());
  else for (const filter of reader.bytes()) add(filter); // Both filters there are take one byte.
  return { ...create, noPut, noDelete };
}

/**
 * `WatchResponse` after its header and before its events, which {@link EncodedEvents} are; fields at
 * their default may be left out.
 */
export interface WatchAnswer {
  readonly watchId: WatchId;
  readonly created?: boolean;
  readonly canceled?: boolean;
  readonly compactRevision?: number;
  readonly cancelReason?: string;
  readonly fragment?: boolean;
}

export function writeWatchAnswer(writer: WireWriter, answer: WatchAnswer): void {
  if (typeof answer.watchId === "number") writer.fieldVarint(2, answer.watchId);
  else writer.fieldVarint64(2, answer.watchId);
  writer.fieldBool(3, answer.created ?? false);
  writer.fieldBool(4, answer.canceled ?? false);
  writer.fieldVarint(5, answer.compactRevision ?? 0);
  writer.fieldText(6, answer.cancelReason ?? "");
  writer.fieldBool(7, answer.fragment ?? false);
}

/** Events at the end of answers. Many watches are told the same: whoever is next gets the same bytes. */
export class EncodedEvents {
  #events: readonly WatchEvent[] = [];
  #bytes: Uint8Array = emptyBytes;

  /** `events` must not change. */
  of(events: readonly WatchEvent[]): Uint8Array {
    if (events === this.#events) return this.#bytes;
    this.#events = events;
    this.#bytes = encode((writer) => {
      for (const event of events) writer.fieldMessage(11, (body) => writeEvent(body, event));
    });
    return this.#bytes;
  }
}
