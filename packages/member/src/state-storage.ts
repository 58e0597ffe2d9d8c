/** The state machine of a member as its replica sees it: a store, its backend, and snapshot files. */

import type { LmdbBackend, RestoreOptions } from "@flotilla/backend";
import type { ByteSource, SnapshotSink, StateStorage } from "@flotilla/replica";
import type { Store } from "@flotilla/store";
import { afterwards } from "./callbacks.ts";
import { MemberError } from "./errors.ts";
import type { SnapshotFile, SnapshotFiles, SnapshotName } from "./snapshot-files.ts";

export interface StateParts {
  readonly store: Store;
  readonly backend: Pick<LmdbBackend, "sync" | "snapshot" | "restore">;
  readonly snapshots: SnapshotFiles;
  /** Where a store goes that was wrong. */
  readonly setAside: string;
  /** There is no store: what was opened is empty, and stands for nothing. */
  readonly isStoreLost: boolean;
}

export class MemberState implements StateStorage {
  readonly store: Store;
  readonly #parts: StateParts;
  /** What is there is worth a look, should it turn out to be wrong. */
  #isFilled: boolean;

  constructor(parts: StateParts) {
    this.store = parts.store;
    this.#parts = parts;
    this.#isFilled = !parts.isStoreLost;
  }

  checkpoint(done: (error: unknown) => void): void {
    afterwards(this.#parts.backend.sync(), done);
  }

  read(): ByteSource {
    return sourceOf(this.#parts.backend.snapshot());
  }

  receive(snapshot: SnapshotName): SnapshotSink {
    return this.#parts.snapshots.receive(snapshot);
  }

  install(
    snapshot: SnapshotName,
    done: (error: unknown) => void,
    { isWrong = false }: { readonly isWrong?: boolean } = {},
  ): void {
    afterwards(this.#install(snapshot, isWrong), done);
  }

  async #install(snapshot: SnapshotName, isWrong: boolean): Promise<void> {
    const { snapshots, setAside } = this.#parts;
    const file = snapshots.find(snapshot);
    if (file === undefined) {
      throw new MemberError("snapshotMissing", `Snapshot ${snapshot.index} is not there`);
    }
    await restoreState(snapshot, file, this.#parts, isWrong && this.#isFilled ? { setAside } : {});
    this.#isFilled = true;
    await snapshots.clear(snapshot.index);
  }
}

/** Replaces the state by a snapshot, durably. */
export async function restoreState(
  snapshot: SnapshotName,
  file: SnapshotFile,
  { store, backend }: Pick<StateParts, "store" | "backend">,
  options: RestoreOptions = {},
): Promise<void> {
  const { index, term } = snapshot;
  if ((await file.sizeBytes()) > 0) {
    await backend.restore(file.read(), options);
    store.reload();
  } else {
    // A witness: its store is empty all along, and only moves.
    store.apply([{ index, term, proposal: undefined }]);
    await backend.sync();
  }
  if (store.appliedIndex !== index) {
    throw new MemberError(
      "snapshotMissing",
      `The snapshot of entry ${index} holds entry ${store.appliedIndex}`,
    );
  }
}

function sourceOf(content: AsyncIterable<Uint8Array>): ByteSource {
  const pieces = content[Symbol.asyncIterator]();
  return {
    next(done) {
      void pieces.next().then(
        ({ done: isAtEnd, value }) => done(undefined, isAtEnd === true ? undefined : value),
        (error: unknown) => done(error, undefined),
      );
    },
    close() {
      // It was only read: there is nothing to lose.
      pieces.return?.().catch(() => {});
    },
  };
}
