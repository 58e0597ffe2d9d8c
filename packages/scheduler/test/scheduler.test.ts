import { deepEqual, equal, ok } from "node:assert/strict";
import { describe, it } from "node:test";
import { Prng, silentLogger } from "@flotilla/base";
import type { ObjectClient, ObjectEvent, WriteOutcome } from "@flotilla/client";
import type { Event, KubeObject, Node, Pod, Resource } from "@flotilla/objects";
import { podsPerCycleMax, startScheduler } from "../src/start-scheduler.ts";
import { nodeFrom, podFrom } from "./fixtures.ts";

/** Just enough of an API for one scheduler, and time that only moves when told. */
class FakeApi {
  readonly objects = new Map<string, KubeObject>();
  readonly bound: string[] = [];
  readonly told: string[] = [];
  /** What the next bindings answer, by pod. */
  readonly answers = new Map<string, WriteOutcome<undefined>>();
  /** What happens while a binding is under way. */
  whileBinding: (() => Promise<void>) | undefined;
  /** How often it was asked for pods. */
  listed = 0;
  nowMs = 0;
  #revision = 1;
  #pending: { atMs: number; callback: () => void }[] = [];
  readonly #watchers: { plural: string; push: (event: ObjectEvent<KubeObject>) => void }[] = [];

  get pendingCount(): number {
    return this.#pending.length;
  }

  get deps(): Parameters<typeof startScheduler>[0] {
    const timers = {
      after: (delayMs: number, callback: () => void) => this.#after(delayMs, callback),
    };
    return {
      client: this.#client(),
      clock: { nowMs: () => this.nowMs },
      wallNowMs: () => Date.UTC(2030, 0, 1) + this.nowMs,
      random: new Prng(3),
      logger: silentLogger,
      timers,
    };
  }

  async advance(durationMs: number): Promise<void> {
    const endMs = this.nowMs + durationMs;
    await drain();
    for (;;) {
      const [next] = this.#pending.toSorted((left, right) => left.atMs - right.atMs);
      if (next === undefined || next.atMs > endMs) break;
      this.#pending = this.#pending.filter((each) => each !== next);
      this.nowMs = next.atMs;
      next.callback();
      await drain();
    }
    this.nowMs = endMs;
  }

  put(object: KubeObject, kind: "added" | "modified" | "deleted" = "added"): void {
    const key = `${object.kind} ${object.metadata.name}`;
    if (kind === "deleted") this.objects.delete(key);
    else this.objects.set(key, object);
    const plural = object.kind === "Pod" ? "pods" : "nodes";
    const metadata = { ...object.metadata, resourceVersion: String(++this.#revision) };
    for (const watcher of this.#watchers) {
      if (watcher.plural === plural) watcher.push({ kind, object: { ...object, metadata } });
    }
  }

  pod(name: string): Pod {
    return this.objects.get(`Pod ${name}`) as Pod;
  }

  #after(delayMs: number, callback: () => void): () => void {
    const pending = { atMs: this.nowMs + delayMs, callback };
    this.#pending.push(pending);
    return () => {
      this.#pending = this.#pending.filter((each) => each !== pending);
    };
  }

  #client(): ObjectClient {
    const kindOf: Record<string, string> = { pods: "Pod", nodes: "Node" };
    return {
      list: async (resource: Resource) => {
        if (resource.plural === "pods") this.listed++;
        const all = [...this.objects.values()];
        const items = all.filter(({ kind }) => kind === kindOf[resource.plural]);
        return { items, resourceVersion: "1" };
      },
      watch: (resource: Resource, { signal }: { signal: AbortSignal }) =>
        this.#watch(resource, signal),
      create: async (_: Resource, object: KubeObject) => {
        const { reason, message } = object as Event;
        this.told.push(`${reason}: ${message}`);
        return { kind: "ok", object };
      },
      updateStatus: async (_: Resource, object: KubeObject) => {
        this.put(object, "modified");
        return { kind: "ok", object };
      },
      bind: async ({ name }: { name: string }, nodeName: string) => {
        const answer = this.answers.get(name) ?? { kind: "ok", object: undefined };
        if (answer.kind !== "ok") return answer;
        await this.whileBinding?.();
        this.bound.push(`${name}@${nodeName}`);
        const pod = this.pod(name);
        this.put({ ...pod, spec: { ...pod.spec, nodeName } } as Pod, "modified");
        return answer;
      },
    } as unknown as ObjectClient;
  }

