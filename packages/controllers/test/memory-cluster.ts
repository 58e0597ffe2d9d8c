/**
 * An object API in memory: versions, watches, graceful deletion and binding as the real one has them;
 * conflicts and the end of history are injected by seed, answers take virtual time.
 */
import { isDeepStrictEqual } from "node:util";
import type { Prng } from "@flotilla/base";
import type {
  ListOptions,
  ObjectClient,
  ObjectEvent,
  ObjectName,
  WatchOptions,
  WriteOutcome,
} from "@flotilla/client";
import {
  type Json,
  type KubeObject,
  nodes,
  type Pod,
  pods,
  type Resource,
} from "@flotilla/objects";
import type { VirtualTime } from "./virtual-time.ts";

export interface Faults {
  /** Share of updates that are refused as if somebody else had written before. */
  readonly conflicts: number;
  /** Share of watch deliveries that end with "expired". */
  readonly expiries: number;
  /** Longest virtual time of an answer. */
  readonly latencyMsMax: number;
}

export const noFaults: Faults = { conflicts: 0, expiries: 0, latencyMsMax: 0 };

interface Change {
  readonly plural: string;
  readonly kind: "added" | "modified" | "deleted";
  readonly object: KubeObject;
}

type Write = WriteOutcome<never>;

export class MemoryCluster implements ObjectClient {
  /** Writes are refused: the term is over. */
  fenced = false;
  /** Called after every change. */
  onChange: (() => void) | undefined;
  /** Refuses creations in this resource with the message. */
  refuseCreation: { plural: string; message: string } | undefined;
  writes = 0;
  /** Updates that changed nothing: accepted without a new version, as the real API does. */
  idleWrites = 0;
  readonly #objects = new Map<string, Map<string, KubeObject>>();
  readonly #log: Change[] = [];
  readonly #waiters = new Set<() => void>();
  readonly #time: VirtualTime;
  readonly #prng: Prng;
  readonly #faults: Faults;
  #revision = 0;
  #uids = 0;

  constructor(time: VirtualTime, prng: Prng, faults: Faults = noFaults) {
    this.#time = time;
    this.#prng = prng;
    this.#faults = faults;
  }

