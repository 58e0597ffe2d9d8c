/**
 * How many revisions are kept, looked at every five minutes. Pure.
 * Source: etcd server/etcdserver/api/v3compactor/revision.go.
 */

/** Between two looks. */
export const revisionLookMs: number = 5 * 60_000;

export class RevisionCompaction {
  readonly #revisionsKept: number;
  #doneRevision = 0;

  constructor(revisionsKept: number) {
    this.#revisionsKept = revisionsKept;
  }

  /** Up to where to compact when the store is at `revision`; undefined: not now. */
  due(revision: number): number | undefined {
    const target = revision - this.#revisionsKept;
    return target <= 0 || target === this.#doneRevision ? undefined : target;
  }

  /** The compaction is made, or was made by somebody else before. */
  done(revision: number): void {
    this.#doneRevision = revision;
  }
}