  async *#watch(resource: Resource, signal: AbortSignal): AsyncIterable<ObjectEvent<KubeObject>> {
    const queue: ObjectEvent<KubeObject>[] = [];
    let wake: (() => void) | undefined;
    const push = (event: ObjectEvent<KubeObject>) => {
      queue.push(event);
      wake?.();
    };
    this.#watchers.push({ plural: resource.plural, push });
    signal.addEventListener("abort", () => wake?.());
    while (!signal.aborted) {
      const event = queue.shift();
      if (event !== undefined) yield event;
      else {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  }
}

function drain(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function apiWith(...texts: readonly string[]): FakeApi {
  const api = new FakeApi();
  for (const text of texts) api.put(text.startsWith("n") ? nodeFrom(text) : podFrom(text));
  return api;
}

describe("startScheduler()", () => {
  it("binds what waits, in order, and counts what it has given away itself", async () => {
    const api = apiWith("n1 cpu=1", "b cpu=1 at=2", "a cpu=1 at=1", "c cpu=1 priority=1 at=3");
    const scheduler = startScheduler(api.deps);
    await api.advance(0);
    deepEqual(api.bound, ["c@n1"]);
    equal(api.told[0], "Scheduled: Successfully assigned default/c to n1");
    scheduler.stop();
  });

  it("says once why a pod waits, on the pod and as an event", async () => {
    const api = apiWith("n1 cpu=1", "a cpu=2");
    const scheduler = startScheduler(api.deps);
    await api.advance(60_000);
    const message = "0/1 nodes are available: 1 Insufficient cpu.";
    deepEqual(api.told, [`FailedScheduling: ${message}`]);
    deepEqual(api.pod("a").status?.conditions, [
      {
        type: "PodScheduled",
        status: "False",
        reason: "Unschedulable",
        message,
        lastTransitionTime: "2030-01-01T00:00:00Z",
      },
    ]);
    scheduler.stop();
  });

  // biome-ignore format: a table
  const changes: readonly (readonly [string, (api: FakeApi) => void, string])[] = [
    ["a node appears",       (api) => api.put(nodeFrom("n2 cpu=4")),                    "a@n2"],
    ["a node grows",         (api) => api.put(nodeFrom("n1 cpu=4"), "modified"),        "a@n1"],
    ["a pod goes",           (api) => api.put(api.pod("old"), "deleted"),               "a@n1"],
  ];
  for (const [what, change, want] of changes) {
    it(`tries again soon when ${what}`, async () => {
      const api = apiWith("n1 cpu=2", "old on=n1 cpu=2", "a cpu=2");
      const scheduler = startScheduler(api.deps);
      await api.advance(59_000); // The back-off has reached its longest by now.
      change(api);
      await api.advance(1_000);
      deepEqual(api.bound, [want]);
      scheduler.stop();
    });
  }

  it("tries again soon when room appears while the older state of the world is judged", async () => {
    const api = apiWith("n1 cpu=2", "a cpu=4");
    const scheduler = startScheduler(api.deps);
    await api.advance(64_999); // After 1, 3, 7, 15, 25 ... 55 s the next try is at 65 s.
    api.objects.set("Pod b", podFrom("b cpu=1 priority=1"));
    api.whileBinding = async () => {
      api.whileBinding = undefined;
      api.put(nodeFrom("n1 cpu=9"), "modified");
      await drain();
    };
    await api.advance(1);
    await api.advance(0);
    deepEqual(api.bound, ["b@n1"]);
    await api.advance(1_001);
    deepEqual(api.bound, ["b@n1", "a@n1"]);
    scheduler.stop();
  });

  it("does not try again when a node only reports itself", async () => {
    const api = apiWith("n1 cpu=1", "a cpu=2");
    const scheduler = startScheduler(api.deps);
    await api.advance(59_000);
    const { listed } = api;
    const node = api.objects.get("Node n1") as Node;
    const conditions = [{ type: "Ready", status: "True" as const }];
    api.put({ ...node, status: { ...node.status, conditions } } as Node, "modified");
    await api.advance(1_000);
    equal(api.listed, listed);
    scheduler.stop();
  });

  it("goes on with the others when one pod is gone or bound already", async () => {
    const api = apiWith("n1", "a at=1", "b at=2");
    api.answers.set("a", { kind: "conflict", message: "bound already" });
    const scheduler = startScheduler(api.deps);
    await api.advance(500);
    deepEqual(api.bound, ["b@n1"]);
    scheduler.stop();
  });

  it("stops for good when fenced", async () => {
    const api = apiWith("n1", "a at=1", "b at=2");
    api.answers.set("a", { kind: "fenced", message: "the term is over" });
    const scheduler = startScheduler(api.deps);
    await api.advance(60_000);
    equal(scheduler.stopped, true);
    deepEqual(api.bound, []);
    equal(api.pendingCount, 0);
  });

  it("leaves nothing behind after stop()", async () => {
    const api = apiWith("a");
    const scheduler = startScheduler(api.deps);
    await api.advance(0);
    ok(api.pendingCount > 0);
    scheduler.stop();
    api.put(nodeFrom("n1"));
    await api.advance(60_000);
    equal(api.pendingCount, 0);
    deepEqual(api.bound, []);
  });

  it("places more pods than fit in one cycle", async () => {
    const count = podsPerCycleMax * 2 + 1;
    const names = Array.from({ length: count }, (_, at) => `p${at}`);
    const api = apiWith("n1 pods=1000", ...names);
    const scheduler = startScheduler(api.deps);
    await api.advance(0);
    equal(api.bound.length, count);
    scheduler.stop();
  });
});
