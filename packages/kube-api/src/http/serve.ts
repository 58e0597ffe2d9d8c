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
import type { KubeApi } from "../api.ts";
import { ApiError } from "../errors.ts";
import {
  bodyBytesMax,
  connectionsMax,
  handshakeTimeoutMs,
  headerBytesMax,
  headersTimeoutMs,
  keepAliveTimeoutMs,
  requestTimeoutMs,
} from "../limits.ts";
import { type Subject, type TokenUser, userOfSubject, userOfToken } from "./authenticate.ts";
import { errorResponse, handleRequest } from "./handler.ts";
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
    const body = await readBody(request);
    const answer =
      body === undefined
        ? tooLarge(response)
        : await handleRequest(options.api, {
            method: request.method ?? "GET",
            url: request.url ?? "/",
            headers: request.headers as Record<string, string | undefined>,
            body,
            user: userOf(options, request),
            signal: gone.signal,
          });
    await send(response, answer);
  } catch {
    response.destroy(); // The client went away in the middle of its request or of the answer.
  } finally {
    ending.removeEventListener("abort", abort);
  }
}

/** Undefined when it is larger than the limit. */
async function readBody(request: http.IncomingMessage): Promise<Uint8Array | undefined> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > bodyBytesMax) return undefined;
    parts.push(part);
  }
  return Buffer.concat(parts);
}

function tooLarge(response: http.ServerResponse): ApiResponse {
  response.setHeader("connection", "close"); // The rest of the body is not read.
  return errorResponse(new ApiError("RequestEntityTooLarge", `limit is ${bodyBytesMax}`));
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

async function send(response: http.ServerResponse, answer: ApiResponse): Promise<void> {
  const { status, headers, body } = answer;
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  if (typeof body === "string" || body instanceof Uint8Array) {
    response.writeHead(status, { "content-length": Buffer.byteLength(body) });
    response.end(body);
    return;
  }
  response.writeHead(status);
  response.flushHeaders();
  for await (const chunk of body) {
    if (response.destroyed) return;
    if (!response.write(chunk)) await drained(response);
  }
  response.end();
}

/** Resolves when more can be written, or never will be. */
function drained(response: http.ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      response.off("drain", done);
      response.off("close", done);
      resolve();
    };
    response.on("drain", done);
    response.on("close", done);
    if (response.destroyed) done();
  });
}