  /** All objects at once, without latency: for assertions. */
  all<T extends KubeObject>(resource: Resource<T>): T[] {
    return [...(this.#objects.get(resource.plural)?.values() ?? [])] as T[];
  }

  /** One object, without latency. */
  peek<T extends KubeObject>(resource: Resource<T>, key: string): T | undefined {
    return this.#objects.get(resource.plural)?.get(key) as T | undefined;
  }

  async get<T extends KubeObject>(resource: Resource<T>, name: ObjectName): Promise<T | undefined> {
    await this.#latency();
    return this.peek(resource, keyOf(name));
  }

  async list<T extends KubeObject>(resource: Resource<T>, options: ListOptions = {}) {
    await this.#latency();
    const { namespace } = options;
    const items = this.all(resource).filter(
      ({ metadata }) => namespace === undefined || metadata.namespace === namespace,
    );
    return { items, resourceVersion: String(this.#revision) };
  }

  async *watch<T extends KubeObject>(
    resource: Resource<T>,
    options: WatchOptions,
  ): AsyncIterable<ObjectEvent<T>> {
    // Every change has the next revision: the log's index is the revision less one.
    let at = Number(options.resourceVersion);
    while (!options.signal.aborted) {
      const next = this.#log[at];
      if (next === undefined) {
        await this.#nextChange(options.signal);
        continue;
      }
      at++;
      if (next.plural !== resource.plural) continue;
      await this.#latency();
      if (this.#prng.chance(this.#faults.expiries)) {
        yield { kind: "expired" };
        return;
      }
      yield { kind: next.kind, object: next.object as T };
    }
  }

  async create<T extends KubeObject>(resource: Resource<T>, object: T): Promise<WriteOutcome<T>> {
    await this.#latency();
    if (this.fenced) return fenced;
    if (this.refuseCreation?.plural === resource.plural) {
      return { kind: "invalid", message: this.refuseCreation.message };
    }
    const key = keyOf(object.metadata);
    if (this.peek(resource, key) !== undefined) return { kind: "alreadyExists", message: key };
    const metadata = {
      ...object.metadata,
      uid: `uid-${++this.#uids}`,
      generation: 1,
      creationTimestamp: timeOf(this.#time.wallNowMs()),
    };
    const status = resource === (pods as Resource) ? { status: { phase: "Pending" } } : {};
    return this.#commit(resource, "added", { ...object, ...status, metadata });
  }

  async update<T extends KubeObject>(resource: Resource<T>, object: T): Promise<WriteOutcome<T>> {
    await this.#latency();
    const before = this.#checked(resource, object.metadata, object.metadata.resourceVersion);
    if (!("metadata" in before)) return before;
    const changed = !same(fieldOf(before, "spec"), fieldOf(object, "spec"));
    const generation = (before.metadata.generation ?? 1) + (changed ? 1 : 0);
    return this.#commit(resource, "modified", {
      ...object,
      status: fieldOf(before, "status"),
      metadata: { ...object.metadata, generation },
    });
  }

  async updateStatus<T extends KubeObject>(
    resource: Resource<T>,
    object: T,
  ): Promise<WriteOutcome<T>> {
    await this.#latency();
    const before = this.#checked(resource, object.metadata, object.metadata.resourceVersion);
    if (!("metadata" in before)) return before;
    const { annotations } = object.metadata;
    const metadata =
      resource === (pods as Resource) && annotations !== undefined
        ? { ...before.metadata, annotations }
        : before.metadata;
    return this.#commit(resource, "modified", {
      ...before,
      metadata,
      status: fieldOf(object, "status"),
    } as unknown as T);
  }

  async patch<T extends KubeObject>(
    resource: Resource<T>,
    name: ObjectName,
    patch: Json,
  ): Promise<WriteOutcome<T>> {
    await this.#latency();
    const before = this.#checked(resource, name, undefined);
    if (!("metadata" in before)) return before;
    const patched = merge(before as unknown as Json, patch) as unknown as T;
    const changed = !same(fieldOf(before, "spec"), fieldOf(patched, "spec"));
    const generation = (before.metadata.generation ?? 1) + (changed ? 1 : 0);
    const metadata = { ...patched.metadata, generation };
    return this.#commit(resource, "modified", { ...patched, metadata });
  }

  async delete<T extends KubeObject>(
    resource: Resource<T>,
    name: ObjectName,
    options: { uid?: string; gracePeriodSeconds?: number } = {},
  ): Promise<WriteOutcome<T | undefined>> {
    await this.#latency();
    if (this.fenced) return fenced;
    const before = this.peek(resource, keyOf(name));
    if (before === undefined) return { kind: "notFound", message: keyOf(name) };
    if (options.uid !== undefined && options.uid !== before.metadata.uid) {
      return { kind: "conflict", message: "uid" };
    }
    const { nodeName, terminationGracePeriodSeconds = 30 } =
      (before as unknown as Pod).spec ?? ({} as Pod["spec"]);
    const isBound = resource === (pods as Resource) && nodeName !== undefined;
    const grace = isBound ? (options.gracePeriodSeconds ?? terminationGracePeriodSeconds) : 0;
    if (grace === 0) return this.#commit(resource, "deleted", before);
    if (before.metadata.deletionTimestamp !== undefined) return { kind: "ok", object: before };
    const metadata = {
      ...before.metadata,
      deletionTimestamp: timeOf(this.#time.wallNowMs() + grace * 1_000),
      deletionGracePeriodSeconds: grace,
    };
    return this.#commit(resource, "modified", { ...before, metadata });
  }

  async bind(
    pod: ObjectName & { readonly uid?: string },
    nodeName: string,
  ): Promise<WriteOutcome<undefined>> {
    await this.#latency();
    const before = this.#checked(pods, pod, undefined);
    if (!("metadata" in before)) return before;
    if (before.spec.nodeName !== undefined) return { kind: "conflict", message: "bound already" };
    if (this.peek(nodes, nodeName) === undefined) return { kind: "notFound", message: nodeName };
    this.#commit(pods, "modified", { ...before, spec: { ...before.spec, nodeName } });
    return { kind: "ok", object: undefined };
  }

  #checked<T extends KubeObject>(
    resource: Resource<T>,
    name: ObjectName,
    resourceVersion: string | undefined,
  ): T | Write {
    if (this.fenced) return fenced;
    const before = this.peek(resource, keyOf(name));
    if (before === undefined) return { kind: "notFound", message: keyOf(name) };
    const isStale =
      resourceVersion !== undefined && resourceVersion !== before.metadata.resourceVersion;
    if (isStale || this.#prng.chance(this.#faults.conflicts)) {
      return { kind: "conflict", message: `${keyOf(name)} has changed` };
    }
    return before;
  }

  #commit<T extends KubeObject>(
    resource: Resource<T>,
    kind: Change["kind"],
    object: T,
  ): { kind: "ok"; object: T } {
    const before = this.peek(resource, keyOf(object.metadata));
    const stored = withoutZeros(structuredClone(object));
    if (kind === "modified" && before !== undefined && isDeepStrictEqual(stored, before)) {
      this.idleWrites++;
      return { kind: "ok", object: before };
    }
    this.writes++;
    this.#revision++;
    const metadata = { ...stored.metadata, resourceVersion: String(this.#revision) };
    // Frozen: whoever changes what it has read is found out.
    const committed = freeze({ ...stored, metadata });
    const objects = this.#objects.get(resource.plural) ?? new Map<string, KubeObject>();
    this.#objects.set(resource.plural, objects);
    if (kind === "deleted") objects.delete(keyOf(metadata));
    else objects.set(keyOf(metadata), committed);
    this.#log.push({ plural: resource.plural, kind, object: committed });
    this.onChange?.();
    for (const wake of this.#waiters) wake();
    return { kind: "ok", object: committed };
  }

  #nextChange(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        this.#waiters.delete(wake);
        signal.removeEventListener("abort", wake);
        resolve();
      };
      this.#waiters.add(wake);
      signal.addEventListener("abort", wake);
    });
  }

  #latency(): Promise<void> {
    const { latencyMsMax } = this.#faults;
    if (latencyMsMax === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#time.timers.after(this.#prng.below(latencyMsMax + 1), resolve);
    });
  }
}

