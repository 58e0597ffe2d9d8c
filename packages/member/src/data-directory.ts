/**
 * What a member keeps on disk, and whether it fits together.
 *
 * | path                     | what                                                       |
 * | ------------------------ | ---------------------------------------------------------- |
 * | member/lock              | who uses the directory                                     |
 * | member/wal/              | the log; its head says whose it is                         |
 * | member/db/               | the store                                                  |
 * | member/snap/             | a snapshot that was received and is not in the store yet   |
 * | member/db-set-aside/     | the last store that was replaced because it was wrong      |
 */
import { rename, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { BackendError, type LmdbBackend, openLmdbBackend } from "@flotilla/backend";
import { type Logger, type Metrics, silentMetrics } from "@flotilla/base";
import { type EngineState, isWitness, type NodeId } from "@flotilla/consensus";
import { lockDirectory } from "@flotilla/disk";
import { appliedConfiguration } from "@flotilla/replica";
import { createStore, type Store } from "@flotilla/store";
import type { Recovered, Wal } from "@flotilla/wal";
import type { Beginning } from "./beginning.ts";
import { makeDurableDirectory } from "./durable-directory.ts";
import { MemberError } from "./errors.ts";
import { nodeIdOf } from "./identity.ts";
import { closeLog, openLog } from "./log-directory.ts";
import type { Owner } from "./owner.ts";
import { SnapshotFiles } from "./snapshot-files.ts";
import { restoreState, type StateParts } from "./state-storage.ts";

/** Where a member keeps what it keeps. */
export interface Place {
  readonly dataDir: string;
  /** For the log alone. Default: within `dataDir`. */
  readonly walDir?: string | undefined;
  /**
   * A store that is damaged or missing is set aside, and the directory opened without one, when another
   * member has the same data: `isStoreLost` then. Only for a member that gets it from there before it
   * serves anybody. Default false: it is refused.
   */
  readonly repairStore?: boolean | undefined;
}

/** An open data directory. */
export interface DataDirectory extends StateParts {
  readonly owner: Owner;
  readonly wal: Wal;
  readonly engineState: EngineState;
  readonly backend: LmdbBackend;
  /** Closes all of it, last opened first. */
  close(): Promise<void>;
}

/** Where the log of a data directory lies: in `walDir`, when it has a place of its own. */
export function logPath({ dataDir, walDir }: Place): string {
  return walDir === undefined ? resolve(dataDir, "member", "wal") : resolve(walDir);
}

/** Opens the directory of one member, or makes it. Throws `MemberError`, `WalError`, `BackendError`. */
export async function openDataDirectory(
  place: string | Place,
  beginning: Beginning,
  logger: Logger,
  metrics: Metrics = silentMetrics,
): Promise<DataDirectory> {
  const where = typeof place === "string" ? { dataDir: place } : place;
  const home = resolve(where.dataDir, "member");
  const closers: (() => Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    for (let closer = closers.pop(); closer !== undefined; closer = closers.pop()) await closer();
  };
  try {
    await makeDurableDirectory(home);
    const lock = await lockDirectory(home);
    closers.push(() => lock.release());
    await makeDurableDirectory(logPath(where));
    const begin = () => beginning.begin();
    const { wal, recovered, owner } = await openLog(logPath(where), begin, metrics);
    closers.push(() => closeLog(wal));
    if (recovered.repair !== undefined) {
      logger.warn("an unfinished write was cut off the log", { ...recovered.repair });
    }
    const isReplaceable = where.repairStore === true && hasOthers(recovered, nodeIdOf(owner.id));
    const setAside = join(home, "db-set-aside");
    const opening = { directory: join(home, "db"), setAside, isReplaceable };
    const { backend, store } = await openStore(opening, logger, metrics);
    closers.push(() => backend.close());
    await makeDurableDirectory(join(home, "snap"));
    const snapshots = await SnapshotFiles.open(join(home, "snap"));
    const state = { backend, store, snapshots };
    const engineState = await reconcile(recovered, state, isReplaceable);
    const isStoreLost = store.appliedIndex < engineState.appliedIndex;
    return { owner, wal, ...state, setAside, isStoreLost, engineState, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Somebody else has what this member has lost: a witness has lost nothing. */
function hasOthers({ snapshot, entries, hardState }: Recovered, self: NodeId): boolean {
  const appliedIndex = snapshot.index + entries.length;
  const configuration = appliedConfiguration({ hardState, snapshot, entries, appliedIndex });
  if (isWitness(configuration, self)) return false;
  return configuration.voters.some(({ id }) => id !== self && !isWitness(configuration, id));
}

/** The store; an empty one in place of one that cannot be opened. */
async function openStore(
  opening: {
    readonly directory: string;
    readonly setAside: string;
    readonly isReplaceable: boolean;
  },
  logger: Logger,
  metrics: Metrics,
): Promise<{ readonly backend: LmdbBackend; readonly store: Store }> {
  const { directory, setAside, isReplaceable } = opening;
  try {
    const backend = openLmdbBackend({ directory, metrics });
    return { backend, store: createStore(backend) };
  } catch (error) {
    const isDamaged = error instanceof BackendError && error.code === "damaged";
    if (!isDamaged || !isReplaceable) throw error;
    logger.error("the store is damaged: it is set aside", {
      reason: error.message,
      "set-aside": setAside,
    });
    await rm(setAside, { recursive: true, force: true });
    await rename(directory, setAside);
    const backend = openLmdbBackend({ directory, metrics });
    return { backend, store: createStore(backend) };
  }
}

/**
 * Brings log and store together. The store may lag (the log is replayed), not lead: what it has
 * applied was durable in the log, so a log that lacks it has lost entries. A store that lags behind the
 * beginning of the log is as good as none.
 */
async function reconcile(
  recovered: Recovered,
  state: Pick<StateParts, "backend" | "store" | "snapshots">,
  isReplaceable: boolean,
): Promise<EngineState> {
  const { snapshot, entries, hardState } = recovered;
  const { store, snapshots } = state;
  let { appliedIndex } = store;
  if (store.appliedIndex < snapshot.index) {
    const file = snapshots.find(snapshot);
    if (file === undefined && !isReplaceable) {
      throw new MemberError(
        "snapshotMissing",
        `The log starts at entry ${snapshot.index}, the store ends at ${store.appliedIndex}: ` +
          "restore this member from its peers",
      );
    }
    // The member was stopped between taking the snapshot into the log and into the store.
    if (file !== undefined) await restoreState(snapshot, file, state);
    appliedIndex = snapshot.index;
  }
  await snapshots.clear(Number.POSITIVE_INFINITY);
  const lastIndex = snapshot.index + entries.length;
  if (store.appliedIndex > lastIndex) {
    throw new MemberError(
      "stateAhead",
      `The store has applied entry ${store.appliedIndex}, the log ends at ${lastIndex}: ` +
        "the log has lost entries; restore this member from its peers",
    );
  }
  // What is applied is committed, though the note of it may not have been written.
  const commit = Math.max(hardState.commit, appliedIndex);
  return {
    hardState: { ...hardState, commit },
    snapshot,
    entries,
    appliedIndex,
  };
}
