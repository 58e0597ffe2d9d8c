/**
 * Large answers of a watch in parts, for clients that can put them together again.
 * Source: etcd server/etcdserver/api/v3rpc/watch.go, sendFragments.
 */
import { varintSize } from "@flotilla/base";
import { encodeEvent, type WatchEvent } from "@flotilla/store";

/** An answer in its two parts. */
export interface EventsAnswer {
  readonly head: Uint8Array;
  readonly events: Uint8Array;
}

/** Encodes an answer with these events; `fragment`: more of the same revision follow. */
type EncodeAnswer = (events: readonly WatchEvent[], fragment: boolean) => EventsAnswer;

/**
 * The answer with these events whole; in parts of less than `bytesMax` when it is not, where an event
 * is not larger by itself.
 */
export function* fragmentsOf(
  events: readonly WatchEvent[],
  bytesMax: number,
  encodeAnswer: EncodeAnswer,
): Generator<EventsAnswer, void, void> {
  const whole = encodeAnswer(events, false);
  if (whole.head.length + whole.events.length < bytesMax || events.length < 2) {
    yield whole;
    return;
  }
  const headBytes = encodeAnswer([], true).head.length;
  let part: WatchEvent[] = [];
  let bytes = headBytes;
  for (const event of events) {
    const size = fieldBytes(encodeEvent(event).length);
    if (part.length > 0 && bytes + size >= bytesMax) {
      yield encodeAnswer(part, true);
      part = [];
      bytes = headBytes;
    }
    part.push(event);
    bytes += size;
  }
  yield encodeAnswer(part, false);
}

/** Of a field of so many bytes, with its tag and length. */
function fieldBytes(size: number): number {
  return 1 + varintSize(size) + size;
}