const fenced: Write = { kind: "fenced", message: "the term is over" };

function keyOf({ namespace, name }: ObjectName): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}

/** Written out by the real API even when they are 0. */
const writtenZeros = ["replicas", "terminatingReplicas"];

/** The real API leaves out most counts and seconds that are 0. */
function withoutZeros<T extends KubeObject>(object: T): T {
  const { spec, status } = object as { spec?: Record<string, Json>; status?: Record<string, Json> };
  if (spec?.["minReadySeconds"] === 0) delete spec["minReadySeconds"];
  for (const [name, value] of Object.entries(status ?? {})) {
    if (value === 0 && !writtenZeros.includes(name)) delete status?.[name];
  }
  return object;
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, "Z");
}

function fieldOf(object: KubeObject, field: "spec" | "status"): unknown {
  return (object as unknown as Record<string, unknown>)[field];
}

function same(left: unknown, right: unknown): boolean {
  return JSON.stringify(left) === JSON.stringify(right);
}

function merge(target: Json, patch: Json): Json {
  if (typeof patch !== "object" || patch === null || Array.isArray(patch)) return patch;
  const base =
    typeof target === "object" && target !== null && !Array.isArray(target) ? target : {};
  const merged: { [key: string]: Json } = { ...base };
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete merged[name];
    else merged[name] = merge(merged[name] ?? null, value);
  }
  return merged;
}

function freeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const each of Object.values(value)) freeze(each);
  }
  return value;
}
