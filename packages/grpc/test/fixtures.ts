/** A server on the loopback, a client that speaks raw frames, and time that tests own. */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { silentLogger } from "@flotilla/base";
import { frameFlag, frameType, settingId } from "../src/frame.ts";
import { HpackDecoder } from "../src/hpack-decoder.ts";
import type { HeaderField } from "../src/hpack-static-table.ts";
import {
  type AcceptOptions,
  createGrpcServer,
  type GrpcLimits,
  type GrpcServer,
  type GrpcServerDeps,
  type Method,
  type Timers,
} from "../src/index.ts";
import { clientPreface } from "../src/preface.ts";

/** How long a test waits for something that should happen at once. */
const deadlineMs = 5_000;

/** Rejects when `promise` takes too long; `what` says in the failure what did not happen. */
export async function soon<T>(promise: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`in ${deadlineMs} ms: no ${what}`)), deadlineMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Waits until `condition` holds, looking once per turn of the event loop. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const end = performance.now() + deadlineMs;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`in ${deadlineMs} ms: no ${what}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
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

  advance(ms: number): void {
    this.#nowMs += ms;
    for (const [id, { atMs, callback }] of [...this.#due]) {
      if (atMs > this.#nowMs || !this.#due.delete(id)) continue;
      callback();
    }
  }
}

export interface Running {
  readonly server: GrpcServer;
  readonly port: number;
  stop(): Promise<void>;
}

const echo: Method = { kind: "unary", handle: (_call, request) => request };

const started = new Set<Running>();

/** For `afterEach`: stops what a test, failed or not, has left running. */
export async function stopAll(): Promise<void> {
  for (const running of started) await running.stop();
}

/** A server with `/t.T/Echo` and whatever is given. */
export async function start(
  methods: Readonly<Record<string, Method>> = {},
  limits: Partial<GrpcLimits> = {},
  deps: Partial<GrpcServerDeps> = {},
  accepted: AcceptOptions = {},
): Promise<Running> {
  const server = createGrpcServer(
    {
      methods: new Map(Object.entries({ "/t.T/Echo": echo, ...methods })),
      logger: silentLogger,
      ...deps,
    },
    { pingIntervalMsMin: 0, ...limits }, // A round trip is a PING.
  );
  const listener: Server = createServer((socket) => server.accept(socket, accepted));
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const running: Running = {
    server,
    port: (listener.address() as AddressInfo).port,
    async stop() {
      if (!started.delete(running)) return;
      listener.close();
      const stopped = server.close({ graceMs: 0 });
      if (deps.timers instanceof ManualTimers) deps.timers.advance(0);
      await stopped;
    },
  };
  started.add(running);
  return running;
}

export interface ReceivedFrame {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Buffer;
}

/** Builds a frame, right or wrong. */
export function frame(
  type: number,
  flags: number,
  streamId: number,
  payload: Uint8Array = Buffer.alloc(0),
): Buffer {
  const header = Buffer.alloc(9);
  header.writeUIntBE(payload.length, 0, 3);
  header[3] = type;
  header[4] = flags;
  header.writeUInt32BE(streamId >>> 0, 5);
  return Buffer.concat([header, payload]);
}

/** A header block of literals, without the table. */
export function block(fields: readonly (readonly [string, string])[]): Buffer {
  const bytes: number[] = [];
  const text = (value: string): void => {
    if (value.length < 127) bytes.push(value.length);
    else {
      let rest = value.length - 127;
      bytes.push(127);
      for (; rest > 127; rest >>= 7) bytes.push((rest & 127) | 128);
      bytes.push(rest);
    }
    bytes.push(...Buffer.from(value, "latin1"));
  };
  for (const [name, value] of fields) {
    bytes.push(0);
    text(name);
    text(value);
  }
  return Buffer.from(bytes);
}

/** The headers of a call. */
export function callHeaders(
  path: string,
  more: readonly (readonly [string, string])[] = [],
): [string, string][] {
  return [
    [":method", "POST"],
    [":scheme", "http"],
    [":path", path],
    ["content-type", "application/grpc"],
    ["te", "trailers"],
    ...more.map(([name, value]): [string, string] => [name, value]),
  ];
}

/** A message with its prefix. */
export function message(bytes: Uint8Array | string): Buffer {
  const body = Buffer.from(bytes as Uint8Array);
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(body.length, 1);
  return Buffer.concat([prefix, body]);
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}

export function setting(id: number, value: number): Buffer {
  const bytes = Buffer.alloc(6);
  bytes.writeUInt16BE(id);
  bytes.writeUInt32BE(value >>> 0, 2);
  return bytes;
}

/** What a response came to. */
export interface Answer {
  readonly headers: ReadonlyMap<string, string>;
  readonly messages: readonly Buffer[];
  readonly data: Buffer;
}

/** Speaks HTTP/2 frame by frame and keeps everything that it receives. */
export class RawClient {
  readonly socket: Socket;
  readonly frames: ReceivedFrame[] = [];
  closed = false;
  #pending = Buffer.alloc(0);
  readonly #decoder = new HpackDecoder((list) => list.fields, 1_000_000);
  readonly #headers = new Map<ReceivedFrame, readonly HeaderField[]>();

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (chunk: Buffer) => this.#receive(chunk));
    socket.on("error", () => {});
    socket.on("close", () => {
      this.closed = true;
    });
  }

  /** Connects without a word. */
  static async dial(port: number): Promise<RawClient> {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    await once(socket, "connect");
    return new RawClient(socket);
  }

  /** Connects, says hello, and acknowledges the server's settings. */
  static async open(port: number, settings: Uint8Array = Buffer.alloc(0)): Promise<RawClient> {
    const client = await RawClient.dial(port);
    client.send(clientPreface, frame(frameType.settings, 0, 0, settings));
    await client.find((f) => f.type === frameType.settings && f.flags === 0, "SETTINGS");
    client.send(frame(frameType.settings, frameFlag.ack, 0));
    return client;
  }

  send(...parts: readonly Uint8Array[]): void {
    this.socket.write(Buffer.concat(parts));
  }

  /** Sends a complete unary call. */
  call(streamId: number, path: string, body: Uint8Array | string = ""): void {
    this.headers(streamId, callHeaders(path));
    this.data(streamId, message(body), true);
  }

  headers(
    streamId: number,
    fields: readonly (readonly [string, string])[],
    endStream = false,
  ): void {
    const flags = frameFlag.endHeaders | (endStream ? frameFlag.endStream : 0);
    this.send(frame(frameType.headers, flags, streamId, block(fields)));
  }

  data(streamId: number, payload: Uint8Array, endStream = false): void {
    const parts: Buffer[] = [];
    for (let at = 0; at === 0 || at < payload.length; at += 16_384) {
      const last = at + 16_384 >= payload.length;
      const flags = last && endStream ? frameFlag.endStream : 0;
      parts.push(frame(frameType.data, flags, streamId, payload.subarray(at, at + 16_384)));
    }
    this.send(...parts);
  }

  /** The first frame that fits, now or later. */
  async find(fits: (frame: ReceivedFrame) => boolean, what: string): Promise<ReceivedFrame> {
    await until(() => this.closed || this.frames.some(fits), what);
    const found = this.frames.find(fits);
    if (found === undefined) throw new Error(`closed before: ${what}; got ${this.transcript()}`);
    return found;
  }

  /** Waits for the end of a stream: trailers, or a reset. */
  async answer(streamId: number): Promise<Answer> {
    await this.find(
      (f) => f.streamId === streamId && f.type === frameType.headers && (f.flags & 1) === 1,
      `answer on stream ${streamId}`,
    );
    const own = this.frames.filter((f) => f.streamId === streamId);
    const headers = new Map<string, string>();
    for (const f of own) {
      for (const { name, value } of this.#headers.get(f) ?? []) headers.set(name, value);
    }
    const data = Buffer.concat(own.filter((f) => f.type === 0).map((f) => f.payload));
    const messages: Buffer[] = [];
    for (let at = 0; at + 5 <= data.length; ) {
      const end = at + 5 + data.readUInt32BE(at + 1);
      messages.push(data.subarray(at + 5, end));
      at = end;
    }
    return { headers, messages, data };
  }

  /** `code message` of a call's end. */
  async status(streamId: number): Promise<string> {
    const { headers } = await this.answer(streamId);
    return `${headers.get("grpc-status")} ${headers.get("grpc-message") ?? ""}`.trim();
  }

  async resetCode(streamId: number): Promise<number> {
    const fits = (f: ReceivedFrame): boolean =>
      f.type === frameType.rstStream && f.streamId === streamId;
    return (await this.find(fits, `RST_STREAM on ${streamId}`)).payload.readUInt32BE(0);
  }

  async goawayCode(): Promise<number> {
    return (await this.find((f) => f.type === frameType.goaway, "GOAWAY")).payload.readUInt32BE(4);
  }

  /** Resolves when everything sent so far has been handled. */
  async roundTrip(): Promise<void> {
    const token = Buffer.alloc(8);
    token.writeUInt32BE(this.frames.length, 0);
    token.writeUInt32BE(0x1234, 4);
    this.send(frame(frameType.ping, 0, 0, token));
    await this.find((f) => f.type === frameType.ping && f.payload.equals(token), "PING answer");
  }

  async end(): Promise<void> {
    this.socket.destroy();
    await until(() => this.closed, "close");
  }

  transcript(): string {
    return this.frames.map((f) => `${f.type}:${f.streamId}:${f.payload.length}`).join(" ");
  }

  #receive(chunk: Buffer): void {
    this.#pending = Buffer.concat([this.#pending, chunk]);
    while (this.#pending.length >= 9) {
      const size = 9 + this.#pending.readUIntBE(0, 3);
      if (this.#pending.length < size) return;
      const received = {
        type: this.#pending[3] as number,
        flags: this.#pending[4] as number,
        streamId: this.#pending.readUInt32BE(5),
        payload: this.#pending.subarray(9, size),
      };
      this.#pending = this.#pending.subarray(size);
      if (received.type === frameType.headers) {
        this.#headers.set(received, this.#decoder.decode(received.payload));
      }
      this.frames.push(received);
    }
  }
}

/** Settings of a client that lets the server send `windowBytes` per stream. */
export function smallWindow(windowBytes: number): Buffer {
  return setting(settingId.initialWindowSize, windowBytes);
}

/** RFC 7541 appendix B, as published. */
export function huffmanCodes(): readonly { readonly code: number; readonly bits: number }[] {
  // The compiled test lies in dist/test, the data beside its source.
  const url = new URL("../../test/testdata/huffman-codes.txt", import.meta.url);
  return readFileSync(url, "utf8")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.split(" "))
    .map(([, code, bits]) => ({ code: Number.parseInt(code as string, 16), bits: Number(bits) }));
}

/** Encodes text (or codes of symbols) with Huffman, padded with ones. */
export function huffman(symbols: readonly number[]): Buffer {
  const codes = huffmanCodes();
  let bits = "";
  for (const symbol of symbols) {
    const entry = codes[symbol];
    if (entry === undefined) throw new Error(`no symbol ${symbol}`);
    bits += entry.code.toString(2).padStart(entry.bits, "0");
  }
  bits += "1".repeat((8 - (bits.length % 8)) % 8);
  return Buffer.from(
    Array.from({ length: bits.length / 8 }, (_, at) =>
      Number.parseInt(bits.slice(8 * at, 8 * at + 8), 2),
    ),
  );
}
