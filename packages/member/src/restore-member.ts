/**
 * Makes the data directory of a new cluster's founder out of a snapshot. Every founder restores the
 * same one, with the same initial cluster, and they begin where the snapshot ended.
 *
 * The new log begins with a snapshot of its first entry, which stands for all that was restored: who
 * comes to the cluster with an empty directory is sent it. Source: etcd
 * etcdutl/snapshot/v3_snapshot.go.
 */
import { readdir, rename, rm } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { emptyBytes, type Logger, silentLogger } from "@flotilla/base";
import { parsePeerUrl } from "@flotilla/peer";
import { beginNewCluster } from "@flotilla/store";
import { asFounder } from "./beginning.ts";
import { openDataDirectory } from "./data-directory.ts";
import { MemberError } from "./errors.ts";
import { type Founding, foundCluster, foundingConfiguration } from "./identity.ts";
import { appendToLog } from "./log-directory.ts";
import type { InitialMember } from "./options.ts";
import { syncDirectory } from "./snapshot-files.ts";

export interface RestoreOptions {
  /** Must not exist, or be empty. */
  readonly dataDir: string;
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
 * Restores; the directory is there as a whole or not at all. Rejects with `MemberError` `notEmpty` or
 * `badOptions`, with `BackendError` `badSnapshot`, and with `WireError` for the state of a newer version.
 */
export async function restoreMember(options: RestoreOptions): Promise<RestoreOutcome> {
  const { name, initialCluster, clusterToken = "etcd-cluster" } = options;
  const founding = foundCluster(name, initialCluster, clusterToken);
  for (const { peerUrl } of initialCluster) parsePeerUrl(peerUrl);
  const dataDir = resolve(options.dataDir);
  await checkEmpty(dataDir);
  const unfinished = `${dataDir}.restoring`;
  await rm(unfinished, { recursive: true, force: true });
  try {
    const revision = await fill(unfinished, founding, options);
    await rename(unfinished, dataDir); // Over an empty directory, if there is one.
    await syncDirectory(dirname(dataDir));
    return { clusterId: founding.clusterId, memberId: founding.self.id, revision };
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true });
    throw error;
  }
}

/** Returns the revision with which the cluster begins. */
async function fill(dataDir: string, founding: Founding, options: RestoreOptions): Promise<number> {
  const { snapshot, bumpRevision = 0, markCompacted = false, logger = silentLogger } = options;
  const configuration = foundingConfiguration(founding.founders);
  const data = await openDataDirectory(dataDir, asFounder(founding), logger);
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

function notEmpty(dataDir: string, cause?: unknown): MemberError {
  const text = `data-dir "${dataDir}" not empty or could not be read`;
  return new MemberError("notEmpty", text, cause);
}
