/** What the handlers of one engine want done, until the driver takes it as effects. */
import type { Effects, Entry, Message, Persist, ReadReady } from "../contract.ts";

/** Collects effects in order. */
export class Outbox {
  #messages: Message[] = [];
  #messagesAfterPersist: Message[] = [];
  #reads: ReadReady[] = [];
  #droppedReads: number[] = [];

  /** To leave at once: it promises nothing about the disk. */
  send(message: Message): void {
    this.#messages.push(message);
  }

  /** To leave once all that is in memory now is durable: it promises that. */
  sendAfterPersist(message: Message): void {
    this.#messagesAfterPersist.push(message);
  }

  readReady(read: ReadReady): void {
    this.#reads.push(read);
  }

  readDropped(requestId: number): void {
    this.#droppedReads.push(requestId);
  }

  /** Everything collected, with what only its owner knows; undefined when there is nothing at all. */
  take(persist: Persist | undefined, committed: readonly Entry[]): Effects | undefined {
    const effects: Effects = {
      persist,
      messages: this.#messages,
      messagesAfterPersist: this.#messagesAfterPersist,
      committed,
      reads: this.#reads,
      droppedReads: this.#droppedReads,
    };
    const count =
      effects.messages.length +
      effects.messagesAfterPersist.length +
      effects.committed.length +
      effects.reads.length +
      effects.droppedReads.length;
    if (persist === undefined && count === 0) return undefined;
    this.#messages = [];
    this.#messagesAfterPersist = [];
    this.#reads = [];
    this.#droppedReads = [];
    return effects;
  }
}
