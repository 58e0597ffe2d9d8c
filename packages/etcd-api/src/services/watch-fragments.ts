/**
 * Large answers of a watch in parts, for clients that can put them together again.
 * Source: etcd server/etcdserver/api/v3rpc/watch.go, sendFragments.
 */
import type { WatchEvent } from "@flotilla/store";
import { requestBytesMax } from "../limits.ts";

/** Encodes an answer with these events; `fragment`: more of the same revision follow. */
type EncodeAnswer = (events: readonly WatchEvent[], fragment: boolean) => Uint8Array;

/**
 * Sends `events` whole, or in parts of less than `requestBytesMax` where `fragment` allows it and an
 * event is not larger by itself. Returns what the last `write` returned.
 */
export function sendEvents(
  events: readonly WatchEvent[],
  fragment: boolean,
  encodeAnswer: EncodeAnswer,
  write: (bytes: Uint8Array) => boolean,
): boolean {
  const whole = encodeAnswer(events, false);
  if (!fragment || whole.length < requestBytesMax) return write(whole);
  const parts = partsOf(events);
  let room = true;
  parts.forEach((part, index) => {
    room = write(encodeAnswer(part, index < parts.length - 1));
  });
  return room;
}

/** Fills parts in order, each up to the limit. */
function partsOf(events: readonly WatchEvent[]): WatchEvent[][] {
  const parts: WatchEvent[][] = [];
  let part: WatchEvent[] = [];
  let bytes = headBytes;
  for (const event of events) {
    const size = sizeOf(event);
    if (part.length > 0 && bytes + size >= requestBytesMax) {
      parts.push(part);
      part = [];
      bytes = headBytes;
    }
    part.push(event);
    bytes += size;
  }
  parts.push(part);
  return parts;
}

/** More than the header and the other fields of an answer take. */
const headBytes = 128;
/** More than the numbers and tags of an event take. */
const eventOverheadBytes = 160;

function sizeOf(event: WatchEvent): number {
  const previous = event.previous;
  const before = previous === undefined ? 0 : previous.key.length + previous.value.length;
  return event.kv.key.length + event.kv.value.length + before + eventOverheadBytes;
}
