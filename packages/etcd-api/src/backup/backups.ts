/** Writes snapshots by the clock while this member leads, and removes old ones. */
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Logger } from "@flotilla/base";
import type { Timers } from "@flotilla/grpc";
import { type Member, makeDurableDirectory, nodeIdOf } from "@flotilla/member";
import { repeatAsLeader } from "../leader-chore.ts";
import { backupLookMs } from "../limits.ts";
import { snapshotPieces } from "../maintenance/snapshot-stream.ts";
import { writeWholeFile } from "./durable-file.ts";
import {
  type BackupSchedule,
  backupName,
  backupsToRemove,
  isBackupDue,
  unfinished,
} from "./schedule.ts";

export interface BackupDeps {
  readonly member: Member;
  readonly logger: Logger;
  readonly timers: Timers;
  unixSeconds(): number;
}

/** Begins now; returns how to stop, which waits for nothing: an unfinished file goes with the next one. */
export function startBackups(deps: BackupDeps, schedule: BackupSchedule | undefined): () => void {
  if (schedule === undefined) return () => {};
  return new Backups(deps, schedule).start();
}

class Backups {
  readonly #deps: BackupDeps;
  readonly #schedule: BackupSchedule;
  #isStopped = false;

  constructor(deps: BackupDeps, schedule: BackupSchedule) {
    this.#deps = deps;
    this.#schedule = schedule;
  }

  start(): () => void {
    const stop = repeatAsLeader(this.#deps, {
      everyMs: Math.min(backupLookMs, this.#schedule.everyMs),
      complaint: "a backup went wrong",
      attempt: () => this.#attempt(),
    });
    return () => {
      this.#isStopped = true;
      stop();
    };
  }

  async #attempt(): Promise<void> {
    try {
      await this.#backUpIfDue();
    } catch (error) {
      const { directory } = this.#schedule;
      const reason = String(error);
      this.#deps.logger.error("a backup could not be written", { directory, reason });
    }
  }

  async #backUpIfDue(): Promise<void> {
    const { directory, everyMs } = this.#schedule;
    await makeDurableDirectory(directory);
    const unixSeconds = this.#deps.unixSeconds();
    if (!isBackupDue(await readdir(directory), { unixSeconds, everyMs })) return;
    await this.#clear(unixSeconds); // What is too much already may be what fills the disk.
    await this.#write(unixSeconds);
    await this.#clear(unixSeconds);
  }

  async #clear(unixSeconds: number): Promise<void> {
    const { directory, everyMs, keep } = this.#schedule;
    const moment = { unixSeconds, everyMs, keep, member: nodeIdOf(this.#deps.member.id) };
    for (const name of backupsToRemove(await readdir(directory), moment)) {
      await rm(join(directory, name), { force: true });
    }
  }

  async #write(unixSeconds: number): Promise<void> {
    const { member, logger } = this.#deps;
    const { revision, bytesEstimate, content } = member.snapshot();
    const name = backupName({ unixSeconds, revision, member: nodeIdOf(member.id) });
    const path = join(this.#schedule.directory, name);
    const blobs = this.#blobs(snapshotPieces(content, bytesEstimate));
    const bytes = await writeWholeFile(path, blobs, unfinished);
    logger.info("backup written", { path, revision: String(revision), bytes: String(bytes) });
  }

  /** Each is awaited on the disk, so that the event loop turns between them. */
  async *#blobs(pieces: ReturnType<typeof snapshotPieces>): AsyncGenerator<Uint8Array> {
    for await (const { blob } of pieces) {
      if (this.#isStopped) throw new Error("the member stops");
      yield blob;
    }
  }
}
