/** The record of one pod in memory, and its way to the disk: one write at a time, the newest wins. */
import type { Logger } from "@flotilla/base";
import type { Container } from "@flotilla/objects";
import { reasonOf } from "../errors.ts";
import { recordOf } from "./decide.ts";
import type { ContainerRecord, PodRecord, PodRecords } from "./pod-record.ts";

export interface RecordKeeperDeps {
  readonly records: PodRecords;
  readonly logger: Logger;
}

/** Holds a record. What is set is valid at once. */
export class RecordKeeper {
  readonly #deps: RecordKeeperDeps;
  #record: PodRecord;
  #writes: Promise<void> = Promise.resolve();

  constructor(deps: RecordKeeperDeps, record: PodRecord) {
    this.#deps = deps;
    this.#record = record;
  }

  get current(): PodRecord {
    return this.#record;
  }

  /** The record of one container. */
  of(container: Container): ContainerRecord {
    return recordOf(this.#record, container);
  }

  /** Changes the record in memory only: for what the next write may carry. */
  set(part: Partial<PodRecord>): void {
    this.#record = { ...this.#record, ...part };
  }

  setContainer(container: Container, next: ContainerRecord): void {
    this.set({ containers: { ...this.#record.containers, [container.name]: next } });
  }

  /** Resolves when what is in memory now is on disk; rejects when the disk refuses. */
  async write(): Promise<void> {
    const uid = this.#record.pod.metadata.uid ?? "";
    const write = this.#writes.then(() => this.#deps.records.write(uid, this.#record));
    this.#writes = write.catch((error: unknown) => {
      this.#deps.logger.warn("pod record not written", { uid, reason: reasonOf(error) });
    });
    await write;
  }

  /** For what has happened already: it is not undone by a disk that refuses. */
  writeLater(): void {
    this.write().catch(() => {}); // Logged in write().
  }

  /** Resolves when no write is under way. */
  async settled(): Promise<void> {
    await this.#writes;
  }
}
