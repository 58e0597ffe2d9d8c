/**
 * One stretch of history with keys of its own, so that it can be checked and forgotten: half an hour at
 * once would be beyond every checker, and the promises are about each key and each revision.
 *
 * What was done is judged by the history that the store tells when the window is over, revision by
 * revision; and that history by what clients were told while it was made.
 */
import { type EtcdClient, textOf, type Watch, type WatchEvent } from "@flotilla/client/etcd";
import {
  checkLinearizable,
  checkSerials,
  checkWatches,
  type KeyEvent,
  type Operation,
  type Revision,
  storeModel,
  type WatchBatch,
  type WatchedEvent,
} from "@flotilla/sim";
import { until } from "../harness/wait.ts";
import type { Target } from "./key-worker.ts";
import type { Ledger } from "./ledger.ts";

/** How long it may take until a watch, or the store, has told everything: some elections. */
const tellMs = 60_000;

export class Window implements Target {
  readonly prefix: string;
  readonly operations: Operation[] = [];
  underWay = 0;
  /** The first revision that may be this window's. */
  readonly firstRevision: number;
  readonly #ledger: Ledger;
  readonly #watchers: Watcher[];

  /** `watching`: clients that watch from here on, each at another member first. */
  private constructor(
    name: string,
    firstRevision: number,
    watching: readonly EtcdClient[],
    ledger: Ledger,
  ) {
    this.prefix = `window/${name}/`;
    this.firstRevision = firstRevision;
    this.#ledger = ledger;
    this.#watchers = watching.map(
      (client) => new Watcher(client.watch({ prefix: this.prefix }, startAt(firstRevision))),
    );
  }

  static async open(
    name: string,
    watching: readonly EtcdClient[],
    ledger: Ledger,
  ): Promise<Window> {
    const [client] = watching as readonly [EtcdClient];
    const { revision } = await insisting(() => client.range("window/", {}));
    return new Window(name, revision + 1, watching, ledger);
  }

  /** Waits for what is under way, and judges all of it. `client` also takes the keys away again. */
  async close(client: EtcdClient): Promise<void> {
    await until("the end of all operations", tellMs, () => this.underWay === 0);
    const { revision } = await insisting(() =>
      client.put(`${this.prefix}end`, this.#ledger.serial()),
    );
    const revisions = await replay(client, this.firstRevision, revision);
    for (const [at, watcher] of this.#watchers.entries()) {
      await until(`watch ${at} to be told of ${revision}`, tellMs, () => {
        if (watcher.error !== undefined) throw watcher.error;
        return watcher.revision >= revision;
      }).catch((error: unknown) => this.#ledger.broken(`watch: ${String(error)}`));
      watcher.close();
    }
    this.#judge(revisions, revision);
    await insisting(() => client.delete({ prefix: this.prefix }));
    await client.compact(this.firstRevision).catch((error) => void this.#ledger.failed(error));
    this.#ledger.count("windows");
  }

  #judge(revisions: readonly Revision[], dueRevision: number): void {
    const { operations, prefix } = this;
    const linearizable = checkLinearizable(operations, storeModel);
    if (linearizable.kind === "unknown") this.#ledger.count("undecided");
    if (linearizable.kind === "violation") {
      this.#ledger.broken(`linearizability: ${JSON.stringify(linearizable)}`);
    }
    const gap = revisions.find(({ events }) => events.length === 0);
    if (gap !== undefined) this.#ledger.broken(`history: nothing has made ${gap.revision}`);
    const serial = checkSerials(operations, { revisions });
    if (serial !== undefined) this.#ledger.broken(`${serial.oracle}: ${serial.message}`);
    const to = `${prefix.slice(0, -1)}0`; // What follows a slash.
    const watches = this.#watchers.map(({ batches }, client) => ({
      client,
      from: prefix,
      to,
      streams: [
        {
          server: String(client),
          startRevision: this.firstRevision,
          openedRevision: this.firstRevision - 1,
          batches: upTo(batches, dueRevision),
          compactedAt: undefined,
        },
      ],
      dueRevision,
    }));
    const watch = checkWatches(watches, { revisions }, 0);
    if (watch !== undefined) this.#ledger.broken(`${watch.oracle}: ${watch.message}`);
    for (const { batches } of this.#watchers) {
      const events = batches.reduce((sum, batch) => sum + batch.events.length, 0);
      this.#ledger.count("watchEvents", events);
    }
  }
}

/** What was told about the time up to `last`. */
function upTo(batches: readonly WatchBatch[], last: number): readonly WatchBatch[] {
  const first = batches.findIndex(({ revision }) => revision > last);
  const beyond = batches[first];
  if (beyond === undefined) return batches;
  const events = beyond.events.filter(({ revision }) => revision <= last);
  return [...batches.slice(0, first), { revision: last, events }];
}

/** Takes what a watch tells, as it is told. */
class Watcher {
  readonly batches: WatchBatch[] = [];
  error: unknown;
  readonly #watch: Watch;

  constructor(watch: Watch) {
    this.#watch = watch;
    void this.#take();
  }

  get revision(): number {
    return this.batches.at(-1)?.revision ?? 0;
  }

  close(): void {
    this.#watch.close();
  }

  async #take(): Promise<void> {
    try {
      for await (const { revision, events } of this.#watch) {
        this.batches.push({ revision, events: events.map(watchedEvent) });
      }
    } catch (error) {
      this.error = error;
    }
  }
}

/** Everything that happened to any key, revision by revision. */
async function replay(
  client: EtcdClient,
  first: number,
  last: number,
): Promise<readonly Revision[]> {
  const events = new Map<number, KeyEvent[]>();
  const watch = client.watch({ prefix: "" }, startAt(first));
  const taken = (async () => {
    for await (const batch of watch) {
      for (const event of batch.events) {
        const { revision, ...change } = watchedEvent(event);
        events.set(revision, [...(events.get(revision) ?? []), change]);
      }
      if (batch.revision >= last) return;
    }
  })();
  let isOver = false;
  const end = (): void => {
    isOver = true;
  };
  void taken.then(end, end);
  await until(`the history up to ${last}`, tellMs, () => isOver).finally(() => watch.close());
  await taken;
  const revisions: Revision[] = [];
  for (let revision = first; revision <= last; revision++) {
    revisions.push({ revision, events: events.get(revision) ?? [] });
  }
  return revisions;
}

function startAt(startRevision: number): { readonly startRevision: number } {
  return { startRevision };
}

function watchedEvent({ kind, kv }: WatchEvent): WatchedEvent {
  const value = kind === "put" ? textOf(kv.value) : undefined;
  return { kind, key: textOf(kv.key), value, revision: kv.modRevision };
}

/** Again until it is answered: only for what may happen twice. */
export async function insisting<T>(ask: () => Promise<T>): Promise<T> {
  return until("an answer", tellMs, ask as () => Promise<T & (object | number)>) as Promise<T>;
}
