/**
 * The API on a socket: HTTPS with client certificates, or plain HTTP on a loopback address.
 *
 * Turns Node's requests into values and answers back into bytes. Every wait has a time, every count a
 * limit: a client that sends nothing, sends slowly or reads slowly costs one connection and no more.
 */
import { setMaxListeners } from "node:events";
import * as http from "node:http";
import * as https from "node:https";
import type { AddressInfo } from "node:net";
import type { TLSSocket } from "node:tls";
import { emptyBytes } from "@flotilla/base";
import type { KubeApi } from "../api.ts";
import { ApiError, tooLarge } from "../errors.ts";
import {
  bodiesBytesMax,
  bodyBytesMax,
  connectionsMax,
  handshakeTimeoutMs,
  headerBytesMax,
  headersTimeoutMs,
  keepAliveTimeoutMs,
  requestTimeoutMs,
  sendTimeoutMs,
} from "../limits.ts";
import { type Subject, type TokenUser, userOfSubject, userOfToken } from "./authenticate.ts";
import { busy, errorResponse, handleRequest } from "./handler.ts";
import type { ApiResponse, User } from "./message.ts";

export interface ServeOptions {
  readonly api: KubeApi;
  /** An address of this machine: "127.0.0.1". */
  readonly host: string;
  /** 0 = any free one. */
  readonly port: number;
  /** PEM. Without it the API is plain HTTP, over which kubectl sends no credentials. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly clientCa?: string };
  readonly tokens?: readonly TokenUser[];
  /** Who a request without credentials is; refused with 401 when left out. */
  readonly defaultUser?: User;
  /** Default {@link connectionsMax}. */
  readonly connectionsMax?: number;
  /** Default {@link handshakeTimeoutMs}. */
  readonly handshakeTimeoutMs?: number;
  /** Default {@link headersTimeoutMs}. */
  readonly headersTimeoutMs?: number;
  /** Default {@link sendTimeoutMs}. */
  readonly sendTimeoutMs?: number;
}

export interface KubeApiServer {
  readonly port: number;
  /** Ends watches, lets requests in work finish for a moment, and closes every connection. */
  close(): Promise<void>;
}

/** Time that requests in work get when the server closes. */
const closeGraceMs = 1_000;

/** Listens; rejects with Node's error when the address cannot be had. */
export async function serveKubeApi(options: ServeOptions): Promise<KubeApiServer> {
  const ending = new AbortController();
  setMaxListeners(0, ending.signal); // One for each request in work; their number has its own limit.
  const listener = (request: http.IncomingMessage, response: http.ServerResponse): void => {
    void exchange(options, ending.signal, request, response);
  };
  const server = newServer(options, listener);
  server.maxConnections = options.connectionsMax ?? connectionsMax;
  server.keepAliveTimeout = keepAliveTimeoutMs;
  server.on("clientError", (_error, socket) => socket.destroy());
  server.on("tlsClientError", (_error, socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port, options.host, () => {
      server.off("error", reject);
      resolve();
    });
  });
  server.on("error", (error) => {
    options.api.context.logger.error("server failed", { reason: error.message });
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () => close(server, ending),
  };
}

function newServer(options: ServeOptions, listener: http.RequestListener): http.Server {
  const headersMs = options.headersTimeoutMs ?? headersTimeoutMs;
  const limits: http.ServerOptions = {
    maxHeaderSize: headerBytesMax,
    headersTimeout: headersMs,
    requestTimeout: Math.max(requestTimeoutMs, headersMs),
    connectionsCheckingInterval: Math.min(1_000, headersMs),
    noDelay: true,
  };
  const { tls } = options;
  if (tls === undefined) return http.createServer(limits, listener);
  return https.createServer(
    {
      ...limits,
      cert: tls.cert,
      key: tls.key,
      ...(tls.clientCa === undefined ? {} : { ca: tls.clientCa }),
      requestCert: tls.clientCa !== undefined,
      rejectUnauthorized: false, // Without a certificate there may be a token.
      handshakeTimeout: options.handshakeTimeoutMs ?? handshakeTimeoutMs,
      ALPNProtocols: ["http/1.1"],
    },
    listener,
  );
}

