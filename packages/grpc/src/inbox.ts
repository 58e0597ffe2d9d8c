/**
 * Request messages on their way to a handler that reads them one by one.
 *
 * Bounded by flow control: while messages wait, the stream's window is not given back to the client.
 */

/** What a message costs in memory beside its bytes. */
const messageOverheadBytes = 64;

interface Waiting {
  readonly resolve: (result: IteratorResult<Uint8Array>) => void;
  readonly reject: (reason: unknown) => void;
}

/** A queue that is iterated once. */
export class Inbox implements AsyncIterable<Uint8Array>, AsyncIterator<Uint8Array> {
  readonly #onEmpty: () => void;
  #messages: Uint8Array[] = [];
  #first = 0;
  #heldBytes = 0;
  #waiting: Waiting | undefined;
  #end: { readonly failure: Error | undefined } | undefined;

  /** `onEmpty` is called when the last waiting message is taken. */
  constructor(onEmpty: () => void) {
    this.#onEmpty = onEmpty;
  }

  /** Memory held for messages that wait. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  get empty(): boolean {
    return this.#first === this.#messages.length;
  }

  push(message: Uint8Array): void {
    if (this.#end !== undefined) return;
    if (this.#waiting !== undefined) {
      const { resolve } = this.#waiting;
      this.#waiting = undefined;
      resolve({ done: false, value: message });
      return;
    }
    this.#messages.push(message);
    this.#heldBytes += message.length + messageOverheadBytes;
  }

  /** No more messages: what waits is still delivered. */
  finish(): void {
    this.#close({ failure: undefined });
  }

  /** The call is over: what waits is dropped, the reader gets `failure`. */
  fail(failure: Error): void {
    this.#messages = [];
    this.#first = 0;
    this.#heldBytes = 0;
    this.#end = undefined;
    this.#close({ failure });
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return this;
  }

  next(): Promise<IteratorResult<Uint8Array>> {
    const message = this.#messages[this.#first];
    if (message !== undefined) {
      this.#take(message);
      return Promise.resolve({ done: false, value: message });
    }
    if (this.#end?.failure !== undefined) return Promise.reject(this.#end.failure);
    if (this.#end !== undefined) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
  }

  /** The reader stops early: further messages are dropped. */
  return(): Promise<IteratorResult<Uint8Array>> {
    this.#messages = [];
    this.#first = 0;
    this.#heldBytes = 0;
    this.finish();
    this.#onEmpty();
    return Promise.resolve({ done: true, value: undefined });
  }

  #take(message: Uint8Array): void {
    this.#heldBytes -= message.length + messageOverheadBytes;
    this.#first++;
    if (!this.empty) return;
    this.#messages = [];
    this.#first = 0;
    this.#onEmpty();
  }

  #close(end: { readonly failure: Error | undefined }): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (end.failure !== undefined) waiting?.reject(end.failure);
    else waiting?.resolve({ done: true, value: undefined });
  }
}
