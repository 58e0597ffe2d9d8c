/**
 * What a member keeps on disk, and whether it fits together.
 *
 * | path                     | what                                                       |
 * | ------------------------ | ---------------------------------------------------------- |
 * | member/lock              | who uses the directory                                     |
 * | member/wal/              | the log; its head says whose it is                         |
 * | member/db/               | the store                                                  |
 * | member/snap/             | a snapshot that was received and is not in the store yet   |
 */
import { mkdir } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { openLmdbBackend } from "@flotilla/backend";
import { encodeMessage, type Logger, WireError, WireReader } from "@flotilla/base";
import type { EngineState } from "@flotilla/consensus";
import { createStore, type DurableBackend, type Store } from "@flotilla/store";
import { lockDirectory, nodeDisk, openWal, type Recovered, type Wal } from "@flotilla/wal";
import { MemberError } from "./errors.ts";
import { type Founding, foundingConfiguration } from "./identity.ts";
import { SnapshotFiles } from "./snapshot-files.ts";

/** An open data directory. */
export interface DataDirectory {
  readonly wal: Wal;
  readonly backend: DurableBackend;
  readonly store: Store;
  readonly snapshots: SnapshotFiles;
  readonly engineState: EngineState;
  /** Closes all of it, last opened first. */
  close(): Promise<void>;
}

/** Opens the directory of one member, or makes it. Throws `MemberError`, `WalError`, `BackendError`. */
export async function openDataDirectory(
  dataDir: string,
  founding: Founding,
  logger: Logger,
): Promise<DataDirectory> {
  const home = resolve(dataDir, "member");
  const closers: (() => Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    for (let closer = closers.pop(); closer !== undefined; closer = closers.pop()) await closer();
  };
  try {
    await makeDurableDirectory(home);
    const lock = await lockDirectory(home);
    closers.push(() => lock.release());
    const { wal, recovered } = await openWal({
      directory: join(home, "wal"),
      metadata: encodeOwner(founding),
      configuration: foundingConfiguration(founding.founders),
    });
    closers.push(() => wal.close());
    checkOwner(recovered.metadata, founding, dataDir);
    if (recovered.repair !== undefined) {
      logger.warn("an unfinished write was cut off the log", { ...recovered.repair });
    }
    const backend = openLmdbBackend({ directory: join(home, "db") });
    closers.push(() => backend.close());
    const store = createStore(backend);
    await makeDurableDirectory(join(home, "snap"));
    const snapshots = await SnapshotFiles.open(join(home, "snap"));
    const engineState = await reconcile(recovered, { backend, store, snapshots });
    return { wal, backend, store, snapshots, engineState, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Makes a directory and those above it; the name of each is durable (trap T34). */
async function makeDurableDirectory(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode: 0o700 });
  if (first === undefined) return; // It was there.
  for (let made = path; made.length >= first.length; made = dirname(made)) {
    await nodeDisk.syncDirectory(dirname(made));
  }
}

/**
 * Brings log and store together. The store may lag (the log is replayed), not lead: what it has
 * applied was durable in the log, so a log that lacks it has lost entries.
 */
async function reconcile(
  recovered: Recovered,
  state: {
    readonly backend: DurableBackend;
    readonly store: Store;
    readonly snapshots: SnapshotFiles;
  },
): Promise<EngineState> {
  const { snapshot, entries, hardState } = recovered;
  const { backend, store, snapshots } = state;
  if (store.appliedIndex < snapshot.index) {
    const file = snapshots.find(snapshot);
    if (file === undefined) {
      throw new MemberError(
        "snapshotMissing",
        `The log starts at entry ${snapshot.index}, the store ends at ${store.appliedIndex}: ` +
          "restore this member from its peers",
      );
    }
    // The member was stopped between taking the snapshot into the log and into the store.
    await backend.restore(file.read());
    store.reload();
  }
  await snapshots.clear();
  const lastIndex = snapshot.index + entries.length;
  if (store.appliedIndex > lastIndex) {
    throw new MemberError(
      "stateAhead",
      `The store has applied entry ${store.appliedIndex}, the log ends at ${lastIndex}: ` +
        "the log has lost entries; restore this member from its peers",
    );
  }
  // What is applied is committed, though the note of it may not have been written.
  const commit = Math.max(hardState.commit, store.appliedIndex);
  return {
    hardState: { ...hardState, commit },
    snapshot,
    entries,
    appliedIndex: store.appliedIndex,
  };
}

/** etcd's `etcdserverpb.Metadata`: {1: member id, 2: cluster id}. */
function encodeOwner({ self, clusterId }: Founding): Uint8Array {
  return encodeMessage((writer) => {
    writer.fieldVarint64(1, self.id);
    writer.fieldVarint64(2, clusterId);
  });
}

function checkOwner(metadata: Uint8Array, { self, clusterId }: Founding, dataDir: string): void {
  const owner = decodeOwner(metadata);
  if (owner?.id === self.id && owner.clusterId === clusterId) return;
  const hex = (id: bigint | undefined): string => id?.toString(16) ?? "unknown";
  throw new MemberError(
    "foreignData",
    `The data directory "${dataDir}" belongs to member ${hex(owner?.id)} of cluster ` +
      `${hex(owner?.clusterId)}; this is member ${hex(self.id)} of cluster ${hex(clusterId)}. ` +
      "Start it with the initial cluster and token that it was made with, or use another directory",
  );
}

function decodeOwner(
  metadata: Uint8Array,
): { readonly id: bigint; readonly clusterId: bigint } | undefined {
  try {
    const reader = new WireReader(metadata);
    const owner = { id: 0n, clusterId: 0n };
    while (reader.next()) {
      if (reader.field === 1) owner.id = reader.varint64();
      else if (reader.field === 2) owner.clusterId = reader.varint64();
      else reader.skip();
    }
    return owner;
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}
