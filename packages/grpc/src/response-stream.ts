/** The sending half of one stream: what {@link Sender} needs to know of it. */
import { Outbox } from "./outbox.ts";
import type { Status } from "./status.ts";

/** Bytes that wait, the peer's window, and how far the response has come. */
export class ResponseStream {
  readonly id: number;
  /** What the peer still takes on this stream; may be negative after a change of its settings. */
  window: number;
  /** HEADERS were sent. */
  opened = false;
  /** Not gRPC: bytes without prefixes, and an end without a status. */
  isHttp = false;
  /** How the response ends, once that is decided: trailers follow the last byte of the outbox. */
  status: Status | undefined;
  /** Nothing more is sent: the trailers are out, or the stream was reset. */
  ended = false;
  /** Called once there is room for more, or none is needed. */
  waiting: (() => void) | undefined;
  #outbox: Outbox | undefined;

  constructor(id: number, window: number) {
    this.id = id;
    this.window = window;
  }

  /** Made on first use: most responses go out whole and never wait. */
  get outbox(): Outbox {
    this.#outbox ??= new Outbox();
    return this.#outbox;
  }

  get outboxBytes(): number {
    return this.#outbox === undefined ? 0 : this.#outbox.size;
  }

  /** Ends it without a further frame, and lets a waiting writer go on. */
  end(): void {
    this.ended = true;
    this.#outbox = undefined;
    this.resume();
  }

  /** Calls whoever waits for room. */
  resume(): void {
    const { waiting } = this;
    this.waiting = undefined;
    waiting?.();
  }
}
