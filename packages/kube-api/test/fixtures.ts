/** A member of one over the real store, an API on it, and a way to ask it without sockets. */

import type { Timers } from "@flotilla/base";
import { assert, Prng, silentLogger } from "@flotilla/base";
import type { BarrierOutcome, Member, ProposeOutcome, RenewOutcome } from "@flotilla/member";
import { type Command, createStore } from "@flotilla/store";
import { createKubeApi, type KubeApi, type KubeApiOptions } from "../src/api.ts";
import { bootstrap } from "../src/bootstrap.ts";
import { handleRequest } from "../src/http/handler.ts";
import { memberStorage } from "../src/member-storage.ts";
import type { Storage } from "../src/storage.ts";
import { sortedBackend } from "./sorted-backend.ts";

/** 2026-11-22T02:45:00Z */
export const startMs = 1_795_315_500_000;

/** Applies each command at once; says what it is told to say about the world around it. */
export class LoneMember implements Member {
  readonly id = 1n;
  readonly clusterId = 1n;
  readonly name = "alone";
  readonly store = createStore(sortedBackend());
  readonly leaseTtlMinSeconds = 2;
  term = 1;
  proposals = 0;
  renewals = 0;
  /** When set, every request ends so. */
  unavailable: Exclude<BarrierOutcome, { kind: "ready" }> | undefined;
  /** Runs before a command is applied: another writer's chance to be faster. */
  beforeApply: (() => void) | undefined;
  #index = 0;

  async propose(
    command: Command,
    options: { readonly onlyInTerm?: number; readonly signal?: AbortSignal } = {},
  ): Promise<ProposeOutcome> {
    await Promise.resolve();
    options.signal?.throwIfAborted();
    if (this.unavailable !== undefined) return this.unavailable;
    const before = this.beforeApply;
    this.beforeApply = undefined;
    before?.();
    return { kind: "applied", result: this.apply(command, options.onlyInTerm ?? 0) };
  }

  apply(command: Command, onlyInTerm = 0): Extract<ProposeOutcome, { kind: "applied" }>["result"] {
    this.proposals++;
    this.#index++;
    const [result] = this.store.apply([
      {
        index: this.#index,
        term: this.term,
        proposal: {
          session: 1n,
          openedAt: 0,
          sequence: this.#index,
          settledBelow: this.#index,
          onlyInTerm,
          command,
        },
      },
    ]);
    assert(result !== undefined, "fixture: a proposal has a result");
    return result;
  }

  async readBarrier(): Promise<BarrierOutcome> {
    return this.unavailable ?? { kind: "ready" };
  }

  leases(): readonly bigint[] {
    return this.store.leases();
  }

  async renewLease(id: bigint): Promise<RenewOutcome> {
    if (this.unavailable !== undefined) return this.unavailable;
    this.renewals++;
    const lease = this.store.lease(id);
    if (lease === undefined) return { kind: "leaseNotFound" };
    return { kind: "renewed", ttlSeconds: lease.grantedTtlSeconds };
  }

  leaseTimeToLive(): Promise<never> {
    throw new Error("not used by the API");
  }
  status(): ReturnType<Member["status"]> {
    return {
      term: this.term,
      leaderId: 1n,
      isLeader: true,
      commitIndex: this.#index,
      appliedIndex: this.#index,
    };
  }
  members(): ReturnType<Member["members"]> {
    return [];
  }
  onLeadership(listener: Parameters<Member["onLeadership"]>[0]): () => void {
    listener({ isLeader: true, term: this.term });
    return () => {};
  }
  async changeMembers(): ReturnType<Member["changeMembers"]> {
    return { kind: "noLeader" };
  }
  async clusterStatus(): ReturnType<Member["clusterStatus"]> {
    return undefined;
  }
  snapshot(): never {
    throw new Error("not used by the API");
  }
  stateHash(): Promise<never> {
    throw new Error("not used by the API");
  }
  transferLeadership(): void {}
  async replaceState(): Promise<never> {
    throw new Error("not used by the API");
  }
  async stop(): Promise<void> {}
}

/** The API of a member that can fall behind: `freeze` keeps its reads at the present state until it is brought up to date. */
export function laggingApi(world: World): { readonly api: KubeApi; freeze(): void } {
  const { storage } = world.api.context;
  let frozenAt: number | undefined;
  const lagging: Storage = {
    ...storage,
    get revision() {
      return frozenAt ?? storage.revision;
    },
    get compactRevision() {
      return storage.compactRevision;
    },
    async barrier(signal) {
      await storage.barrier(signal);
      frozenAt = undefined;
    },
    get(key) {
      if (frozenAt === undefined) return storage.get(key);
      const read = storage.list(key, { limit: 1, revision: frozenAt });
      assert(read.kind === "page", "fixture: a lagging member keeps its history");
      return read.page.values.find((stored) => stored.key === key);
    },
    async commit(transaction, options) {
      const outcome = await storage.commit(transaction, options);
      frozenAt = undefined; // Its answer is what was applied here.
      return outcome;
    },
  };
  return {
    api: createKubeApi({
      storage: lagging,
      random: new Prng(2),
      logger: silentLogger,
      wallClockMs: () => world.timers.nowMs,
      timers: world.timers,
    }),
    freeze() {
      frozenAt = storage.revision;
    },
  };
}

