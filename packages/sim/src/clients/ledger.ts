/**
 * What has really happened: every revision where it is first applied anywhere, and what became of
 * leases and the keys attached to them.
 */
import { textOf } from "@flotilla/base";
import { openEnd, type Store, type WatchEvent } from "@flotilla/store";
import type { KeyEvent, LeaseHistory, Revision } from "../checkers/index.ts";

/** A lease as the state machine has it. */
export interface LeaseFate {
  endedAtMs: number | undefined;
  readonly keys: LeaseHistory["keys"][number][];
}

const takeBytes = 1024 * 1024;

export class Ledger {
  readonly revisions: Revision[] = [];
  readonly leases: Map<string, LeaseFate> = new Map<string, LeaseFate>();
  /** The highest revision that history was ever dropped before. */
  compactRevision = -1;
  /** An empty store is at revision 1. */
  revision = 1;
  #index = 0;
  readonly #living: Set<string> = new Set<string>();
  /** The lease that a key is attached to. */
  readonly #attached: Map<string, string> = new Map<string, string>();

  /** Granted and not over. */
  get livingLeases(): ReadonlySet<string> {
    return this.#living;
  }

  /** `store` has applied `entries`. Not for witnesses, which have no data. */
  applied(
    nowMs: number,
    store: Store,
    entries: Parameters<Store["apply"]>[0],
    results: ReturnType<Store["apply"]>,
  ): void {
    const revoked = new Map<number, string>();
    for (const [at, entry] of entries.entries()) {
      const command = entry.proposal?.command;
      const result = results[at];
      if (entry.index <= this.#index || command === undefined || result === undefined) continue;
      if (result.kind === "leaseGrant") {
        this.#fate(String(result.id));
        this.#living.add(String(result.id));
      } else if (command.kind === "compact" && result.kind === "compact") {
        this.compactRevision = Math.max(this.compactRevision, command.revision);
      } else if (command.kind === "leaseRevoke" && result.kind === "leaseRevoke") {
        this.#fate(String(command.id)).endedAtMs ??= nowMs;
        this.#living.delete(String(command.id));
        revoked.set(result.revision, String(command.id));
      }
    }
    this.#index = Math.max(this.#index, entries.at(-1)?.index ?? 0);
    if (store.revision > this.revision) this.#read(nowMs, store, revoked);
  }

  #read(nowMs: number, store: Store, revoked: ReadonlyMap<number, string>): void {
    const startRevision = this.revision + 1;
    const all = { key: openEnd, rangeEnd: openEnd };
    const watcher = store.watch(
      { ...all, startRevision, prevKv: false, noPut: false, noDelete: false },
      () => {},
    );
    for (
      let batch = watcher.take(takeBytes);
      batch !== undefined;
      batch = watcher.take(takeBytes)
    ) {
      if (batch.kind === "compacted") break;
      for (const event of batch.events) this.#add(nowMs, event, revoked);
      if (batch.revision >= store.revision) break;
    }
    watcher.close();
    this.revision = store.revision;
  }

  #add(nowMs: number, event: WatchEvent, revoked: ReadonlyMap<number, string>): void {
    const { modRevision } = event.kv;
    const change = keyEvent(event);
    const last = this.revisions.at(-1);
    if (last?.revision === modRevision) (last.events as KeyEvent[]).push(change);
    else this.revisions.push({ revision: modRevision, events: [change] });
    this.#follow(nowMs, event, revoked.get(modRevision));
  }

  /** What the change means for the lease that its key was attached to, and for the one it is now. */
  #follow(nowMs: number, event: WatchEvent, revokedLease: string | undefined): void {
    const key = textOf(event.kv.key);
    const before = this.#attached.get(key);
    const after =
      event.kind === "put" && event.kv.lease !== 0n ? String(event.kv.lease) : undefined;
    if (before === after) return;
    if (before !== undefined) {
      const kind = event.kind === "delete" && revokedLease === before ? "expired" : "detached";
      this.#fate(before).keys.push({ key, atMs: nowMs, kind });
      this.#attached.delete(key);
    }
    if (after === undefined) return;
    this.#fate(after).keys.push({ key, atMs: nowMs, kind: "attached" });
    this.#attached.set(key, after);
  }

  #fate(lease: string): LeaseFate {
    let fate = this.leases.get(lease);
    if (fate === undefined) {
      fate = { endedAtMs: undefined, keys: [] };
      this.leases.set(lease, fate);
    }
    return fate;
  }
}

/** A change as checkers know it. */
export function keyEvent(event: WatchEvent): KeyEvent {
  const key = textOf(event.kv.key);
  return event.kind === "put"
    ? { kind: "put", key, value: textOf(event.kv.value) }
    : { kind: "delete", key, value: undefined };
}
