/** What new streams start with in each direction, and how settings change that (RFC 9113 section 6.9.2). Pure. */
import { defaultWindowBytes } from "./frame.ts";

/** The initial windows of one connection. */
export class StreamWindows {
  /** What the server may send on a new stream. */
  send: number = defaultWindowBytes;
  /** What the client may send on a new stream. */
  receive: number;
  readonly #announced: number;
  #isAcknowledged = false;

  /** `announcedBytes` is what the server's SETTINGS say; a client may go by the default until it has seen them. */
  constructor(announcedBytes: number) {
    this.#announced = announcedBytes;
    this.receive = Math.max(defaultWindowBytes, announcedBytes);
  }

  /** The client's INITIAL_WINDOW_SIZE; by how much it changes the streams that are open. */
  onSetting(bytes: number): number {
    const delta = bytes - this.send;
    this.send = bytes;
    return delta;
  }

  /** The client has seen the server's settings; by how much that changes the streams that are open. */
  onAcknowledged(): number {
    if (this.#isAcknowledged) return 0;
    this.#isAcknowledged = true;
    const delta = this.#announced - this.receive;
    this.receive = this.#announced;
    return delta;
  }
}
