/**
 * One HTTPS request to any of several equal servers.
 *
 * A server that refuses or fails is passed over for the next; the one that worked is kept. Whether a
 * request may be sent again depends on what is known: nothing was sent, or it may be repeated
 * without harm. Otherwise the caller is told that the outcome is unknown.
 */
import * as http from "node:http";
import * as https from "node:https";
import type { Socket } from "node:net";
import { ClientError } from "./errors.ts";

/** Bytes of one answer that is not a watch. A list page is the largest. */
export const responseBytesMax: number = 256 * 1024 * 1024;

export interface TransportOptions {
  /** Base URLs, equal to each other: "https://127.0.0.1:6443". At least one. */
  readonly servers: readonly string[];
  /** PEM. The system's roots when left out. */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly token?: string;
  readonly insecureSkipTlsVerify?: boolean;
  /** Until a connection is up, TLS included. Default 1,500. */
  readonly connectTimeoutMs?: number;
  /** Until the answer starts, and then between two parts of it. Default 8,000. */
  readonly requestTimeoutMs?: number;
  /** Open connections to one server. Default 16; each watch has its own besides. */
  readonly socketsMax?: number;
}

export interface TransportRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** With its query. */
  readonly path: string;
  readonly body?: unknown;
  readonly contentType?: string;
  /** True when doing it twice is the same as doing it once. */
  readonly repeatable: boolean;
  readonly signal?: AbortSignal;
  /** Shorter than the usual time until the answer starts: another server is asked sooner. */
  readonly answerMs?: number;
  /** True for a watch: the answer stays open and has a connection of its own. */
  readonly stream?: boolean;
}

export interface TransportResponse {
  readonly request: TransportRequest;
  /** Which of the servers answered. */
  readonly server: number;
  readonly status: number;
  readonly message: http.IncomingMessage;
}

/** How one attempt failed, and whether the server may have acted on it. */
class AttemptError extends Error {
  override readonly name = "AttemptError";
  readonly sent: boolean;

  constructor(sent: boolean, cause: unknown) {
    super(messageOf(cause), { cause });
    this.sent = sent;
  }
}

/** Sends requests; owns its keep-alive connections until `close`. */
export class Transport {
  readonly #options: TransportOptions;
  readonly #servers: readonly URL[];
  readonly #agents: readonly http.Agent[];
  /** Watches: as many connections as there are watches, each closed at its end. */
  readonly #streamAgents: readonly http.Agent[];
  readonly #answerMs: number;
  /** The server that worked last. */
  #preferred = 0;

