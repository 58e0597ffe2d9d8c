/**
 * All pods of this node: one worker each, from the API's list and from what an earlier agent left.
 */

import type { Random } from "@flotilla/base";
import { type Following, follow } from "@flotilla/client";
import { type Pod, pods } from "@flotilla/objects";
import type { PodDeps } from "./pod-deps.ts";
import { newPodRecord } from "./pod-record.ts";
import { PodWorker } from "./pod-worker.ts";

export interface NodePodsDeps extends PodDeps {
  readonly random: Random;
  readonly signal: AbortSignal;
}

/** Pods that were seen to be gone, remembered against late news of them. */
export const vanishedPodsMax = 1_024;

/** See the file's header. */
export class NodePods {
  readonly #deps: NodePodsDeps;
  readonly #onSynced: () => void;
  readonly #workers = new Map<string, PodWorker>();
  /** By uid, the oldest first. */
  readonly #vanished = new Set<string>();
  #following: Following<Pod> | undefined;

  /** `onSynced` is called once, when the API's list has been seen. */
  constructor(deps: NodePodsDeps, onSynced: () => void) {
    this.#deps = deps;
    this.#onSynced = onSynced;
  }

  /** Takes over what an earlier agent left running, and ends what it had started without a trace. */
  async adopt(): Promise<void> {
    for (const record of await this.#deps.records.readAll()) {
      this.#workerFor(record.pod, () => record).adopt();
    }
    this.#deps.runtime.sweep((id) => [...this.#workers.values()].some((pod) => pod.knows(id)));
  }

  /** Begins to follow the API's list. */
  start(): void {
    const { client, signal, random, logger } = this.#deps;
    this.#following = follow(
      client,
      pods,
      { fieldSelector: this.#selector(), signal, random, logger, backoffMsMax: 1_000 },
      {
        onChange: (changes) => {
          for (const { kind, object } of changes) {
            if (kind === "deleted") this.#vanish(uidOf(object));
            else this.#seen(object);
          }
        },
        onSynced: () => {
          const present = [...(this.#following?.objects.values() ?? [])];
          this.#vanishUnless(present, [...this.#workers.keys()]);
          this.#onSynced();
        },
      },
    );
  }

  get isSynced(): boolean {
    return this.#following?.synced === true;
  }

  /** Lets every pod look again. */
  wake(): void {
    for (const worker of this.#workers.values()) worker.wake();
  }

  /** Reads the list now, past any watch that may lag. Rejects when the API cannot be reached. */
  async recheck(): Promise<void> {
    const { client } = this.#deps;
    const known = [...this.#workers.keys()]; // What is heard of later need not be in the list.
    const { items } = await client.list(pods, { fieldSelector: this.#selector() });
    for (const pod of items) this.#seen(pod);
    this.#vanishUnless(items, known);
  }

  /** Leaves the processes running. */
  async detach(): Promise<void> {
    await Promise.all([...this.#workers.values()].map((worker) => worker.detach()));
  }

  /** Stops the processes. */
  async shutDown(): Promise<void> {
    await Promise.all([...this.#workers.values()].map((worker) => worker.shutDown()));
  }

  #selector(): string {
    return `spec.nodeName=${this.#deps.nodeName}`;
  }

  #seen(pod: Pod): void {
    if (this.#vanished.has(uidOf(pod))) return; // A watch that lags tells of it after its end.
    this.#workerFor(pod, () => newPodRecord(pod, this.#deps.wallNowMs())).update(pod);
  }

  #vanishUnless(present: readonly Pod[], known: readonly string[]): void {
    const uids = new Set(present.map(uidOf));
    for (const uid of known) if (!uids.has(uid)) this.#vanish(uid);
  }

  /** For ever: a uid does not come back. */
  #vanish(uid: string): void {
    this.#vanished.add(uid);
    for (const oldest of this.#vanished) {
      if (this.#vanished.size <= vanishedPodsMax) break;
      this.#vanished.delete(oldest);
    }
    this.#workers.get(uid)?.vanish();
  }

  #workerFor(pod: Pod, record: () => ReturnType<typeof newPodRecord>): PodWorker {
    const uid = uidOf(pod);
    const known = this.#workers.get(uid);
    if (known !== undefined) return known;
    const worker = new PodWorker(this.#deps, record(), () => this.#workers.delete(uid));
    this.#workers.set(uid, worker);
    return worker;
  }
}

function uidOf({ metadata }: Pod): string {
  return metadata.uid ?? "";
}
