/** A member of one: a real store on a memory backend, without consensus; and a server over it. */
// biome-ignore lint/correctness/noUndeclaredDependencies: only tests need a backend of their own.
import { createMemoryBackend } from "@flotilla/backend";
import { Prng, silentLogger, textOf, utf8, WireReader, WireWriter } from "@flotilla/base";
import type { Timers } from "@flotilla/grpc";
import {
  type BarrierOutcome,
  type ChangeMembersOutcome,
  type Member,
  type MemberInfo,
  type MemberStatus,
  memberIdOf,
  type ProposeOptions,
  type ProposeOutcome,
  type RenewOutcome,
  type ReplaceOutcome,
  type StateHash,
  type StateSnapshot,
  type TimeToLiveOutcome,
  type Unavailable,
} from "@flotilla/member";
import {
  type Command,
  createStore,
  type DurableBackend,
  decodeEvent,
  decodeKeyValue,
  type KeyValue,
  type Store,
} from "@flotilla/store";
// biome-ignore lint/correctness/noUndeclaredDependencies: the workspace's root has it, for tests.
import * as grpcJs from "@grpc/grpc-js";
import { type EtcdServer, type ServeEtcdOptions, serveEtcd } from "../src/index.ts";
import type { ConfigurationChange, EngineStatus } from "../src/membership/types.ts";
import { FakeCluster } from "./fake-cluster.ts";

/** Applies each command at once; what a test wants to go wrong is a field. */
export class SoloMember implements Member {
  readonly id = 0xabcdef0123456789n;
  readonly clusterId = 0x123456789abcdef0n;
  readonly name = "solo";
  readonly leaseTtlMinSeconds = 2;
  readonly backend: DurableBackend = createMemoryBackend();
  readonly store: Store = createStore(this.backend);
  /** What the others answer who are asked for their hash; asked of itself, it is the store's. */
  readonly hashes: Map<bigint, StateHash> = new Map();
  /** When set, what every proposal, barrier and renewal ends in. */
  unavailable: Unavailable | undefined;
  leaderId = this.id;
  /** Nobody answers who asks the leader. */
  isLeaderSilent = false;
  isolation: MemberStatus["isolation"];
  readonly cluster: FakeCluster = new FakeCluster(this.id);
  #index = 0;

  readonly term = 7;

  status(): MemberStatus {
    const appliedIndex = this.#index;
    const isLeader = this.leaderId === this.id;
    const { staticLeader } = this.cluster;
    const status = {
      ...(staticLeader !== undefined && { staticLeader: memberIdOf(staticLeader) }),
      term: this.term,
      leaderId: this.leaderId,
      isLeader,
      commitIndex: appliedIndex,
    };
    return { ...status, appliedIndex, ...(this.isolation && { isolation: this.isolation }) };
  }

  members(): readonly MemberInfo[] {
    return this.cluster.members();
  }

