/**
 * The log in a data directory, with promises: opened, and begun when there is none. What stands at
 * its head says for good whose the directory is.
 */
import { readdir } from "node:fs/promises";
import { type Metrics, silentMetrics } from "@flotilla/base";
import type { Configuration } from "@flotilla/consensus";
import { measuredDisk, nodeDisk } from "@flotilla/disk";
import { openWal, type Recovered, type Wal, type WalBatch, type WalDone } from "@flotilla/wal";
import { badDirectory } from "./durable-directory.ts";
import { MemberError } from "./errors.ts";
import { decodeOwner, encodeOwner, type Owner } from "./owner.ts";

/** What a new log begins with. */
export interface LogBeginning {
  readonly owner: Owner;
  readonly configuration: Configuration;
}

export interface OpenLog {
  readonly wal: Wal;
  readonly recovered: Recovered;
  readonly owner: Owner;
}

/** True when a log was begun in `directory`. Rejects with `badDirectory`. */
export async function holdsLog(directory: string): Promise<boolean> {
  try {
    return (await readdir(directory)).some((name) => name.endsWith(".wal"));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return false;
    throw badDirectory("read", directory, error);
  }
}

/**
 * Opens the log in `directory`; `begin` is asked when there is none. Throws `WalError`, `MemberError`
 * `foreignData` for a log of somebody else, and what `begin` throws.
 */
export async function openLog(
  directory: string,
  begin: () => Promise<LogBeginning>,
  metrics: Metrics = silentMetrics,
): Promise<OpenLog> {
  const disk = measuredDisk(nodeDisk, metrics);
  const beginning = (await holdsLog(directory)) ? undefined : await begin();
  const metadata = beginning === undefined ? new Uint8Array(0) : encodeOwner(beginning.owner);
  const configuration = beginning?.configuration ?? { voters: [], learners: [], outgoing: [] };
  const opened = await new Promise<{ readonly wal: Wal; readonly recovered: Recovered }>(
    (resolve, reject) =>
      openWal({ directory, metadata, configuration }, disk, (outcome) => {
        if (outcome.kind === "opened") resolve(outcome);
        else reject(outcome.error);
      }),
  );
  const owner = decodeOwner(opened.recovered.metadata);
  if (owner !== undefined) return { ...opened, owner };
  await closeLog(opened.wal);
  throw new MemberError("foreignData", `The log in "${directory}" was not written by a member`);
}

/** Resolves once the batch is durable. */
export function appendToLog(wal: Wal, batch: WalBatch): Promise<void> {
  return promised((done) => wal.append(batch, done));
}

export function closeLog(wal: Wal): Promise<void> {
  return promised((done) => wal.close(done));
}

function promised(step: (done: WalDone) => void): Promise<void> {
  return new Promise((resolve, reject) =>
    step((error) => (error === undefined ? resolve() : reject(error))),
  );
}
