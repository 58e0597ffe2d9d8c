/**
 * One generation of the store's files: an environment, its checkpoints, and whoever still reads it.
 * A restore makes a new generation beside the old one.
 */
import { closeSync, existsSync, fdatasync, fdatasyncSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { promisify } from "node:util";
import { failpoint } from "@flotilla/base";
import type { Transaction } from "lmdb";
import {
  checkpointPath,
  dataPath,
  encodeCheckpoint,
  readCheckpoint,
  recoverFromCheckpoint,
} from "./checkpoint.ts";
import { syncDirectorySync, writeFileDurably, writeFileDurablySync } from "./durable-file.ts";
import { LmdbEnvironment } from "./lmdb-environment.ts";
import { LongKeyWriter } from "./long-keys.ts";

const datasync = promisify(fdatasync);

export interface GenerationOptions {
  readonly directory: string;
  readonly mapSizeBytes: number;
  /** A checkpoint was made, and how long that took. */
  readonly onCheckpoint?: ((seconds: number) => void) | undefined;
}

export class LmdbGeneration {
  readonly environment: LmdbEnvironment;
  readonly tables: LongKeyWriter;
  readonly #file: number;
  readonly #onCheckpoint: ((seconds: number) => void) | undefined;
  /** Protects the state of the last checkpoint. */
  #pin: Transaction;
  /** Commits that the last checkpoint holds. */
  #checkpointed: number;
  #running: Promise<void> | undefined;
  #queued: Promise<void> | undefined;
  #readers = 0;
  #onIdle: (() => void) | undefined;

  /** Opens what is in the directory as of its last checkpoint, or makes it. Blocks. */
  constructor({ directory, mapSizeBytes, onCheckpoint }: GenerationOptions) {
    this.#onCheckpoint = onCheckpoint;
    const isNew = !existsSync(dataPath(directory)) && !existsSync(checkpointPath(directory));
    if (isNew) mkdirSync(directory, { recursive: true });
    else recoverFromCheckpoint(directory);
    this.environment = new LmdbEnvironment(directory, mapSizeBytes);
    this.tables = new LongKeyWriter(this.environment);
    this.#file = openSync(dataPath(directory), "r+");
    this.#pin = this.environment.pin();
    this.#checkpointed = this.environment.commits;
    if (!isNew) return;
    fdatasyncSync(this.#file);
    writeFileDurablySync(checkpointPath(directory), this.#checkpointBytes());
    syncDirectorySync(dirname(directory));
  }

  /** True when something was written since the last checkpoint began. */
  get isDirty(): boolean {
    return this.environment.commits > this.#checkpointed || this.environment.hasOpenChanges;
  }

  /** Resolves once everything written before the call would survive a power loss. */
  checkpoint(): Promise<void> {
    // One at a time; all calls while one is running share the next.
    this.#queued ??= this.#afterRunning();
    return this.#queued;
  }

  /** Keeps the generation open while somebody reads it; to be paired with {@link release}. */
  retain(): void {
    this.#readers++;
  }

  release(): void {
    this.#readers--;
    if (this.#readers === 0) this.#onIdle?.();
  }

  /** Waits for checkpoints and readers, and closes; after it the files may be removed. */
  async close(): Promise<void> {
    await (this.#queued ?? this.#running)?.catch(() => undefined); // Whoever asked for it is told.
    if (this.#readers > 0) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
    }
    this.#pin.done();
    closeSync(this.#file);
    await this.environment.close();
  }

  async #afterRunning(): Promise<void> {
    await this.#running?.catch(() => undefined); // Whoever asked for that one is told.
    this.#queued = undefined;
    this.#running = this.#makeCheckpoint();
    await this.#running;
  }

  async #makeCheckpoint(): Promise<void> {
    if (!this.isDirty) return;
    const pin = this.environment.pin();
    const { commits } = this.environment;
    const beganMs = performance.now();
    try {
      const bytes = this.#checkpointBytes();
      failpoint("beforeCheckpointSync");
      await datasync(this.#file);
      failpoint("afterCheckpointSync");
      await writeFileDurably(checkpointPath(this.environment.directory), bytes);
    } catch (error) {
      pin.done();
      throw this.environment.fail(error, "sync the store");
    }
    this.#pin.done();
    this.#pin = pin;
    this.#checkpointed = commits;
    this.#onCheckpoint?.((performance.now() - beganMs) / 1000);
  }

  #checkpointBytes(): Uint8Array {
    const { directory, pageBytes } = this.environment;
    return encodeCheckpoint(readCheckpoint(directory, pageBytes));
  }
}
