/** A member that behaves as a test says: gRPC over node:http2, messages as bytes. And clients of it. */
import * as http2 from "node:http2";
import type { AddressInfo } from "node:net";
import { after } from "node:test";
import { type Clock, encodeMessage, Prng, type Timers, type WireWriter } from "@flotilla/base";
import { frameOf, MessageSplitter } from "../../src/etcd/grpc/framing.ts";
import { createEtcdClient, type EtcdClient, type EtcdClientOptions } from "../../src/etcd/index.ts";

/** What the tests of a file have opened; closed when they are over, the last first. */
const opened: { close(): unknown }[] = [];
after(async () => {
  for (const one of opened.reverse()) await one.close();
});

/** One call at a fake member. */
export interface FakeCall {
  readonly path: string;
  readonly token: string | undefined;
  /** The client's first message. */
  readonly request: Promise<Uint8Array>;
  send(body: (writer: WireWriter) => void): void;
  /** Bytes as they are. */
  sendRaw(bytes: Uint8Array): void;
  /** What was sent and has no room at the client yet. */
  unsentBytes(): number;
  /** Ends the call; 0 is OK. */
  end(status?: number, text?: string): void;
  /** Breaks the connection. */
  hangUp(): void;
  /** RST_STREAM with this code. */
  reset(code: number): void;
  /** GOAWAY with this code. */
  goAway(code: number): void;
}

export interface FakeMember {
  readonly url: string;
  /** Paths of all calls, in order. */
  readonly calls: string[];
  /** What it does; may be changed at any time. */
  serve: (call: FakeCall) => void;
  close(): Promise<void>;
}

export async function fakeMember(
  serve: (call: FakeCall) => void,
  settings: http2.Settings = {},
): Promise<FakeMember> {
  const sessions = new Set<http2.ServerHttp2Session>();
  const server = http2.createServer({ settings });
  server.on("session", (session) => {
    sessions.add(session);
    session.on("close", () => sessions.delete(session));
    session.on("error", () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const member: FakeMember = {
    url: `http://127.0.0.1:${port}`,
    calls: [],
    serve,
    close: () => {
      for (const session of sessions) session.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
  server.on("stream", (stream, headers) => {
    stream.on("error", () => {});
    const path = String(headers[":path"]);
    member.calls.push(path);
    member.serve(callOf(stream, path, headers["token"] as string | undefined));
  });
  opened.push(member);
  return member;
}

function callOf(
  stream: http2.ServerHttp2Stream,
  path: string,
  token: string | undefined,
): FakeCall {
  const respond = (): void => {
    if (stream.destroyed || stream.headersSent) return;
    stream.respond(
      { ":status": 200, "content-type": "application/grpc" },
      { waitForTrailers: true },
    );
  };
  let trailers = {};
  stream.on("wantTrailers", () => stream.sendTrailers(trailers));
  return {
    path,
    token,
    request: firstMessage(stream),
    send(body) {
      respond();
      if (!stream.destroyed) stream.write(frameOf(encodeMessage(body)));
    },
    sendRaw: (bytes) => {
      respond();
      if (!stream.destroyed) stream.write(bytes);
    },
    unsentBytes: () => stream.writableLength,
    end(status = 0, text = "") {
      trailers = { "grpc-status": String(status), "grpc-message": encodeURIComponent(text) };
      respond();
      if (!stream.destroyed) stream.end();
    },
    hangUp: () => stream.session?.destroy(),
    reset: (code) => stream.close(code),
    goAway: (code) => stream.session?.goaway(code),
  };
}

function firstMessage(stream: http2.ServerHttp2Stream): Promise<Uint8Array> {
  const splitter = new MessageSplitter();
  return new Promise((resolve) => {
    stream.on("data", (chunk: Buffer) => {
      for (const message of splitter.push(chunk)) resolve(message);
    });
  });
}

/** An address at which nobody listens. */
export async function deadUrl(): Promise<string> {
  const member = await fakeMember(() => {});
  await member.close();
  return member.url;
}

/** Field 1 of an answer, with this revision. */
export function header(writer: WireWriter, revision: number): void {
  writer.fieldMessage(1, (body) => body.fieldVarint(3, revision));
}

/** Answers a put, a delete or a transaction, all alike. */
export function answerWrite(call: FakeCall, revision = 2): void {
  call.send((writer) => header(writer, revision));
  call.end();
}

/** Answers a range with one key. */
export function answerRange(call: FakeCall, value: string): void {
  call.send((writer) => {
    header(writer, 2);
    writer.fieldMessage(2, (kv) => {
      kv.fieldText(1, "k");
      kv.fieldText(5, value);
    });
    writer.fieldVarint(4, 1);
  });
  call.end();
}

/** Time that stands still until a test moves it. */
class ManualTime implements Clock, Timers {
  #nowMs = 0;
  readonly #due = new Set<{ readonly atMs: number; readonly callback: () => void }>();

  nowMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer = { atMs: this.#nowMs + delayMs, callback };
    this.#due.add(timer);
    return () => this.#due.delete(timer);
  }

  /** Moves on, and runs what falls due, in order. */
  advance(ms: number): void {
    this.#nowMs += ms;
    const due = [...this.#due].filter(({ atMs }) => atMs <= this.#nowMs);
    for (const timer of due.sort((left, right) => left.atMs - right.atMs)) {
      if (this.#due.delete(timer)) timer.callback();
    }
  }

  get waiting(): number {
    return this.#due.size;
  }
}

/** A client of the members at these addresses. */
export function clientOf(
  endpoints: readonly string[],
  options: Partial<EtcdClientOptions> = {},
): EtcdClient {
  const client = createEtcdClient({ endpoints, ...options });
  opened.push(client);
  return client;
}

/** A client whose time a test moves. */
export function clientByHand({ url }: FakeMember): { client: EtcdClient; time: ManualTime } {
  const time = new ManualTime();
  const deps = { clock: time, timers: time, random: new Prng(1) };
  const client = createEtcdClient({ endpoints: [url] }, deps);
  opened.push(client);
  return { client, time };
}

/** Resolves once `condition` holds; fails after 5 s, saying what did not happen. */
export async function until(what: string, condition: () => boolean): Promise<void> {
  const endMs = performance.now() + 5_000;
  while (!condition()) {
    if (performance.now() > endMs) throw new Error(`did not happen: ${what}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