async function close(server: http.Server, ending: AbortController): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  ending.abort();
  server.keepAliveTimeout = 1; // Whoever finishes an answer from now on is idle for no longer.
  server.closeIdleConnections();
  const timer = setTimeout(() => server.closeAllConnections(), closeGraceMs);
  await closed;
  clearTimeout(timer);
}

async function exchange(
  options: ServeOptions,
  ending: AbortSignal,
  request: http.IncomingMessage,
  response: http.ServerResponse,
): Promise<void> {
  const gone = new AbortController();
  const abort = (): void => gone.abort();
  response.once("close", abort);
  ending.addEventListener("abort", abort, { once: true });
  try {
    const user = userOf(options, request);
    // Of somebody unknown nothing is kept: the answer does not depend on it.
    const body = user === undefined ? emptyBytes : await readBody(request, options.api.load);
    const answer =
      body instanceof ApiError
        ? errorResponse(body)
        : await handleRequest(options.api, {
            method: request.method ?? "GET",
            url: request.url ?? "/",
            headers: request.headers as Record<string, string | undefined>,
            body,
            user,
            signal: gone.signal,
          });
    await send(response, answer, options.sendTimeoutMs ?? sendTimeoutMs);
  } catch {
    response.destroy(); // The client went away in the middle of its request or of the answer.
  } finally {
    ending.removeEventListener("abort", abort);
  }
}

/**
 * The body, or why it is refused. What is refused is received to its end all the same, and dropped:
 * a client that is cut off while it sends does not see the answer.
 */
async function readBody(
  request: http.IncomingMessage,
  load: KubeApi["load"],
): Promise<Uint8Array | ApiError> {
  let parts: Buffer[] = [];
  let size = 0;
  let refusal: ApiError | undefined;
  try {
    for await (const part of request as AsyncIterable<Buffer>) {
      if (refusal !== undefined) continue;
      parts.push(part);
      size += part.length;
      load.bodiesBytes += part.length;
      if (size > bodyBytesMax) refusal = tooLarge(bodyBytesMax);
      else if (load.bodiesBytes > bodiesBytesMax) refusal = busy;
      else continue;
      load.bodiesBytes -= size;
      size = 0;
      parts = [];
    }
    return refusal ?? Buffer.concat(parts);
  } finally {
    load.bodiesBytes -= size;
  }
}

function userOf(options: ServeOptions, request: http.IncomingMessage): User | undefined {
  const socket = request.socket as Partial<TLSSocket>;
  const certificate = socket.authorized ? socket.getPeerCertificate?.() : undefined;
  return (
    userOfSubject(certificate?.subject as Subject | undefined) ??
    userOfToken(request.headers.authorization, options.tokens ?? []) ??
    // A wrong token is not the same as none.
    (request.headers.authorization === undefined ? options.defaultUser : undefined)
  );
}

async function send(
  response: http.ServerResponse,
  answer: ApiResponse,
  timeoutMs: number,
): Promise<void> {
  const { status, headers, body } = answer;
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  response.on("timeout", () => response.destroy());
  if (typeof body === "string" || body instanceof Uint8Array) {
    response.setTimeout(timeoutMs);
    // As bytes: Node would send the header in the body's encoding, and ours is bytes already.
    const bytes = typeof body === "string" ? Buffer.from(body, "utf8") : body;
    response.writeHead(status, { "content-length": bytes.length });
    response.end(bytes);
    return;
  }
  response.writeHead(status);
  response.flushHeaders();
  for await (const chunk of body) {
    if (response.destroyed) return;
    if (!response.write(chunk)) await drained(response, timeoutMs);
  }
  response.end();
}

/** Resolves when more can be written, or never will be. */
function drained(response: http.ServerResponse, timeoutMs: number): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      response.setTimeout(0); // What is sent is taken; when there is more to say is not the client's affair.
      response.off("drain", done);
      response.off("close", done);
      resolve();
    };
    response.setTimeout(timeoutMs);
    response.on("drain", done);
    response.on("close", done);
    if (response.destroyed) done();
  });
}
