/**
 * The one loop of all controllers: changes wake keys, keys are looked at, decisions are performed.
 *
 * Runs inside the leader. There is no cache to wait for and no second election: reads go to the
 * leader's own state, and the first write that is fenced ends everything.
 */

import type { Timers } from "@flotilla/base";
import { type Change, type Following, follow } from "@flotilla/client";
import type { KubeObject, Resource } from "@flotilla/objects";
import type { Controller, Seen } from "./controller.ts";
import { type Execution, execute } from "./execute.ts";
import type { ControllerDeps } from "./ports.ts";
import { type Look, WakeQueue } from "./wake-queue.ts";

/** A set of running controllers. */
export interface RunningControllers {
  /** Stops at once; idempotent. A write that is under way may still be answered, and is fenced anyway. */
  stop(): void;
  /** True after `stop`, or after a write was fenced. */
  readonly stopped: boolean;
}

/** Starts `controllers`. See {@link RunningControllers}. */
export function runControllers(
  deps: ControllerDeps,
  controllers: readonly Controller[],
): RunningControllers {
  const loop = new Loop(deps, controllers);
  loop.start();
  return loop;
}

class Loop implements RunningControllers {
  readonly #deps: ControllerDeps;
  readonly #controllers: readonly Controller[];
  readonly #queues = new Map<Controller, WakeQueue>();
  readonly #followings = new Map<Resource, Following<KubeObject>>();
  readonly #abort = new AbortController();
  readonly #seen: Seen;

  constructor(deps: ControllerDeps, controllers: readonly Controller[]) {
    this.#deps = deps;
    this.#controllers = controllers;
    this.#seen = seenOf(this.#followings);
  }

  get stopped(): boolean {
    return this.#abort.signal.aborted;
  }

  start(): void {
    for (const controller of this.#controllers) {
      this.#queues.set(controller, this.#queueOf(controller));
    }
    const resources = new Set(
      this.#controllers.flatMap(({ wakes }) => wakes.map(({ resource }) => resource)),
    );
    for (const resource of resources) this.#followings.set(resource, this.#follow(resource));
  }

  stop(): void {
    if (this.stopped) return;
    this.#abort.abort();
    for (const queue of this.#queues.values()) queue.stop();
  }

  #follow(resource: Resource): Following<KubeObject> {
    const { client, random, logger, timers } = this.#deps;
    const delay = delayOf(timers);
    return follow(
      client,
      resource,
      { signal: this.#abort.signal, random, logger, delay },
      { onChange: (changes) => this.#route(resource, changes) },
    );
  }

  #route(resource: Resource, changes: readonly Change<KubeObject>[]): void {
    for (const [controller, queue] of this.#queues) {
      for (const wake of controller.wakes) {
        if (wake.resource !== resource) continue;
        for (const change of changes) {
          for (const key of wake.keysOf(change, this.#seen)) queue.wake(key);
        }
      }
    }
  }

  #queueOf(controller: Controller): WakeQueue {
    /** Why the writes of the last look at a key were refused; gone with the next success. */
    const refusals = new Map<string, string>();
    return new WakeQueue(this.#deps.timers, async (key) => {
      const execution = await this.#look(controller, key, refusals.get(key));
      if (execution.kind === "failed" || execution.kind === "refused") {
        refusals.set(key, execution.message);
      } else {
        refusals.delete(key);
      }
      return this.#lookOf(controller, key, execution);
    });
  }

  async #look(
    controller: Controller,
    key: string,
    refusal: string | undefined,
  ): Promise<Execution & { requeueAfterMs?: number }> {
    try {
      const { sequences, requeueAfterMs } = await controller.reconcile(this.#deps, key, refusal);
      // Stopped while reading: a write now would only be fenced.
      if (this.stopped) return { kind: "fenced" };
      const execution = await execute(
        { ...this.#deps, component: `${controller.name}-controller` },
        sequences,
      );
      return requeueAfterMs === undefined ? execution : { ...execution, requeueAfterMs };
    } catch (error) {
      return { kind: "failed", message: error instanceof Error ? error.message : String(error) };
    }
  }

  #lookOf(
    controller: Controller,
    key: string,
    execution: Execution & { requeueAfterMs?: number },
  ): Look {
    switch (execution.kind) {
      case "done": {
        const { requeueAfterMs } = execution;
        return requeueAfterMs === undefined ? { kind: "done" } : { kind: "done", requeueAfterMs };
      }
      case "fenced":
        if (!this.stopped) this.#deps.logger.info("controllers: fenced, the term is over");
        this.stop();
        return { kind: "stop" };
      case "failed":
      case "refused":
        this.#deps.logger.warn("controllers: failed", {
          controller: controller.name,
          key,
          reason: execution.message,
        });
        return { kind: "retry" };
      case "outdated":
        return { kind: "retry" };
    }
  }
}

function seenOf(followings: ReadonlyMap<Resource, Following<KubeObject>>): Seen {
  return {
    all<T extends KubeObject>(resource: Resource<T>): Iterable<T> {
      return (followings.get(resource)?.objects.values() ?? []) as Iterable<T>;
    },
    get<T extends KubeObject>(resource: Resource<T>, key: string): T | undefined {
      return followings.get(resource)?.objects.get(key) as T | undefined;
    },
  };
}

/** A wait that rejects when aborted, made of a timer. */
function delayOf(timers: Timers): (delayMs: number, signal: AbortSignal) => Promise<void> {
  return (delayMs, signal) =>
    new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const abort = () => {
        cancel();
        reject(signal.reason);
      };
      const cancel = timers.after(delayMs, () => {
        signal.removeEventListener("abort", abort);
        resolve();
      });
      signal.addEventListener("abort", abort, { once: true });
    });
}
