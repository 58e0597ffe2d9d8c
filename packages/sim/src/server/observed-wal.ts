/** A log that tells what has become durable. Otherwise the log itself. */
import type { Wal, WalBatch, WalDone } from "@flotilla/wal";

export class ObservedWal implements Wal {
  readonly #wal: Wal;
  readonly #onDurable: (batch: WalBatch) => void;
  /** Done, but promised only to be in order: durable with the next one that is. */
  #waiting: WalBatch[] = [];

  constructor(wal: Wal, onDurable: (batch: WalBatch) => void) {
    this.#wal = wal;
    this.#onDurable = onDurable;
  }

  append(batch: WalBatch, done: WalDone): void {
    this.#wal.append(batch, (error) => {
      if (error === undefined) this.#finished(batch);
      done(error);
    });
  }

  release(index: number, done: WalDone): void {
    this.#wal.release(index, done);
  }

  close(done: WalDone): void {
    this.#wal.close(done);
  }

  #finished(batch: WalBatch): void {
    if (!batch.mustSync) {
      this.#waiting.push(batch);
      return;
    }
    const waiting = this.#waiting;
    if (waiting.length > 0) {
      this.#waiting = [];
      for (const earlier of waiting) this.#onDurable(earlier);
    }
    this.#onDurable(batch);
  }
}