  constructor(options: TransportOptions) {
    this.#options = options;
    this.#servers = options.servers.map((server) => new URL(server));
    if (this.#servers.length === 0) throw new ClientError("unavailable", "no server is given");
    const pooled = { keepAlive: true, maxSockets: options.socketsMax ?? 16 };
    this.#agents = this.#servers.map((server) => newAgent(server, options, pooled));
    this.#streamAgents = this.#servers.map((server) => newAgent(server, options, {}));
    this.#answerMs = options.requestTimeoutMs ?? 8_000;
  }

  /** Sends to the preferred server, then to the others in turn. The caller consumes `message`. */
  async send(request: TransportRequest): Promise<TransportResponse> {
    const failures: string[] = [];
    for (let attempt = 0; attempt < this.#servers.length; attempt++) {
      request.signal?.throwIfAborted();
      const at = this.#preferred;
      try {
        const message = await this.#attempt(at, request);
        const response = { request, server: at, status: message.statusCode ?? 0, message };
        if (!isTryElsewhere(response.status, request)) return response;
        if (attempt === this.#servers.length - 1) return response;
        response.message.destroy();
        failures.push(`${this.#servers[at]?.host} answered ${response.status}`);
      } catch (error) {
        request.signal?.throwIfAborted();
        if (!(error instanceof AttemptError)) throw error;
        failures.push(`${this.#servers[at]?.host}: ${error.message}`);
        if (error.sent && !request.repeatable) {
          this.#passOver(at);
          throw new ClientError("outcomeUnknown", outcomeUnknown(request, error), { cause: error });
        }
      }
      this.#passOver(at);
    }
    throw new ClientError("unavailable", `no server took the request: ${failures.join("; ")}`);
  }

  /** Reads the whole answer as JSON. A {@link ClientError} when it breaks off, is too large or is no JSON. */
  async readJson(response: TransportResponse): Promise<unknown> {
    const bytes = await this.#readAll(response);
    try {
      return JSON.parse(bytes.toString("utf8"));
    } catch (cause) {
      const { status } = response;
      throw new ClientError("badResponse", `answer is not JSON: ${status}`, { status, cause });
    }
  }

  async #readAll(response: TransportResponse): Promise<Buffer> {
    const parts: Uint8Array[] = [];
    let size = 0;
    for await (const part of this.chunks(response, this.#answerMs)) {
      size += part.length;
      if (size > responseBytesMax) {
        throw new ClientError("badResponse", `answer is larger than ${responseBytesMax} bytes`);
      }
      parts.push(part);
    }
    return Buffer.concat(parts);
  }

  /**
   * The body in chunks. A {@link ClientError} when the connection breaks, or when nothing came for
   * `idleMs`: a server that stops in the middle must not hold the caller for ever.
   */
  async *chunks(response: TransportResponse, idleMs: number): AsyncGenerator<Uint8Array> {
    const { message, request, server } = response;
    const timer = setTimeout(() => {
      message.destroy(new Error(`nothing was received for ${idleMs} ms`));
    }, idleMs);
    timer.unref(); // The connection itself keeps the process alive, as long as it is read.
    try {
      for await (const chunk of message as AsyncIterable<Uint8Array>) {
        timer.refresh();
        yield chunk;
      }
    } catch (error) {
      request.signal?.throwIfAborted();
      this.#passOver(server);
      const code = request.repeatable ? "unavailable" : "outcomeUnknown";
      throw new ClientError(code, `the answer broke off: ${messageOf(error)}`, { cause: error });
    } finally {
      clearTimeout(timer);
      message.destroy();
    }
  }

  close(): void {
    for (const agent of [...this.#agents, ...this.#streamAgents]) agent.destroy();
  }

  #passOver(at: number): void {
    // Another request may have moved on already.
    if (this.#preferred === at) this.#preferred = (at + 1) % this.#servers.length;
  }

  #attempt(at: number, request: TransportRequest): Promise<http.IncomingMessage> {
    const server = this.#servers[at] as URL;
    const body = request.body === undefined ? undefined : Buffer.from(JSON.stringify(request.body));
    const options: https.RequestOptions = {
      method: request.method,
      host: server.hostname,
      port: server.port === "" ? (server.protocol === "http:" ? 80 : 443) : server.port,
      path: `${server.pathname.replace(/\/$/, "")}${request.path}`,
      headers: this.#headers(request, body),
      agent: (request.stream ? this.#streamAgents : this.#agents)[at] as http.Agent,
      ...(request.signal === undefined ? {} : { signal: request.signal }),
    };
    return exchange((server.protocol === "http:" ? http : https).request(options), body, {
      connectMs: this.#options.connectTimeoutMs ?? 1_500,
      answerMs: Math.min(request.answerMs ?? this.#answerMs, this.#answerMs),
    });
  }

  #headers(request: TransportRequest, body: Buffer | undefined): http.OutgoingHttpHeaders {
    const { token } = this.#options;
    return {
      accept: "application/json",
      "user-agent": "flotilla-client",
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined
        ? {}
        : {
            "content-type": request.contentType ?? "application/json",
            "content-length": body.length,
          }),
    };
  }
}

/** 429: it was not done. 502-504 and 500: another server may be better off; only repeatable requests ask it. */
function isTryElsewhere(status: number, request: TransportRequest): boolean {
  return status === 429 || (status >= 500 && status !== 501 && request.repeatable);
}

function outcomeUnknown(request: TransportRequest, error: Error): string {
  return `${request.method} ${request.path} was sent and not answered; it may have happened: ${error.message}`;
}

function newAgent(server: URL, options: TransportOptions, pool: http.AgentOptions): http.Agent {
  if (server.protocol === "http:") return new http.Agent(pool);
  return new https.Agent({
    ...pool,
    ...(options.ca === undefined ? {} : { ca: options.ca }),
    ...(options.cert === undefined ? {} : { cert: options.cert }),
    ...(options.key === undefined ? {} : { key: options.key }),
    rejectUnauthorized: options.insecureSkipTlsVerify !== true,
  });
}

/**
 * Sockets that are through with TLS. Node's own `reusedSocket` does not say it of a socket that is
 * handed from one request straight to one that waited, and what is taken for not sent is sent twice.
 */
const connectedSockets = new WeakSet<Socket>();

function exchange(
  request: http.ClientRequest,
  body: Buffer | undefined,
  limits: { readonly connectMs: number; readonly answerMs: number },
): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    let sent = false;
    const timer = setTimeout(() => {
      request.destroy(new Error(`no answer within ${limits.answerMs} ms`));
    }, limits.answerMs);
    let connectTimer: NodeJS.Timeout | undefined;
    // Not before a socket is assigned: a request may wait for one of the few there are.
    request.once("socket", (socket) => {
      if (connectedSockets.has(socket)) {
        sent = true;
        return;
      }
      connectTimer = setTimeout(() => {
        request.destroy(new Error(`no connection within ${limits.connectMs} ms`));
      }, limits.connectMs);
      socket.once("encrypted" in socket ? "secureConnect" : "connect", () => {
        connectedSockets.add(socket);
        sent = true;
        clearTimeout(connectTimer);
      });
    });
    request.once("response", (message) => {
      clearTimeout(timer);
      clearTimeout(connectTimer);
      resolve(message);
    });
    request.on("error", (error) => {
      clearTimeout(timer);
      clearTimeout(connectTimer);
      reject(new AttemptError(sent, error));
    });
    request.end(body);
  });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
