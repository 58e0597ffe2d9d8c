/**
 * Makes the data directory of a new cluster's founder out of a snapshot. Every founder restores the
 * same one, with the same initial cluster, and they begin where the snapshot ended.
 *
 * The new log begins with a snapshot of its first entry, which stands for all that was restored: who
 * comes to the cluster with an empty directory is sent it. Source: etcd
 * etcdutl/snapshot/v3_snapshot.go.
 */
import { existsSync } from "node:fs";
import { readdir, rename, rm } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { emptyBytes, type Logger, silentLogger } from "@flotilla/base";
import { parsePeerUrl } from "@flotilla/peer";
import { beginNewCluster } from "@flotilla/store";
import { asFounder } from "./beginning.ts";
import { openDataDirectory, type Place } from "./data-directory.ts";
import { MemberError } from "./errors.ts";
import { type Founding, foundCluster, foundingConfiguration } from "./identity.ts";
import { appendToLog } from "./log-directory.ts";
import type { InitialMember } from "./options.ts";
import { syncDirectory } from "./snapshot-files.ts";

export interface RestoreOptions {
  /** Must not exist, or be empty. */
  readonly dataDir: string;
  /** For the log alone, etcd's `--wal-dir`; must not exist. Default: within `dataDir`. */
  readonly walDir?: string;
  /** Must occur in `initialCluster`. */
  readonly name: string;
  /** The new cluster's founders, the same list at each. */
  readonly initialCluster: readonly InitialMember[];
  /** Default `etcd-cluster`. */
  readonly clusterToken?: string;
  /** What `StateSnapshot.content` has given; what stands behind its end is not looked at. */
  readonly snapshot: AsyncIterable<Uint8Array>;
  /** Added to the revision. Default 0. */
  readonly bumpRevision?: number;
  /** Nothing below the new revision is to be read or watched. Default false. */
  readonly markCompacted?: boolean;
  readonly logger?: Logger;
}

export interface RestoreOutcome {
  readonly clusterId: bigint;
  readonly memberId: bigint;
  readonly revision: number;
}

/** The entry that stands for the restored state. */
const first = { index: 1, term: 1 } as const;

/**
 * Restores; the directory is there as a whole or not at all, and after that of the log. Rejects with `MemberError` `notEmpty` or
 * `badOptions`, with `BackendError` `badSnapshot`, and with `WireError` for the state of a newer version.
 */
export async function restoreMember(options: RestoreOptions): Promise<RestoreOutcome> {
  const { name, initialCluster, clusterToken = "etcd-cluster" } = options;
  const founding = foundCluster(name, initialCluster, clusterToken);
  for (const { peerUrl } of initialCluster) parsePeerUrl(peerUrl);
  const dataDir = resolve(options.dataDir);
  const walDir = options.walDir === undefined ? undefined : resolve(options.walDir);
  // The log first: a directory without its log is that of a member that has lost it.
  const targets = walDir === undefined ? [dataDir] : [walDir, dataDir];
  await checkEmpty(dataDir);
  if (walDir !== undefined) checkMissing(walDir);
  const clear = async (): Promise<void> => {
    for (const path of targets) await rm(unfinished(path), { recursive: true, force: true });
  };
  await clear();
  try {
    const place = {
      dataDir: unfinished(dataDir),
      walDir: walDir === undefined ? undefined : unfinished(walDir),
    };
    const revision = await fill(place, founding, options);
    for (const path of targets) {
      await rename(unfinished(path), path); // Over an empty directory, if there is one.
      await syncDirectory(dirname(path));
    }
    return { clusterId: founding.clusterId, memberId: founding.self.id, revision };
  } catch (error) {
    await clear();
    throw error;
  }
}

function unfinished(path: string): string {
  return `${path}.restoring`;
}

/** Returns the revision with which the cluster begins. */
async function fill(place: Place, founding: Founding, options: RestoreOptions): Promise<number> {
  const { snapshot, bumpRevision = 0, markCompacted = false, logger = silentLogger } = options;
  const configuration = foundingConfiguration(founding.founders);
  const data = await openDataDirectory(place, asFounder(founding), logger);
  try {
    await data.backend.restore(snapshot);
    const { revision } = beginNewCluster(data.backend, { ...first, bumpRevision, markCompacted });
    await data.backend.sync();
    await appendToLog(data.wal, {
      hardState: { term: first.term, vote: "", commit: first.index },
      entries: [{ ...first, kind: "noop", data: emptyBytes }],
      snapshot: { ...first, configuration },
      mustSync: true,
    });
    return revision;
  } finally {
    await data.close();
  }
}

async function checkEmpty(dataDir: string): Promise<void> {
  const names = await readdir(dataDir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw notEmpty(dataDir, error);
  });
  if (names.length > 0) throw notEmpty(dataDir);
}

function checkMissing(walDir: string): void {
  if (existsSync(walDir)) throw new MemberError("notEmpty", `wal-dir "${walDir}" exists`);
}

function notEmpty(dataDir: string, cause?: unknown): MemberError {
  const text = `data-dir "${dataDir}" not empty or could not be read`;
  return new MemberError("notEmpty", text, cause);
}
