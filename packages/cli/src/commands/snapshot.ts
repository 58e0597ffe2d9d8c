/** `flotilla snapshot`: saves the store of a running member, looks into a file, makes a new cluster of it. */
import { decodeSnapshot } from "@flotilla/backend";
import { writeWholeFile } from "@flotilla/etcd-api";
import { MemberError, nodeIdOf, restoreMember } from "@flotilla/member";
import { SnapshotSummarizer } from "@flotilla/store";
import { answerMs, atAnyEndpoint, atEndpoint, type EndpointOptions } from "../endpoints.ts";
import { CommandError } from "../exit.ts";
import { checkAdvertised, parseInitialCluster } from "../snapshot/initial-cluster.ts";
import {
  checkHash,
  checkLength,
  decoding,
  openSnapshotFile,
  readSnapshotFile,
} from "../snapshot/snapshot-file.ts";
import { type StatusFormat, statusText } from "../snapshot/status-text.ts";

export interface RestoreFlags {
  readonly dataDir: string | undefined;
  readonly walDir?: string | undefined;
  readonly name: string;
  readonly initialCluster: string;
  readonly initialClusterToken: string;
  readonly initialAdvertisePeerUrls: string;
  readonly bumpRevision: number;
  readonly markCompacted: boolean;
  readonly skipHashCheck: boolean;
}

/** What files of this kind call their version. */
const formatVersion = "flotilla-1";

/** Saves what a member holds; the file is there as a whole or not at all. */
export async function saveSnapshot(path: string, options: EndpointOptions): Promise<void> {
  const url = await atAnyEndpoint(options, async (caller) => {
    await caller.status(answerMs);
    return caller.url;
  });
  let version = "";
  await atEndpoint(
    url,
    async (caller) => {
      const blobs = caller.snapshot((text) => (version = text));
      await writeWholeFile(path, blobs, ".part");
    },
    options,
  );
  process.stdout.write(`Snapshot saved at ${path}\nServer version ${version}\n`);
}

/** Prints what a file holds, after it was checked whole. */
export async function snapshotStatus(path: string, format: StatusFormat): Promise<void> {
  const file = await openSnapshotFile(path, "stat");
  checkLength(file);
  await checkHash(file);
  const summarizer = new SnapshotSummarizer();
  await decoding(file, () =>
    decodeSnapshot(readSnapshotFile(file), (entries) => {
      for (const entry of entries) summarizer.add(entry);
    }),
  );
  const { hash, revision, keys: totalKey } = summarizer.summary;
  const { dataBytes: totalSize } = file;
  const status = { hash, revision, totalKey, totalSize, version: formatVersion };
  process.stdout.write(`${statusText(status, format)}\n`);
}

/** Makes the data directory of one founder of a new cluster. */
export async function restoreSnapshot(path: string, flags: RestoreFlags): Promise<void> {
  const { name, bumpRevision, markCompacted, walDir, dataDir = `${name}.etcd` } = flags;
  if (bumpRevision > 0 !== markCompacted) {
    throw new CommandError("wrongArguments", "--mark-compacted required if --revision-bump > 0");
  }
  const initialCluster = parseInitialCluster(flags.initialCluster);
  checkAdvertised(name, initialCluster, flags.initialAdvertisePeerUrls.split(","));
  const file = await openSnapshotFile(path, "open");
  if (!flags.skipHashCheck) {
    checkLength(file);
    if (file.hash === undefined) {
      throw new CommandError(
        "refused",
        "snapshot missing hash but --skip-hash-check=false",
        `What \`snapshot save\` writes ends with its hash: ${path} is cut short, or no snapshot, unless it was copied by other means.`,
      );
    }
    await checkHash(file);
  }
  const clusterToken = flags.initialClusterToken;
  const { clusterId, memberId, revision } = await refusing(() =>
    decoding(file, () =>
      restoreMember({
        dataDir,
        ...(walDir === undefined ? {} : { walDir }),
        name,
        initialCluster,
        clusterToken,
        snapshot: readSnapshotFile(file),
        bumpRevision,
        markCompacted,
      }),
    ),
  );
  process.stdout.write(
    `restored ${path} into ${dataDir}: revision ${revision}, member ${nodeIdOf(memberId)} ` +
      `of cluster ${nodeIdOf(clusterId)}\n`,
  );
}

async function refusing<T>(action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (!(error instanceof MemberError)) throw error;
    throw new CommandError("refused", error.message, undefined, error);
  }
}
