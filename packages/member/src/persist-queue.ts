/**
 * Batches on their way to the disk, and the messages that promise them.
 *
 * Completions and messages come out in the order in which their batches went in, whatever the log
 * does: a vote or an acknowledgement must not leave before all that it promises is durable (trap T4).
 */
import type { Message, Persist, SnapshotMeta } from "@flotilla/consensus";

export interface PersistPorts {
  /** Resolves once the batch, and every one before it, is durable. */
  append(batch: Persist): Promise<void>;
  /** Replaces the state machine by a snapshot that was received. */
  install(snapshot: SnapshotMeta): Promise<void>;
  onPersisted(batch: Persist): void;
  send(message: Message): void;
  onFailure(error: unknown): void;
}

export class PersistQueue {
  readonly #ports: PersistPorts;
  /** Settles when the newest batch is done; never rejects. */
  #tail: Promise<void> | undefined;

  constructor(ports: PersistPorts) {
    this.#ports = ports;
  }

  /** Starts to persist, if there is something; then, in order, sends. */
  add(batch: Persist | undefined, messages: readonly Message[]): void {
    if (batch === undefined && this.#tail === undefined) {
      this.#sendAll(messages);
      return;
    }
    const appended = batch === undefined ? undefined : this.#ports.append(batch);
    const tail: Promise<void> = this.#finish([this.#tail, appended], batch, messages).then(() => {
      if (this.#tail === tail) this.#tail = undefined;
    });
    this.#tail = tail;
  }

  /** Resolves when nothing is on its way. */
  async idle(): Promise<void> {
    await this.#tail;
  }

  async #finish(
    before: readonly (Promise<void> | undefined)[],
    batch: Persist | undefined,
    messages: readonly Message[],
  ): Promise<void> {
    try {
      await Promise.all(before);
      if (batch?.snapshot !== undefined) await this.#ports.install(batch.snapshot);
      if (batch !== undefined) this.#ports.onPersisted(batch);
      this.#sendAll(messages);
    } catch (error) {
      this.#ports.onFailure(error);
    }
  }

  #sendAll(messages: readonly Message[]): void {
    for (const message of messages) this.#ports.send(message);
  }
}
