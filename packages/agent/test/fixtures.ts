/** What the tests share: an API in memory, time that stands still, and waiting on conditions. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import type { Logger, Timers } from "@flotilla/base";
import {
  ClientError,
  type ListOptions,
  type ObjectClient,
  type ObjectEvent,
  type ObjectList,
  type ObjectName,
  objectKey,
  type Refusal,
  type WatchOptions,
  type WriteOutcome,
} from "@flotilla/client";
import {
  type Container,
  type Json,
  type KubeObject,
  type Lease,
  mergePatch,
  type Pod,
  type PodSpec,
  type Resource,
} from "@flotilla/objects";

const directories: string[] = [];
// At the very end: hooks of a test run in the order of their registration, and what a test has started
// may write until its own hook has stopped it.
after(() => {
  for (const path of directories) rmSync(path, { recursive: true, force: true, maxRetries: 5 });
});

/** A directory that is gone when the tests of the file are over. */
export function temporaryDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), "flotilla-agent-"));
  directories.push(path);
  return path;
}

/** Resolves to the first value that is not undefined or false; fails after `deadlineMs`. */
export async function until<T>(
  what: string,
  probe: () => T | undefined | false | Promise<T | undefined | false>,
  deadlineMs = 10_000,
): Promise<T> {
  const giveUpAtMs = performance.now() + deadlineMs;
  for (;;) {
    const value = await probe();
    if (value !== undefined && value !== false) return value;
    if (performance.now() > giveUpAtMs) throw new Error(`waited ${deadlineMs} ms for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Lets everything that is ready run. */
export async function settle(turns = 20): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** Time that moves when it is told to. */
export class ManualTime implements Timers {
  #nowMs = 0;
  #timers: { atMs: number; callback: () => void }[] = [];

  nowMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer = { atMs: this.#nowMs + delayMs, callback };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** Moves on, timer by timer, letting what they start run in between. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms;
    for (;;) {
      await settle();
      const [next] = this.#timers.toSorted((left, right) => left.atMs - right.atMs);
      if (next === undefined || next.atMs > untilMs) break;
      this.#timers = this.#timers.filter((other) => other !== next);
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.callback();
    }
    this.#nowMs = untilMs;
    await settle();
  }

  /** Time passes and nobody is told: the process was paused. */
  jump(ms: number): void {
    this.#nowMs += ms;
  }
}

/** Collects what is logged, for messages of failing tests and for counting. */
export function recordingLogger(): Logger & { readonly lines: string[] } {
  const lines: string[] = [];
  const write = (level: string) => (message: string, fields?: unknown) => {
    lines.push(`${level} ${message} ${JSON.stringify(fields ?? {})}`);
  };
  return {
    lines,
    debug: write("debug"),
    info: write("info"),
    warn: write("warn"),
    error: write("error"),
  };
}

interface Watcher {
  readonly plural: string;
  readonly options: ListOptions;
  push(event: ObjectEvent<KubeObject>): void;
  end(): void;
}

/** An API server in memory, as much of one as an agent can tell. */
export class FakeApi implements ObjectClient {
  readonly #objects = new Map<string, Map<string, KubeObject>>();
  readonly #watchers = new Set<Watcher>();
  /** Revision of the last change, by plural. */
  readonly #changedAt = new Map<string, number>();
  #revision = 1;
  #isDown = false;
  /** Every write, as "verb plural key". */
  readonly writes: string[] = [];
  /** Called before each request; may throw or wait. */
  before: (verb: string, plural: string) => Promise<void> | void = () => {};

  /** Cuts every connection and refuses new ones, or takes them again. */
  setDown(isDown: boolean): void {
    this.#isDown = isDown;
    if (isDown) for (const watcher of [...this.#watchers]) watcher.end();
  }

  /** Puts an object as somebody else would. */
  put<T extends KubeObject>(resource: Resource<T>, object: T): T {
    const kind = this.find(resource, objectKey(object)) === undefined ? "added" : "modified";
    return this.#store(resource, object, kind);
  }

  /** Takes an object away as somebody else would. */
  drop(resource: Resource, key: string): void {
    const object = this.#of(resource).get(key);
    if (object === undefined) return;
    this.#of(resource).delete(key);
    const last = { ...object, metadata: { ...object.metadata, resourceVersion: this.#next() } };
    this.#tell(resource, "deleted", last);
  }

  find<T extends KubeObject>(resource: Resource<T>, key: string): T | undefined {
    return this.#of(resource).get(key) as T | undefined;
  }

  all<T extends KubeObject>(resource: Resource<T>): T[] {
    return [...this.#of(resource).values()] as T[];
  }

  async get<T extends KubeObject>(resource: Resource<T>, name: ObjectName): Promise<T | undefined> {
    await this.#enter("get", resource);
    return this.find(resource, keyOf(name));
  }

  async list<T extends KubeObject>(
    resource: Resource<T>,
    options: ListOptions = {},
  ): Promise<ObjectList<T>> {
    await this.#enter("list", resource);
    const items = this.all(resource).filter((object) => matches(object, options));
    return { items, resourceVersion: String(this.#revision) };
  }

  async *watch<T extends KubeObject>(
    resource: Resource<T>,
    options: WatchOptions,
  ): AsyncIterable<ObjectEvent<T>> {
    await this.#enter("watch", resource);
    // No history is kept: whoever has missed something lists again.
    if (Number(options.resourceVersion) < (this.#changedAt.get(resource.plural) ?? 0)) {
      yield { kind: "expired" };
      return;
    }
    const queue: (ObjectEvent<KubeObject> | undefined)[] = [];
    let wake = () => {};
    const watcher: Watcher = {
      plural: resource.plural,
      options,
      push: (event) => {
        queue.push(event);
        wake();
      },
      end: () => {
        queue.push(undefined);
        wake();
      },
    };
    this.#watchers.add(watcher);
    options.signal.addEventListener("abort", watcher.end, { once: true });
    try {
      for (;;) {
        while (queue.length > 0) {
          const event = queue.shift();
          if (event === undefined) return;
          yield event as ObjectEvent<T>;
        }
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    } finally {
      this.#watchers.delete(watcher);
    }
  }

  async create<T extends KubeObject>(resource: Resource<T>, object: T): Promise<WriteOutcome<T>> {
    await this.#enter("create", resource, objectKey(object));
    if (this.find(resource, objectKey(object)) !== undefined) return refused("alreadyExists");
    const { status: _, ...rest } = object as T & { status?: unknown };
    const created = {
      ...rest,
      metadata: { ...object.metadata, uid: `uid-${this.#revision}` },
    } as T;
    return { kind: "ok", object: this.#store(resource, created, "added") };
  }

  async update<T extends KubeObject>(resource: Resource<T>, object: T): Promise<WriteOutcome<T>> {
    await this.#enter("update", resource, objectKey(object));
    return this.#replace(resource, object, (present) => ({
      ...object,
      ...("status" in present ? { status: present.status } : {}),
    }));
  }

  async updateStatus<T extends KubeObject>(
    resource: Resource<T>,
    object: T,
  ): Promise<WriteOutcome<T>> {
    await this.#enter("updateStatus", resource, objectKey(object));
    return this.#replace(resource, object, (present) => {
      const { annotations } = object.metadata;
      const metadata = { ...present.metadata, ...(annotations ? { annotations } : {}) };
      return { ...present, metadata, status: (object as { status?: unknown }).status } as T;
    });
  }

  async patch<T extends KubeObject>(
    resource: Resource<T>,
    name: ObjectName,
    patch: Json,
  ): Promise<WriteOutcome<T>> {
    await this.#enter("patch", resource, keyOf(name));
    const present = this.find(resource, keyOf(name));
    if (present === undefined) return refused("notFound");
    const outcome = mergePatch(present as unknown as Json, patch);
    if (outcome.kind !== "ok") throw new Error("the patch does not apply");
    return {
      kind: "ok",
      object: this.#store(resource, outcome.object as unknown as T, "modified"),
    };
  }

  async delete<T extends KubeObject>(
    resource: Resource<T>,
    name: ObjectName,
    options: { uid?: string; gracePeriodSeconds?: number } = {},
  ): Promise<WriteOutcome<T | undefined>> {
    await this.#enter("delete", resource, keyOf(name));
    const present = this.find(resource, keyOf(name));
    if (present === undefined) return refused("notFound");
    if (options.uid !== undefined && options.uid !== present.metadata.uid) {
      return refused("conflict");
    }
    this.drop(resource, keyOf(name));
    return { kind: "ok", object: undefined };
  }

  async bind(): Promise<WriteOutcome<undefined>> {
    throw new Error("an agent binds nothing");
  }

  #replace<T extends KubeObject>(
    resource: Resource<T>,
    object: T,
    merge: (present: T) => T,
  ): WriteOutcome<T> {
    const present = this.find(resource, objectKey(object));
    if (present === undefined) return refused("notFound");
    const { resourceVersion } = object.metadata;
    if (resourceVersion !== undefined && resourceVersion !== present.metadata.resourceVersion) {
      return refused("conflict");
    }
    return { kind: "ok", object: this.#store(resource, merge(present), "modified") };
  }

  #store<T extends KubeObject>(resource: Resource<T>, object: T, kind: "added" | "modified"): T {
    const stored = JSON.parse(JSON.stringify(object)) as T;
    // A heartbeat is renewed at the leader: no revision, no event.
    const isHeartbeat = resource.plural === "leases" && kind === "modified";
    if (!isHeartbeat) stored.metadata.resourceVersion = this.#next();
    this.#of(resource).set(objectKey(object), stored);
    if (!isHeartbeat) this.#tell(resource, kind, stored);
    return stored;
  }

  #tell(resource: Resource, kind: "added" | "modified" | "deleted", object: KubeObject): void {
    this.#changedAt.set(resource.plural, this.#revision);
    for (const watcher of this.#watchers) {
      if (watcher.plural === resource.plural && matches(object, watcher.options)) {
        watcher.push({ kind, object });
      }
    }
  }

  #of(resource: Resource): Map<string, KubeObject> {
    const known = this.#objects.get(resource.plural) ?? new Map<string, KubeObject>();
    this.#objects.set(resource.plural, known);
    return known;
  }

  #next(): string {
    return String(++this.#revision);
  }

  async #enter(verb: string, { plural }: Resource, key?: string): Promise<void> {
    await this.before(verb, plural);
    if (this.#isDown) throw new ClientError("unavailable", "no server took the request");
    if (key !== undefined) this.writes.push(`${verb} ${plural} ${key}`);
  }
}

function refused(kind: Refusal["kind"]): Refusal {
  return { kind, message: `refused: ${kind}` };
}

function keyOf({ namespace, name }: ObjectName): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}

function matches(object: KubeObject, { namespace, fieldSelector }: ListOptions): boolean {
  if (namespace !== undefined && object.metadata.namespace !== namespace) return false;
  const [field, value] = (fieldSelector ?? "").split("=");
  if (field === "spec.nodeName") return (object as Pod).spec.nodeName === value;
  if (field === "metadata.name") return object.metadata.name === value;
  return true;
}

/** A pod that is bound to node "n1", with one container. */
export function podOf(
  name: string,
  container: Partial<Container>,
  spec: Partial<PodSpec> = {},
): Pod {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace: "default", uid: `${name}-uid` },
    spec: {
      nodeName: "n1",
      containers: [{ name: "main", image: "host", ...container }],
      ...spec,
    },
  };
}

/** A lease as the server keeps it. */
export function leaseOf(nodeName: string): Lease {
  return {
    apiVersion: "coordination.k8s.io/v1",
    kind: "Lease",
    metadata: { name: nodeName, namespace: "kube-node-lease" },
    spec: { holderIdentity: nodeName, leaseDurationSeconds: 4 },
  };
}
