/**
 * Brings the API's copy of a pod's status to what the node sees.
 *
 * Compares before it writes, reads again on conflict, tries again when the API cannot be reached. The
 * newest state always wins: what changed while a write was under way is written next.
 */
import { isDeepStrictEqual } from "node:util";
import type { Logger, Timers } from "@flotilla/base";
import type { ObjectClient } from "@flotilla/client";
import { type Pod, pods } from "@flotilla/objects";
import { reasonOf } from "../errors.ts";
import { pause } from "../timers.ts";

/** First wait after a failed write; doubles up to {@link retryMsMax}. */
export const retryMsMin = 200;
export const retryMsMax = 5_000;

export interface StatusPublisherDeps {
  readonly client: ObjectClient;
  readonly timers: Timers;
  readonly logger: Logger;
}

/** One pod's way to the API. */
export class StatusPublisher {
  readonly #deps: StatusPublisherDeps;
  readonly #wantedFrom: (present: Pod) => Pod;
  readonly #abort = new AbortController();
  /** The API's copy as far as it is known. */
  #present: Pod;
  #isRunning = false;
  #running: Promise<void> = Promise.resolve();
  #isDirty = false;
  #lastSent: { readonly wanted: Pod; readonly answer: Pod } | undefined;

  /** `wantedFrom` gives the pod as it should be, starting from the API's copy. */
  constructor(deps: StatusPublisherDeps, present: Pod, wantedFrom: (present: Pod) => Pod) {
    this.#deps = deps;
    this.#present = present;
    this.#wantedFrom = wantedFrom;
  }

  /** The API's copy as it was seen by a watch. */
  observe(present: Pod): void {
    if (revisionOf(present) >= revisionOf(this.#present)) this.#present = present;
    this.publish();
  }

  /** Writes soon, unless there is nothing to write. */
  publish(): void {
    this.#isDirty = true;
    if (!this.#isRunning) this.#running = this.#run();
  }

  /** Writes what there is to write and waits for it, `waitMs` at most: the API may be away. */
  async settle(waitMs: number): Promise<void> {
    this.publish();
    await Promise.race([this.#running, pause(this.#deps.timers, waitMs, this.#abort.signal)]);
  }

  stop(): void {
    this.#abort.abort();
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    let retryMs = retryMsMin;
    while (this.#isDirty && !this.#abort.signal.aborted) {
      this.#isDirty = false;
      try {
        await this.#write();
        retryMs = retryMsMin;
      } catch (error) {
        this.#deps.logger.debug("pod status not written", { reason: reasonOf(error) });
        this.#isDirty = true;
        await pause(this.#deps.timers, retryMs, this.#abort.signal);
        retryMs = Math.min(retryMs * 2, retryMsMax);
      }
    }
    this.#isRunning = false;
  }

  async #write(): Promise<void> {
    const wanted = this.#wantedFrom(this.#present);
    if (isDeepStrictEqual(wanted, this.#present) || this.#wasAnswered(wanted)) return;
    const outcome = await this.#deps.client.updateStatus(pods, wanted);
    if (outcome.kind === "ok") {
      this.#lastSent = { wanted, answer: outcome.object };
      if (revisionOf(outcome.object) >= revisionOf(this.#present)) this.#present = outcome.object;
    } else if (outcome.kind === "conflict") {
      await this.#readAgain();
    } else if (outcome.kind !== "notFound") {
      this.#deps.logger.warn("pod status refused", { reason: outcome.message });
    }
  }

  /** The server stores some of it differently: writing the same again would change nothing. */
  #wasAnswered(wanted: Pod): boolean {
    if (this.#lastSent === undefined) return false;
    const { wanted: sent, answer } = this.#lastSent;
    if (revisionOf(answer) !== revisionOf(this.#present)) return false;
    return (
      isDeepStrictEqual(sent.status, wanted.status) &&
      isDeepStrictEqual(sent.metadata.annotations, wanted.metadata.annotations)
    );
  }

  async #readAgain(): Promise<void> {
    const { uid, ...name } = nameOf(this.#present);
    const present = await this.#deps.client.get(pods, name);
    if (present === undefined || present.metadata.uid !== uid) return;
    this.#present = present;
    this.#isDirty = true;
  }
}

/** Name and uid of a pod, as requests need them. */
export function nameOf({ metadata }: Pod): { namespace: string; name: string; uid: string } {
  const { namespace = "default", name, uid = "" } = metadata;
  return { namespace, name, uid };
}

/** Revisions are whole numbers of one counter in this system. */
function revisionOf(pod: Pod): number {
  return Number(pod.metadata.resourceVersion ?? 0);
}
