/**
 * The scheduler's loop: when pods or nodes change, the waiting pods are tried in order.
 *
 * Runs inside the leader. Each cycle reads the world anew and counts what it binds itself, so no
 * resource is given away twice; the first write that is fenced ends everything.
 */
import { type Change, type EventRecorder, follow, objectKey, recordEvent } from "@flotilla/client";
import {
  type Condition,
  formatTime,
  type KubeObject,
  type Node,
  nodes,
  type Pod,
  podIsFinished,
  pods,
  type Resource,
  services,
} from "@flotilla/objects";
import { addPod, type NodeView, viewNodes } from "./node-view.ts";
import {
  filterNodes,
  type Placement,
  pickNode,
  scoreNodes,
  unschedulableMessage,
} from "./place.ts";
import type { SchedulerDeps } from "./ports.ts";
import { isWaiting, retryMsMin, schedulerName, WaitingPods } from "./waiting-pods.ts";

/** Pods tried before the event loop gets a turn and the world is read again. */
export const podsPerCycleMax = 100;

export interface RunningScheduler {
  /** Stops at once; idempotent. */
  stop(): void;
  /** True after `stop`, or after a write was fenced. */
  readonly stopped: boolean;
}

/** Starts the scheduler, when this member has become leader. See {@link RunningScheduler}. */
export function startScheduler(deps: SchedulerDeps): RunningScheduler {
  const scheduler = new Scheduler(deps);
  scheduler.start();
  return scheduler;
}

type Attempt = "bound" | "unschedulable" | "elsewhere" | "failed" | "fenced";

class Scheduler implements RunningScheduler {
  readonly #deps: SchedulerDeps;
  readonly #recorder: EventRecorder;
  readonly #waiting = new WaitingPods();
  readonly #abort = new AbortController();
  #state: "idle" | "running" | "runningAndWoken" = "idle";
  #cancelTimer: (() => void) | undefined;
  /** How often {@link Scheduler.#hasten} was called. */
  #hastenings = 0;

  constructor(deps: SchedulerDeps) {
    this.#deps = deps;
    const { client, wallNowMs } = deps;
    this.#recorder = { component: schedulerName, client, wallNowMs };
  }

  get stopped(): boolean {
    return this.#abort.signal.aborted;
  }

