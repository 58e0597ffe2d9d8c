/**
 * Keeps the Node object in the API as this node knows itself: creates it, writes its status when it
 * differs and now and then anyway, and contradicts a control plane that took the node for dead.
 */
import type { Clock, Logger, Random, Timers } from "@flotilla/base";
import { type Following, follow, type ObjectClient } from "@flotilla/client";
import { type Node, nodes } from "@flotilla/objects";
import { reasonOf } from "../errors.ts";
import {
  labelsOf,
  type NodeFacts,
  newNode,
  nodeNeedsUpdate,
  withNodeStatus,
} from "./node-object.ts";

/** The status is written at least this often, changed or not; as the kubelet's nodeStatusReportFrequency. */
export const statusReportMs = 300_000;
/** The copy here is looked at so often even when no watch says that it changed; as nodeStatusUpdateFrequency. */
export const statusCheckMs = 10_000;
/** After a write that failed. */
const retryMs = 1_000;

export interface RegistrationDeps {
  readonly client: ObjectClient;
  readonly facts: NodeFacts;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly logger: Logger;
  wallNowMs(): number;
  readonly signal: AbortSignal;
}

/** See the file's header. */
export class Registration {
  readonly #deps: RegistrationDeps;
  #node: Following<Node> | undefined;
  /** The server's last answer: the watch may lag behind it. */
  #answer: Node | undefined;
  #reportedAtMs: number | undefined;
  #isRunning = false;
  #isDirty = false;
  #cancelNext: (() => void) | undefined;

  constructor(deps: RegistrationDeps) {
    this.#deps = deps;
  }

  start(): void {
    const { client, facts, signal, random, logger } = this.#deps;
    this.#node = follow(
      client,
      nodes,
      { fieldSelector: `metadata.name=${facts.name}`, signal, random, logger, backoffMsMax: 1_000 },
      { onSynced: () => this.#wake(), onChange: () => this.#wake() },
    );
  }

  stop(): void {
    this.#cancelNext?.();
  }

  /** Writes the status soon, whatever the copy here says. */
  report(): void {
    this.#reportedAtMs = undefined;
    this.#wake();
  }

  #wake(): void {
    this.#isDirty = true;
    if (!this.#isRunning) void this.#run();
  }

  async #run(): Promise<void> {
    const { signal, logger } = this.#deps;
    this.#isRunning = true;
    let nextMs = statusCheckMs;
    while (this.#isDirty && !signal.aborted) {
      this.#isDirty = false;
      nextMs = statusCheckMs;
      try {
        await this.#ensure();
      } catch (error) {
        logger.debug("node not written", { reason: reasonOf(error) });
        nextMs = retryMs;
      }
    }
    this.#isRunning = false;
    this.#cancelNext?.();
    if (!signal.aborted) {
      this.#cancelNext = this.#deps.timers.after(nextMs, () => this.#wake());
    }
  }

  async #ensure(): Promise<void> {
    if (this.#node?.synced !== true) return;
    const { client, facts, clock, wallNowMs } = this.#deps;
    const watched = this.#node.objects.get(facts.name);
    const known = watched === undefined ? await this.#readOrCreate() : this.#newer(watched);
    const labelled = await this.#label(known);
    const wanted = withNodeStatus(labelled, facts, wallNowMs());
    const dueAtMs = (this.#reportedAtMs ?? Number.NEGATIVE_INFINITY) + statusReportMs;
    if (clock.nowMs() < dueAtMs && !nodeNeedsUpdate(labelled, wanted)) return;
    const outcome = await client.updateStatus(nodes, wanted);
    if (outcome.kind === "ok") {
      this.#answer = outcome.object;
      this.#reportedAtMs = clock.nowMs();
    } else if (outcome.kind !== "conflict") throw new Error(outcome.message);
    // After a conflict the watch brings the newer object, and with it the next attempt.
  }

  #newer(watched: Node): Node {
    const revisionOf = (node: Node) => Number(node.metadata.resourceVersion ?? 0);
    const answer = this.#answer ?? watched;
    return revisionOf(answer) > revisionOf(watched) ? answer : watched;
  }

  /** The watch may not have brought the node yet. */
  async #readOrCreate(): Promise<Node> {
    const { client, facts, logger } = this.#deps;
    const present = await client.get(nodes, { name: facts.name });
    if (present !== undefined) return present;
    const outcome = await client.create(nodes, newNode(facts));
    if (outcome.kind !== "ok") throw new Error(outcome.message);
    logger.info("node registered", { node: facts.name });
    return outcome.object;
  }

  /** Labels that others have set stay. */
  async #label(node: Node): Promise<Node> {
    const { client, facts } = this.#deps;
    const labels = labelsOf(facts);
    const present = node.metadata.labels ?? {};
    if (Object.entries(labels).every(([key, value]) => present[key] === value)) return node;
    const patch = { metadata: { labels } };
    const outcome = await client.patch(nodes, { name: facts.name }, patch);
    if (outcome.kind === "ok") return outcome.object;
    throw new Error(outcome.message);
  }
}
