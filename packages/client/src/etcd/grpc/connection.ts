/**
 * One HTTP/2 connection to one member, with gRPC calls on it.
 *
 * node:http2 rather than grpc-js: measured at a member of this project, it takes a third of the
 * processor time per call, and it says whether a call that failed was ever sent.
 */
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type OutgoingHttpHeaders,
} from "node:http2";
import type { Duplex } from "node:stream";
import { onAborted } from "../abort.ts";
import { EtcdError } from "../errors.ts";
import {
  connectionMemoryMiB,
  connectionWindowBytes,
  pingAnswerMs,
  pingMs,
  streamsPerConnectionMax,
  streamWindowBytes,
} from "../limits.ts";
import { frameOf, MessageSplitter } from "./framing.ts";
import { type CallFailure, type CallOutcome, StreamFailure } from "./outcome.ts";
import { statusOf } from "./response-status.ts";
import type { TlsOptions } from "./tls-options.ts";

/** Where to, and how. */
export interface ConnectionOptions {
  /** `http://host:port` or `https://host:port`. */
  readonly url: string;
  readonly tls: TlsOptions;
  readonly connectMs: number;
}

/** One attempt. */
export interface Attempt {
  readonly path: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly message: Uint8Array;
  readonly timeoutMs: number;
  /** Given up before when no byte of an answer comes for so long. */
  readonly silenceMs: number;
  readonly signal: AbortSignal | undefined;
}

/** A call of many messages, both ways. */
export interface MessageStream {
  /** Sends one message; ignored once the stream has ended. */
  send(message: Uint8Array): void;
  /** Nothing more will be sent. */
  end(): void;
  /**
   * What the member sends, to be iterated once: nothing more is read than is taken. Ends when the
   * member ends the call with OK; throws {@link StreamFailure} when it ends otherwise.
   */
  readonly messages: AsyncIterable<Uint8Array>;
  /** Cancels. */
  close(): void;
}

const { NGHTTP2_CANCEL, NGHTTP2_NO_ERROR, NGHTTP2_REFUSED_STREAM } = constants;

export class Connection {
  /**
   * Resolves with undefined once the member has spoken, or with the reason why no call can be made: a
   * system takes connections for a process that hangs.
   */
  readonly ready: Promise<string | undefined>;
  /** Resolves once it is closed, for whatever reason. */
  readonly closed: Promise<void>;
  readonly #session: ClientHttp2Session;
  #isReady = false;
  #isUsable = true;
  #streams = 0;
  #streamsMax = streamsPerConnectionMax;
  /** The member has ended it for an error. */
  #isBroken = false;
  /** Of a member that goes, the last stream that it has looked at. */
  #lastTaken = Number.POSITIVE_INFINITY;
  #failure = "the connection was closed";
  readonly #pings: NodeJS.Timeout;
  /** Once it is connected. */
  #socket: Duplex | undefined;