  start(): void {
    this.#follow(pods, ({ kind, object }) => {
      if (kind === "deleted" || podIsFinished(object)) this.#hasten();
      else if (isWaiting(object)) this.#wake();
    });
    this.#follow(nodes, (change) => {
      if (isNewsToScheduling(change)) this.#hasten();
    });
  }

  stop(): void {
    this.#abort.abort();
    this.#cancelTimer?.();
  }

  #follow<T extends KubeObject>(
    resource: Resource<T>,
    onChange: (change: Change<T>) => void,
  ): void {
    const { client, random, logger } = this.#deps;
    const delay = (delayMs: number, signal: AbortSignal) => this.#delay(delayMs, signal);
    follow(
      client,
      resource,
      { signal: this.#abort.signal, random, logger, delay },
      { onChange: (changes) => changes.forEach(onChange) },
    );
  }

  #delay(delayMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const abort = () => {
        cancel();
        reject(signal.reason);
      };
      const cancel = this.#deps.timers.after(delayMs, () => {
        signal.removeEventListener("abort", abort);
        resolve();
      });
      signal.addEventListener("abort", abort, { once: true });
    });
  }

  /** Something may have made room: whoever waits is tried soon. */
  #hasten(): void {
    this.#hastenings++;
    this.#waiting.hasten(this.#deps.clock.nowMs());
    this.#wake();
  }

  #wake(): void {
    if (this.stopped || this.#state === "runningAndWoken") return;
    if (this.#state === "running") {
      this.#state = "runningAndWoken";
      return;
    }
    this.#state = "running";
    void this.#run();
  }

  async #run(): Promise<void> {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    const afterMs = await this.#cycle();
    if (this.stopped) return;
    const isWoken = this.#state === "runningAndWoken";
    this.#state = "idle";
    const delayMs = isWoken ? 0 : afterMs;
    if (delayMs === undefined) return;
    this.#cancelTimer = this.#deps.timers.after(delayMs, () => this.#wake());
  }

  /** Tries what is due; returns when to look again. Never throws. */
  async #cycle(): Promise<number | undefined> {
    const { client, clock, logger } = this.#deps;
    const hastenings = this.#hastenings;
    try {
      const [allNodes, allPods, allServices] = await Promise.all([
        client.list(nodes),
        client.list(pods),
        client.list(services),
      ]);
      const due = this.#waiting.select(allPods.items, clock.nowMs());
      const views = viewNodes(allNodes.items, allPods.items);
      for (const pod of due.slice(0, podsPerCycleMax)) {
        if (this.stopped) return undefined;
        const attempt = await this.#try({ pod, views, services: allServices.items });
        if (attempt === "fenced") return this.#fenced();
        if (attempt !== "bound") this.#waiting.failed(pod, clock.nowMs());
      }
      // The world changed while its older state was judged: a pod that failed by that may fit now.
      if (this.#hastenings !== hastenings) this.#waiting.hasten(clock.nowMs());
      if (due.length > podsPerCycleMax) return 0;
      const next = this.#waiting.nextDueMs();
      return next === undefined ? undefined : Math.max(0, next - clock.nowMs());
    } catch (error) {
      logger.warn("scheduler: cycle failed", { reason: textOf(error) });
      return retryMsMin;
    }
  }

  #fenced(): undefined {
    if (!this.stopped) this.#deps.logger.info("scheduler: fenced, the term is over");
    this.stop();
    return undefined;
  }

  /** One pod that fails, for whatever reason, does not keep the others waiting. */
  async #try(placement: Placement): Promise<Attempt> {
    const { pod, views } = placement;
    try {
      const { feasible, reasons } = filterNodes(placement);
      const view = pickNode(scoreNodes(placement, feasible), this.#deps.random);
      if (view !== undefined) return await this.#bind(pod, view);
      return await this.#report(pod, unschedulableMessage(views.length, reasons));
    } catch (error) {
      const fields = { pod: objectKey(pod), reason: textOf(error) };
      this.#deps.logger.warn("scheduler: pod failed", fields);
      return "failed";
    }
  }

  async #bind(pod: Pod, view: NodeView): Promise<Attempt> {
    const { namespace = "default", name, uid } = pod.metadata;
    const nodeName = view.node.metadata.name;
    const target = uid === undefined ? { namespace, name } : { namespace, name, uid };
    const bound = await this.#deps.client.bind(target, nodeName);
    if (bound.kind === "fenced") return "fenced";
    // Gone, or bound by somebody else: the next cycle sees what it is.
    if (bound.kind !== "ok") return "elsewhere";
    addPod(view, { ...pod, spec: { ...pod.spec, nodeName } });
    const message = `Successfully assigned ${namespace}/${name} to ${nodeName}`;
    const event = { about: pod, type: "Normal", reason: "Scheduled", message } as const;
    const told = await recordEvent(this.#recorder, event);
    return told.kind === "fenced" ? "fenced" : "bound";
  }

  /** Says on the pod why it waits; nothing is written while the reason stays the same. */
  async #report(pod: Pod, message: string): Promise<Attempt> {
    const conditions = pod.status?.conditions ?? [];
    const before = conditions.find(({ type }) => type === "PodScheduled");
    if (before?.status === "False" && before.message === message) return "unschedulable";
    const now = formatTime(this.#deps.wallNowMs());
    const next: Condition = {
      type: "PodScheduled",
      status: "False",
      reason: "Unschedulable",
      message,
      lastTransitionTime: before?.status === "False" ? (before.lastTransitionTime ?? now) : now,
    };
    const others = conditions.filter(({ type }) => type !== "PodScheduled");
    const status = { ...pod.status, conditions: [...others, next] };
    const updated = await this.#deps.client.updateStatus(pods, { ...pod, status });
    if (updated.kind === "fenced") return "fenced";
    if (updated.kind !== "ok") return "failed";
    const event = { about: pod, type: "Warning", reason: "FailedScheduling", message } as const;
    const told = await recordEvent(this.#recorder, event);
    return told.kind === "fenced" ? "fenced" : "unschedulable";
  }
}

/** A heartbeat or a new address changes nothing for pods that wait. */
function isNewsToScheduling({ kind, object, previous }: Change<Node>): boolean {
  if (kind !== "modified" || previous === undefined) return kind === "added";
  const relevant = ({ metadata, spec, status }: Node) =>
    JSON.stringify([metadata.labels, spec?.unschedulable, spec?.taints, status?.allocatable]);
  return relevant(object) !== relevant(previous);
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