/** Time that passes when the test says so. */
export class VirtualTimers implements Timers {
  nowMs = startMs;
  readonly #due = new Set<{ readonly atMs: number; readonly callback: () => void }>();

  after(delayMs: number, callback: () => void): () => void {
    const timer = { atMs: this.nowMs + delayMs, callback };
    this.#due.add(timer);
    return () => this.#due.delete(timer);
  }

  /** Moves on, and runs what falls due in order; lets promises settle after each. */
  async pass(durationMs: number): Promise<void> {
    const endMs = this.nowMs + durationMs;
    for (;;) {
      const next = [...this.#due]
        .filter(({ atMs }) => atMs <= endMs)
        .sort((left, right) => left.atMs - right.atMs)[0];
      if (next === undefined) break;
      this.#due.delete(next);
      this.nowMs = Math.max(this.nowMs, next.atMs);
      next.callback();
      await settle();
    }
    this.nowMs = endMs;
    await settle();
  }

  get pending(): number {
    return this.#due.size;
  }
}

/** Lets everything run that needs no time. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 4; turn++) await new Promise((resolve) => setImmediate(resolve));
}

// biome-ignore lint/suspicious/noExplicitAny: answers are looked into freely by the tests
export type Body = any;

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body: Body;
}

export interface AskOptions {
  readonly body?: unknown;
  /** Aborts when the client goes away. */
  readonly signal?: AbortSignal;
  readonly headers?: Readonly<Record<string, string>>;
  readonly user?: "nobody";
}

export interface World {
  readonly api: KubeApi;
  readonly member: LoneMember;
  readonly timers: VirtualTimers;
  ask(method: string, url: string, options?: AskOptions): Promise<Answer>;
  watch(url: string, headers?: Readonly<Record<string, string>>): Promise<Watching>;
}

/** Lines of a watch as they come. */
export interface Watching {
  readonly status: number;
  /** The next event; undefined when the watch has ended. */
  next(): Promise<Body>;
  /** Events that are there without waiting for more. */
  drain(): Promise<Body[]>;
  close(): void;
}

/** A fresh cluster. Same seed, same names and addresses. */
export async function newWorld(options: KubeApiOptions = {}, seed = 1): Promise<World> {
  const member = new LoneMember();
  const timers = new VirtualTimers();
  const deps = {
    storage: memberStorage(member),
    random: new Prng(seed),
    logger: silentLogger,
    wallClockMs: () => timers.nowMs,
    timers,
  };
  const api = createKubeApi(deps, options);
  await bootstrap(api);
  const exchange = (method: string, url: string, ask: AskOptions, signal: AbortSignal) =>
    handleRequest(api, {
      method,
      url,
      headers: ask.headers ?? {},
      body: bytesOf(ask.body),
      user: ask.user === "nobody" ? undefined : { name: "tester", groups: [] },
      signal,
    });
  return {
    api,
    member,
    timers,
    async ask(method, url, ask = {}) {
      const { status, headers, body } = await exchange(
        method,
        url,
        ask,
        ask.signal ?? new AbortController().signal,
      );
      assert(typeof body === "string", "fixture: ask watch() for a stream");
      const isJson = String(headers["content-type"]).startsWith("application/json");
      return { status, headers, body: isJson && body !== "" ? JSON.parse(body) : body };
    },
    async watch(url, headers = {}) {
      const controller = new AbortController();
      const answer = await exchange("GET", url, { headers }, controller.signal);
      return watching(answer.status, answer.body, controller);
    },
  };
}

function bytesOf(body: unknown): Uint8Array {
  if (body === undefined) return new Uint8Array(0);
  if (body instanceof Uint8Array) return body;
  return Buffer.from(typeof body === "string" ? body : JSON.stringify(body), "utf8");
}

function watching(status: number, body: unknown, controller: AbortController): Watching {
  const lines: Body[] = [];
  let over = false;
  let failure: unknown;
  let wake: (() => void) | undefined;
  const read = async (): Promise<void> => {
    if (typeof body === "string") {
      lines.push(JSON.parse(body));
      return;
    }
    for await (const chunk of body as AsyncIterable<string>) {
      for (const line of chunk.split("\n")) if (line !== "") lines.push(JSON.parse(line));
      wake?.();
    }
  };
  void read()
    .catch((error: unknown) => {
      failure = error;
    })
    .finally(() => {
      over = true;
      wake?.();
    });
  return {
    status,
    async next() {
      while (lines.length === 0 && !over) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      if (failure !== undefined) throw failure;
      return lines.shift();
    },
    async drain() {
      await settle();
      return lines.splice(0);
    },
    close: () => controller.abort(),
  };
}

/** A deployment as a person writes it. */
export function deployment(name: string, replicas = 1): Body {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name },
    spec: {
      replicas,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: { containers: [{ name: "c", image: "host" }] },
      },
    },
  };
}

export function pod(name: string, labels: Record<string, string> = {}, spec: object = {}): Body {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, labels },
    spec: { containers: [{ name: "c", image: "host" }], ...spec },
  };
}

export function service(name: string, spec: object = {}): Body {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name },
    spec: { ports: [{ port: 80 }], ...spec },
  };
}

export function configMap(name: string, data: Record<string, string> = {}): Body {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data };
}

export const core = "/api/v1/namespaces/default";
export const apps = "/apis/apps/v1/namespaces/default";
export const heartbeats = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases";
export const tableAccept = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