  async changeMembers(
    changes: readonly ConfigurationChange[],
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<ChangeMembersOutcome> {
    return this.unavailable ?? this.cluster.change(changes, options.signal);
  }

  clusterStatus(signal?: AbortSignal): Promise<EngineStatus | undefined> {
    if (this.isLeaderSilent) {
      return new Promise((_, reject) => {
        signal?.addEventListener("abort", () => reject(signal.reason));
      });
    }
    return Promise.resolve(this.leaderId === 0n ? undefined : this.cluster.status());
  }

  snapshot(): StateSnapshot {
    const { revision } = this.store;
    const bytesEstimate = this.store.size().inUseBytes;
    return { revision, bytesEstimate, content: this.backend.snapshot() };
  }

  async stateHash(id: bigint, options: { readonly revision: number }): Promise<StateHash> {
    if (id !== this.id) {
      return this.hashes.get(id) ?? { kind: "unreachable", reason: "it is not there" };
    }
    const storeRevision = this.store.revision;
    const result = this.store.hash(options.revision);
    return result.kind === "hash"
      ? { ...result, storeRevision }
      : { kind: result.error, storeRevision };
  }

  /** What a replacement of the state comes to; it changes nothing by itself. */
  onReplaceState: () => ReplaceOutcome = () => ({ kind: "replaced", index: this.#index });

  async replaceState(_signal?: AbortSignal): Promise<ReplaceOutcome> {
    return this.onReplaceState();
  }

  transferLeadership(to: bigint): void {
    if (!this.cluster.keepsLeader) this.leaderId = to;
  }

  propose(command: Command, options: ProposeOptions = {}): Promise<ProposeOutcome> {
    if (this.unavailable !== undefined) return Promise.resolve(this.unavailable);
    const index = ++this.#index;
    const { principal } = options;
    const proposal = {
      session: 1n,
      openedAt: 0,
      sequence: index,
      settledBelow: index,
      onlyInTerm: 0,
      ...(principal && { principal }),
      command,
    };
    const [result] = this.store.apply([{ index, term: 7, proposal }]);
    if (result === undefined) throw new Error("a new proposal was not applied");
    return Promise.resolve({ kind: "applied", result });
  }

  readBarrier(): Promise<BarrierOutcome> {
    return Promise.resolve(this.unavailable ?? { kind: "ready" });
  }

  leases(): readonly bigint[] {
    return this.store.leases();
  }

  renewLease(id: bigint): Promise<RenewOutcome> {
    if (this.unavailable !== undefined) return Promise.resolve(this.unavailable);
    const lease = this.store.lease(id);
    return Promise.resolve(
      lease === undefined
        ? { kind: "leaseNotFound" }
        : { kind: "renewed", ttlSeconds: lease.grantedTtlSeconds },
    );
  }

  leaseTimeToLive(id: bigint, options: { readonly keys: boolean }): Promise<TimeToLiveOutcome> {
    if (this.unavailable !== undefined) return Promise.resolve(this.unavailable);
    const lease = this.store.lease(id);
    if (lease === undefined) return Promise.resolve({ kind: "leaseNotFound" });
    const { grantedTtlSeconds } = lease;
    return Promise.resolve({
      kind: "live",
      remainingSeconds: grantedTtlSeconds - 1,
      grantedSeconds: grantedTtlSeconds,
      keys: options.keys ? lease.keys : [],
    });
  }

  onLeadership(): () => void {
    return () => {};
  }

  async stop(): Promise<void> {}
}

/** Timers that fire when the test says so. */
export class ManualTimers implements Timers {
  #nowMs = 0;
  readonly #due = new Map<symbol, { readonly atMs: number; readonly callback: () => void }>();

  nowMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, callback: () => void): () => void {
    const id = Symbol("timer");
    this.#due.set(id, { atMs: this.#nowMs + delayMs, callback });
    return () => this.#due.delete(id);
  }

  /** How many wait for their time. */
  get pending(): number {
    return this.#due.size;
  }

  advance(ms: number): void {
    this.#nowMs += ms;
    for (const [id, { atMs, callback }] of [...this.#due]) {
      if (atMs <= this.#nowMs && this.#due.delete(id)) callback();
    }
  }
}

/** How long a test waits for something that should happen at once. */
const deadlineMs = 5_000;

/** Waits until `condition` holds, looking once per turn of the event loop. */
export async function until(
  condition: () => boolean,
  what: () => string,
  withinMs: number = deadlineMs,
): Promise<void> {
  const end = performance.now() + withinMs;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`in ${withinMs} ms: no ${what()}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

export interface Running {
  readonly member: SoloMember;
  readonly server: EtcdServer;
  readonly client: TestClient;
  /** `host:port`. */
  readonly endpoint: string;
}

const started: { readonly server: EtcdServer; readonly client: TestClient }[] = [];

/** For `afterEach` or `after`: stops all servers, whatever became of the tests. */
export async function stopAll(): Promise<void> {
  for (const { server, client } of started.splice(0)) {
    client.close();
    await server.close({ graceMs: 1000 });
  }
}

/** A server on a free port of the loopback, and a client of it. */
export async function startSolo(
  options: Partial<ServeEtcdOptions> = {},
  timers?: Timers,
  member: SoloMember = new SoloMember(),
): Promise<Running> {
  const server = await serveEtcd(
    { member, logger: silentLogger, random: new Prng(1), ...(timers && { timers }) },
    { host: "127.0.0.1", port: 0, ...options },
  );
  const endpoint = `127.0.0.1:${server.port}`;
  const client = new TestClient(endpoint);
  started.push({ server, client });
  return { member, server, client, endpoint };
}

const asBytes = (value: Uint8Array): Buffer => Buffer.from(value);
const asIs = (value: Buffer): Buffer => value;

/** A grpc-js client that sends and takes bytes. */
export class TestClient {
  readonly #client: grpcJs.Client;

  constructor(endpoint: string) {
    this.#client = new grpcJs.Client(endpoint, grpcJs.credentials.createInsecure(), {
      "grpc.max_receive_message_length": 64 * 1024 * 1024,
    });
  }

  /** The response of a unary call; rejects with `code text`. */
  unary(path: string, request: Uint8Array, metadata = new grpcJs.Metadata()): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(path, asBytes, asIs, request, metadata, {}, (error, value) => {
        if (error === null) resolve(value as Buffer);
        else reject(new Error(`${error.code} ${error.details}`));
      });
    });
  }

  /** `code text` of a call that fails; `ok` of one that does not. */
  status(path: string, request: Uint8Array, metadata?: grpcJs.Metadata): Promise<string> {
    return this.unary(path, request, metadata).then(
      () => "ok",
      (error: Error) => error.message,
    );
  }

  serverStream(
    path: string,
    request: Uint8Array,
    metadata = new grpcJs.Metadata(),
  ): grpcJs.ClientReadableStream<Buffer> {
    return this.#client.makeServerStreamRequest(path, asBytes, asIs, request, metadata, {});
  }

  bidi(
    path: string,
    metadata = new grpcJs.Metadata(),
  ): grpcJs.ClientDuplexStream<Uint8Array, Buffer> {
    return this.#client.makeBidiStreamRequest(path, asBytes, asIs, metadata, {});
  }

  watch(metadata?: grpcJs.Metadata): WatchSession {
    return new WatchSession(this.bidi("/etcdserverpb.Watch/Watch", metadata));
  }

  close(): void {
    this.#client.close();
  }
}

/** Metadata that asks for a leader. */
export function hasLeader(): grpcJs.Metadata {
  const metadata = new grpcJs.Metadata();
  metadata.set("hasleader", "true");
  return metadata;
}

/** Fields of a WatchCreateRequest; what is left out is not sent. */
export interface CreateFields {
  readonly key?: string;
  readonly rangeEnd?: string;
  readonly startRevision?: number;
  readonly progressNotify?: boolean;
  readonly filters?: readonly number[];
  readonly prevKv?: boolean;
  readonly watchId?: number;
  readonly fragment?: boolean;
}

/** A watch stream whose answers are kept as one line of text each. */
export class WatchSession {
  readonly lines: string[] = [];
  readonly #stream: grpcJs.ClientDuplexStream<Uint8Array, Buffer>;

  constructor(stream: grpcJs.ClientDuplexStream<Uint8Array, Buffer>) {
    this.#stream = stream;
    stream.on("data", (bytes: Buffer) => this.lines.push(showWatchAnswer(bytes)));
    stream.on("error", (error: grpcJs.ServiceError) => {
      this.lines.push(`error ${error.code} ${error.details}`);
    });
  }

  create(fields: CreateFields): void {
    this.send((writer) =>
      writer.fieldMessage(1, (create) => {
        create.fieldBytes(1, utf8(fields.key ?? ""));
        create.fieldBytes(2, utf8(fields.rangeEnd ?? ""));
        create.fieldVarint(3, fields.startRevision ?? 0);
        create.fieldBool(4, fields.progressNotify ?? false);
        if (fields.filters !== undefined) create.fieldBytes(5, Uint8Array.from(fields.filters));
        create.fieldBool(6, fields.prevKv ?? false);
        create.fieldVarint(7, fields.watchId ?? 0);
        create.fieldBool(8, fields.fragment ?? false);
      }),
    );
  }

  cancel(watchId: number): void {
    this.send((writer) => writer.fieldMessage(2, (body) => body.fieldVarint(1, watchId)));
  }

  progress(): void {
    this.send((writer) => writer.fieldMessage(3, () => {}));
  }

  send(body: (writer: WireWriter) => void): void {
    const writer = new WireWriter();
    body(writer);
    this.#stream.write(writer.finish());
  }

  halfClose(): void {
    this.#stream.end();
  }

  abort(): void {
    this.#stream.cancel();
  }

  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }

  /** The first `count` lines, once there are as many; further ones show in the next call. */
  async got(count: number): Promise<string[]> {
    await until(
      () => this.lines.length >= count,
      () => `${count} answers; got:\n${this.lines.join("\n")}`,
    );
    return this.lines.splice(0);
  }
}

/** `key=value @create/mod/version`, and the lease if there is one. */
export function showKv(kv: KeyValue): string {
  const lease = kv.lease === 0n ? "" : ` lease=${kv.lease}`;
  const value = kv.value.length > 40 ? `(${kv.value.length} bytes)` : textOf(kv.value);
  return `${textOf(kv.key)}=${value} @${kv.createRevision}/${kv.modRevision}/${kv.version}${lease}`;
}

/** A WatchResponse as one line. */
export function showWatchAnswer(bytes: Uint8Array): string {
  const reader = new WireReader(bytes);
  const words: string[] = [];
  let id = 0;
  while (reader.next()) {
    if (reader.field === 1) words.push(`rev=${headerOf(reader.bytes()).revision}`);
    else if (reader.field === 2) id = reader.varint();
    else if (reader.field === 3) words.push(reader.bool() ? "created" : "");
    else if (reader.field === 4) words.push(reader.bool() ? "canceled" : "");
    else if (reader.field === 5) words.push(`compacted=${reader.varint()}`);
    else if (reader.field === 6) words.push(`"${reader.text()}"`);
    else if (reader.field === 7) words.push(reader.bool() ? "fragment" : "");
    else if (reader.field === 11) words.push(`[${showEvent(reader.bytes())}]`);
    else words.push(`field ${reader.field}?`);
  }
  return `${id}: ${words.join(" ")}`;
}

function showEvent(bytes: Uint8Array): string {
  const { kind, kv, previous } = decodeEvent(bytes);
  const now = kind === "put" ? `put ${showKv(kv)}` : `delete ${textOf(kv.key)} @${kv.modRevision}`;
  return previous === undefined ? now : `${now} was ${showKv(previous)}`;
}

export interface Header {
  readonly clusterId: bigint;
  readonly memberId: bigint;
  readonly revision: number;
  readonly term: number;
}

/** A ResponseHeader. */
export function headerOf(bytes: Uint8Array): Header {
  const reader = new WireReader(bytes);
  const header = { clusterId: 0n, memberId: 0n, revision: 0, term: 0 };
  while (reader.next()) {
    if (reader.field === 1) header.clusterId = reader.varint64();
    else if (reader.field === 2) header.memberId = reader.varint64();
    else if (reader.field === 3) header.revision = reader.varint();
    else if (reader.field === 4) header.term = reader.varint();
    else throw new Error(`header field ${reader.field}`);
  }
  return header;
}

/** How to show a field of a message: its name, and what is in it. */
export type Shape = Readonly<
  Record<number, readonly [name: string, kind: "number" | "text" | "kv" | "header" | Shape]>
>;

/** Any message as one line, by the shape that the test expects it to have. */
export function show(bytes: Uint8Array, shape: Shape): string {
  const reader = new WireReader(bytes);
  const words: string[] = [];
  while (reader.next()) {
    const field = shape[reader.field];
    if (field === undefined) throw new Error(`unexpected field ${reader.field}`);
    const [name, kind] = field;
    if (kind === "number") words.push(`${name}=${BigInt.asIntN(64, reader.varint64())}`);
    else if (kind === "text") words.push(`${name}=${reader.text()}`);
    else if (kind === "kv") words.push(`${name}(${showKv(decodeKeyValue(reader.bytes()))})`);
    else if (kind === "header") words.push(`rev=${headerOf(reader.bytes()).revision}`);
    else words.push(`${name}{${show(reader.bytes(), kind)}}`);
  }
  return words.join(" ");
}

/** The bytes of a message. */
export function encoded(body: (writer: WireWriter) => void): Uint8Array {
  const writer = new WireWriter();
  body(writer);
  return writer.finish();
}
