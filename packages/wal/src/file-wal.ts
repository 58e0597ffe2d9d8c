/**
 * Group commit: one durable write is in flight at a time; what is appended meanwhile is the next
 * batch and goes out as one write.
 *
 * A failed write ends the log for good: after a failed sync the system may hold pages that it
 * believes clean, and a retry would report success for data that is lost (trap T33). Pure.
 */
import { failpoint } from "@flotilla/base";
import type { BatchEncoder } from "./batch-encoder.ts";
import type { Wal, WalBatch, WalDone } from "./contract.ts";
import type { Disk, Done } from "./disk.ts";
import { WalError } from "./errors.ts";
import type { LogFiles } from "./log-files.ts";

interface Pending {
  readonly batch: WalBatch;
  /** Undefined when nobody waits for it any more. */
  readonly done: WalDone | undefined;
}

/** A step that has come to its end; its caller is told in turn. */
interface Ended {
  readonly done: WalDone | undefined;
  readonly error?: WalError | undefined;
}

/** An open log over files. */
export class FileWal implements Wal {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #encoder: BatchEncoder;
  readonly #files: LogFiles;
  /** Appended and not yet given to the disk. */
  #pending: Pending[] = [];
  /** In the write that is under way. */
  #taken: Pending[] = [];
  /** A write or a cut is under way, or the files are closed. */
  #isBusy = false;
  /** In the order in which their callers are told. */
  #ended: Ended[] = [];
  #isTurnAsked = false;
  #failure: WalError | undefined;
  #isClosing = false;
  /** Told once it is closed: whoever closes, and whoever came too late. */
  #closers: Ended[] = [];

  constructor(disk: Disk, directory: string, encoder: BatchEncoder, files: LogFiles) {
    this.#disk = disk;
    this.#directory = directory;
    this.#encoder = encoder;
    this.#files = files;
  }

  append(batch: WalBatch, done: WalDone): void {
    if (this.#failure !== undefined || this.#isClosing) {
      this.#refuse(done);
    } else if (batch.mustSync || this.#isBusy) {
      this.#pending.push({ batch, done });
      if (!this.#isBusy) this.#write();
    } else {
      this.#keep(batch);
      this.#endLater({ done });
    }
  }

  release(index: number, done: WalDone): void {
    if (this.#failure !== undefined || this.#isClosing) {
      this.#refuse(done);
    } else if (this.#files.isReleasable(index)) {
      this.#files.release(index, (error) => {
        this.#ended.push({ done, error });
        this.#closeIfIdle();
        this.#tell();
      });
    } else this.#endLater({ done });
  }

  close(done: WalDone): void {
    if (this.#isClosing) {
      this.#endWithClose({ done });
      return;
    }
    this.#isClosing = true;
    this.#closers.push({ done });
    if (!this.#isBusy) this.#goOn();
  }

  #refuse(done: WalDone): void {
    const closed = new WalError("closed", "Cannot use the log: it is closed");
    if (this.#failure !== undefined) this.#endLater({ done, error: this.#failure });
    else this.#endWithClose({ done, error: closed });
  }

  /** What was appended before is told before. */
  #endWithClose(ended: Ended): void {
    if (this.#closers.length > 0) this.#closers.push(ended);
    else this.#endLater(ended);
  }

  /** Keeps a batch for the next write. One that only moves the commit index replaces its like. */
  #keep(batch: WalBatch): void {
    const last = this.#pending.at(-1)?.batch;
    if (last !== undefined && isHint(last) && isHint(batch)) this.#pending.pop();
    this.#pending.push({ batch, done: undefined });
  }

  #write(): void {
    this.#isBusy = true;
    this.#taken = this.#pending;
    this.#pending = [];
    failpoint("walBeforeSync");
    this.#files.append(this.#encoder.encode(this.#taken), this.#onWritten);
  }

  readonly #onWritten: Done = (error) => {
    if (error !== undefined) {
      this.#fail(error);
      return;
    }
    failpoint("walAfterSync");
    for (const written of this.#taken) this.#ended.push(written);
    this.#taken = [];
    // The disk first: what the callers do takes time.
    if (this.#files.isFull) this.#cut();
    else this.#goOn();
    this.#tell();
  };

  #cut(): void {
    this.#isBusy = true;
    const { lastIndex } = this.#encoder;
    this.#files.cut(this.#encoder.head(), lastIndex + 1, (error) => {
      if (error !== undefined) {
        this.#fail(error);
        return;
      }
      this.#goOn();
      this.#tell();
    });
  }

  /** The disk is free: what comes next? */
  #goOn(): void {
    this.#isBusy = false;
    if (this.#failure === undefined) {
      if (this.#pending.some(this.#mustWrite)) {
        this.#write();
        return;
      }
      this.#settleHints();
    }
    this.#closeIfIdle();
  }

  readonly #mustWrite = ({ batch }: Pending): boolean => batch.mustSync || this.#isClosing;

  /** Nothing that waits has to be durable now: its callers need not wait either. */
  #settleHints(): void {
    const hints = this.#pending;
    this.#pending = [];
    for (const hint of hints) {
      if (hint.done !== undefined) this.#ended.push(hint);
      this.#keep(hint.batch);
    }
  }

  #fail(cause: unknown): void {
    const error = WalError.from("syncFailed", `write the log in "${this.#directory}"`, cause);
    this.#failure = error;
    for (const { done } of [...this.#taken, ...this.#pending]) this.#ended.push({ done, error });
    this.#endClosers(error);
    this.#taken = [];
    this.#pending = [];
    this.#goOn();
    this.#tell();
  }

  #closeIfIdle(): void {
    if (!this.#isClosing || this.#isBusy || this.#files.isReleasing) return;
    this.#isBusy = true;
    this.#files.close((cause) => {
      const action = `close the log in "${this.#directory}"`;
      const error = cause === undefined ? undefined : WalError.from("diskFailed", action, cause);
      this.#endClosers(error);
      this.#tell();
    });
  }

  #endClosers(failure: WalError | undefined): void {
    for (const { done, error = failure } of this.#closers) this.#ended.push({ done, error });
    this.#closers = [];
  }

  /** Ends a step that has nothing to wait for, once its caller has returned. */
  #endLater(ended: Ended): void {
    this.#ended.push(ended);
    if (this.#isTurnAsked) return;
    this.#isTurnAsked = true;
    this.#disk.defer(() => {
      this.#isTurnAsked = false;
      this.#tell();
    });
  }

  #tell(): void {
    const ended = this.#ended;
    this.#ended = [];
    for (const { done, error } of ended) done?.(error);
  }
}

/** True for a batch that says only what a later one says again. */
function isHint({ hardState, entries, snapshot }: WalBatch): boolean {
  const hasEntries = entries !== undefined && entries.length > 0;
  return hardState !== undefined && snapshot === undefined && !hasEntries;
}