  constructor({ url, tls, connectMs }: ConnectionOptions) {
    const session = connect(url, {
      ...tls,
      maxSessionMemory: connectionMemoryMiB,
      settings: { enablePush: false, initialWindowSize: streamWindowBytes },
    });
    this.#session = session;
    this.ready = new Promise((resolve) => {
      const late = setTimeout(() => {
        this.#giveUp(`no connection to ${url} in ${connectMs} ms`);
      }, connectMs);
      session.once("remoteSettings", () => {
        clearTimeout(late);
        session.setLocalWindowSize(connectionWindowBytes);
        this.#isReady = true;
        resolve(undefined);
      });
      session.once("close", () => {
        clearTimeout(late);
        resolve(this.#failure);
      });
    });
    this.closed = new Promise((resolve) => session.once("close", resolve));
    session.once("connect", (_, socket) => {
      this.#socket = socket;
    });
    session.on("remoteSettings", ({ maxConcurrentStreams = streamsPerConnectionMax }) => {
      // One that takes none for now may wait there.
      this.#streamsMax = Math.max(1, Math.min(maxConcurrentStreams, streamsPerConnectionMax));
    });
    session.on("error", (error) => {
      this.#failure = error.message;
    });
    // Streams that run go on, and are watched over; new ones belong on another connection.
    session.on("goaway", (code, lastTaken) => {
      this.#isBroken = code !== NGHTTP2_NO_ERROR;
      this.#lastTaken = lastTaken;
      this.retire();
    });
    session.on("close", () => {
      this.retire();
      clearInterval(this.#pings);
    });
    this.#pings = setInterval(() => this.#ping(), pingMs);
    this.#pings.unref();
  }

  /** True once {@link ready} has resolved with undefined. */
  get isReady(): boolean {
    return this.#isReady;
  }

  /** False once no new call should be made here. */
  get isUsable(): boolean {
    return this.#isUsable;
  }

  /** True while the member takes one more stream. */
  get hasRoom(): boolean {
    return this.#streams < this.#streamsMax;
  }

  /** One request and one answer. Rejects only with the reason of `signal`. */
  async call(attempt: Attempt): Promise<CallOutcome> {
    const { signal } = attempt;
    signal?.throwIfAborted();
    const stream = this.#open(attempt.path, {
      ...attempt.metadata,
      "grpc-timeout": `${Math.max(1, Math.ceil(attempt.timeoutMs))}m`,
    });
    if (typeof stream === "string") return { kind: "notSent", reason: stream };
    stream.end(frameOf(attempt.message));
    return new Promise((resolve, reject) => {
      const stop = (): void => {
        clearTimeout(end);
        clearTimeout(silence);
        stopListening?.();
      };
      const finish = (outcome: CallOutcome): void => {
        stop();
        resolve(outcome);
      };
      const late = (): void => {
        finish({ kind: "timeout" });
        stream.close(NGHTTP2_CANCEL);
      };
      const end = setTimeout(late, attempt.timeoutMs);
      const { silenceMs } = attempt;
      const silence = silenceMs < attempt.timeoutMs ? setTimeout(late, silenceMs) : undefined;
      const stopListening =
        signal &&
        onAborted(signal, () => {
          stop();
          stream.close(NGHTTP2_CANCEL);
          reject(signal.reason);
        });
      if (silence !== undefined) stream.on("data", () => silence.refresh());
      collectAnswer(stream, finish, () => this.#brokenOff(stream));
    });
  }

  /** Opens a stream; undefined, with the reason, when nothing can be sent. */
  stream(
    path: string,
    metadata: Readonly<Record<string, string>>,
  ): MessageStream | { readonly reason: string } {
    const stream = this.#open(path, metadata);
    if (typeof stream === "string") return { reason: stream };
    // Whoever iterates is told; without anyone, an error must not end the process.
    stream.on("error", () => {});
    return {
      send: (message) => {
        if (!stream.destroyed && !stream.writableEnded) stream.write(frameOf(message));
      },
      end: () => {
        stream.end();
      },
      messages: messagesOf(stream, () => this.#brokenOff(stream)),
      close: () => stream.close(NGHTTP2_CANCEL),
    };
  }

  /** Takes no new call, and is closed after the last one. */
  retire(): void {
    this.#isUsable = false;
    if (this.#streams === 0) this.#session.destroy();
  }

  /** Ends everything at once. */
  close(): void {
    this.#failure = "the client was closed";
    this.#session.destroy();
    // One that both sides leave in peace waits for the other side, which may hang.
    this.#socket?.destroy();
  }

  #open(path: string, metadata: OutgoingHttpHeaders): ClientHttp2Stream | string {
    if (!this.#isUsable) return this.#failure;
    try {
      const stream = this.#session.request({
        ":method": "POST",
        ":path": path,
        "content-type": "application/grpc",
        te: "trailers",
        ...metadata,
      });
      this.#streams++;
      stream.once("close", () => this.#closed());
      return stream;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  /** Without trailers: what is known of what happened. */
  #brokenOff(stream: ClientHttp2Stream): CallFailure {
    // A connection that breaks gives its own code to all its streams, which is not theirs.
    const isRefused = stream.rstCode === NGHTTP2_REFUSED_STREAM && !this.#isBroken;
    const wasSent = stream.id !== undefined && stream.id <= this.#lastTaken && !isRefused;
    const reset = `the stream was reset with code ${stream.rstCode}`;
    const reason = this.#session.destroyed ? this.#failure : reset;
    return { kind: wasSent ? "lost" : "notSent", reason };
  }

  #closed(): void {
    this.#streams--;
    if (this.#streams === 0 && !this.#isUsable) this.#session.destroy();
  }

  #giveUp(reason: string): void {
    this.#failure = reason;
    this.#session.destroy(new Error(reason));
  }

  /** A member that hangs, or is behind a cut cable, closes nothing: it has to be asked. */
  #ping(): void {
    if (this.#streams === 0 || this.#session.destroyed || this.#session.connecting) return;
    const late = setTimeout(() => {
      this.#giveUp(`the member did not answer a ping in ${pingAnswerMs} ms`);
    }, pingAnswerMs);
    late.unref();
    this.#session.ping(() => clearTimeout(late));
  }
}

/** Calls `finish` once: with the answer, or with what became of the call. */
function collectAnswer(
  stream: ClientHttp2Stream,
  finish: (outcome: CallOutcome) => void,
  brokenOff: () => CallFailure,
): void {
  const splitter = new MessageSplitter();
  let message: Uint8Array | undefined;
  let ended: { readonly status: number; readonly text: string } | undefined;
  let outcome: CallOutcome | undefined;
  const settle = (end: CallOutcome): void => {
    if (outcome !== undefined) return;
    outcome = end;
    finish(end);
  };
  stream.on("response", (headers) => {
    ended = statusOf(headers);
    const status = headers[":status"] ?? 0;
    if (ended === undefined && status !== 200) {
      settle({ kind: "lost", reason: `the answer has HTTP status ${status}` });
      stream.close(NGHTTP2_CANCEL); // Whatever else it says.
    }
  });
  stream.on("data", (chunk: Buffer) => {
    try {
      for (const one of splitter.push(chunk)) message = one;
    } catch (error) {
      settle({ kind: "invalid", reason: reasonOf(error) });
      stream.close(NGHTTP2_CANCEL);
    }
  });
  stream.on("trailers", (headers) => {
    ended = statusOf(headers);
  });
  const conclude = (): void => {
    if (ended === undefined) return;
    if (ended.status !== 0) settle({ kind: "status", ...ended });
    else if (message !== undefined && splitter.isEmpty) settle({ kind: "answered", message });
    else settle({ kind: "invalid", reason: "the answer has no message" });
  };
  stream.on("end", () => {
    conclude();
    if (outcome !== undefined || !stream.closed) return;
    settle(brokenOff());
    stream.destroy(); // With more to send it would not close by itself.
  });
  stream.on("error", () => {}); // It closes next.
  stream.once("close", () => {
    conclude();
    settle(brokenOff());
  });
}

async function* messagesOf(
  stream: ClientHttp2Stream,
  brokenOff: () => CallFailure,
): AsyncGenerator<Uint8Array> {
  const splitter = new MessageSplitter();
  let ended: { readonly status: number; readonly text: string } | undefined;
  let httpStatus = 200;
  stream.on("response", (headers) => {
    ended = statusOf(headers);
    httpStatus = headers[":status"] ?? 0;
  });
  stream.on("trailers", (headers) => {
    ended = statusOf(headers);
  });
  try {
    for await (const chunk of stream) yield* splitter.push(chunk as Buffer);
  } catch (error) {
    if (error instanceof EtcdError) throw error;
    if (ended === undefined) throw new StreamFailure(brokenOff());
  }
  if (ended?.status === 0) return;
  if (ended !== undefined) throw new StreamFailure({ kind: "status", ...ended });
  if (httpStatus === 200) throw new StreamFailure(brokenOff());
  throw new StreamFailure({ kind: "lost", reason: `the answer has HTTP status ${httpStatus}` });
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
