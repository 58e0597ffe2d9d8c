/**
 * The HTTP/1 side of the client port, and what the metrics listeners serve. Source: etcd
 * server/embed/serve.go.
 *
 * Sockets are handed in; nothing here opens a port.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { posix } from "node:path";
import { InvariantError } from "@flotilla/base";
import type { Method } from "@flotilla/grpc";
import type { ServiceContext } from "../context.ts";
import { Gateway } from "../gateway/gateway.ts";
import { httpConnectionsMax, httpHeadersMs } from "../limits.ts";
import { corsHeaders, isHostAllowed, misdirected } from "./access.ts";
import { type Answer, jsonAnswer, notFound, redirectTo, sendAnswer, textAnswer } from "./answer.ts";
import { HttpExchange } from "./http-exchange.ts";
import { metricsAnswer, type PageSet, Pages } from "./pages.ts";
import { ScrapeCounters } from "./scrape-counters.ts";
import { WebSockets } from "./web-sockets.ts";

/** Answers HTTP/1 requests on sockets that it is given. */
export interface HttpSide {
  /**
   * Takes over a socket, after its handshake, of which `firstBytes` were already read. `clientName` is
   * in the client's certificate.
   */
  accept(socket: Socket, firstBytes: Buffer, clientName?: string): void;
  /** Ends streams and the connections on which nothing is asked. */
  close(): void;
  /** Ends all connections. */
  destroy(): void;
}

/** Everything that the client port serves over HTTP/1. */
export function createHttpSide(
  context: ServiceContext,
  methods: ReadonlyMap<string, Method>,
): HttpSide {
  const gateway = new Gateway({ methods, logger: context.logger, timers: context.timers });
  return new Side(context, "client", context.options.enableGateway ? gateway : undefined);
}

/** Only what is asked by monitoring: health and metrics, to any page and by any name, as in etcd. */
export function createMetricsSide(context: ServiceContext): HttpSide {
  return new Side(context, "metrics", undefined);
}

class Side implements HttpSide {
  readonly #context: ServiceContext;
  readonly #set: PageSet;
  readonly #gateway: Gateway | undefined;
  readonly #pages: Pages;
  readonly #scrapes: ScrapeCounters;
  readonly #sockets: WebSockets | undefined;
  readonly #server: Server;
  readonly #clientNames = new WeakMap<object, string>();
  /** The last answer that was begun, by socket. */
  readonly #answering = new WeakMap<object, ServerResponse>();
  #connections = 0;

  constructor(context: ServiceContext, set: PageSet, gateway: Gateway | undefined) {
    this.#context = context;
    this.#set = set;
    this.#gateway = gateway;
    this.#pages = new Pages(context, set);
    this.#scrapes = new ScrapeCounters(context.metrics);
    this.#sockets = gateway === undefined ? undefined : new WebSockets(gateway);
    this.#server = this.#makeServer();
  }

  accept(socket: Socket, firstBytes: Buffer, clientName?: string): void {
    if (this.#connections >= httpConnectionsMax) {
      socket.on("error", () => {}); // "close" follows.
      socket.destroy();
      return;
    }
    this.#connections++;
    socket.once("close", () => this.#connections--);
    if (clientName !== undefined) this.#clientNames.set(socket, clientName);
    this.#read(socket, firstBytes);
  }

  #read(socket: Socket, firstBytes: Buffer): void {
    socket.pause();
    if (firstBytes.length > 0) socket.unshift(firstBytes);
    this.#server.emit("connection", socket);
    socket.resume();
  }

  close(): void {
    this.#sockets?.close();
    this.#server.close();
  }

  destroy(): void {
    this.#server.closeAllConnections();
  }

  #makeServer(): Server {
    const options = {
      ...{ requestTimeout: 0, keepAlive: true },
      ...{ headersTimeout: httpHeadersMs, connectionsCheckingInterval: httpHeadersMs },
    };
    const server = createServer(options, (request, response) => {
      response.on("error", () => response.destroy());
      this.#answering.set(request.socket, response);
      this.#serve(request, response).catch((error: unknown) => this.#failed(response, error));
    });
    server.emit("listening"); // It never does, and would keep no account of its connections and their age.
    server.on("upgrade", (request: IncomingMessage, socket: Socket, head: Buffer) =>
      this.#upgrade(request, socket, head),
    );
    return server;
  }

  /** A bug of ours ends the process, as it does where gRPC meets one. */
  #failed(response: ServerResponse, error: unknown): void {
    this.#context.logger.error("an HTTP request failed", { reason: String(error) });
    sendAnswer(response, textAnswer(500, "internal error\n"));
    if (error instanceof InvariantError) throw error;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const refusal = this.#admit(request, response);
    if (refusal !== undefined) {
      sendAnswer(response, refusal);
      return;
    }
    const { method = "GET" } = request;
    const { pathname, searchParams } = urlOf(request);
    const shorter = shorterTarget(request);
    if (this.#set === "client" && method === "OPTIONS") {
      sendAnswer(response, { status: 200, headers: {}, body: "" });
    } else if (shorter !== undefined) {
      sendAnswer(response, redirectTo(shorter, method));
    } else if (pathname === "/metrics") {
      const text = this.#scrapes.serve(() => this.#context.metrics.text());
      sendAnswer(response, metricsAnswer(text));
    } else if (this.#gateway !== undefined && pathname.startsWith("/v3")) {
      await this.#serveGateway(this.#gateway, pathname, request, response);
    } else sendAnswer(response, await this.#pages.answer(method, pathname, searchParams));
  }

  async #serveGateway(
    gateway: Gateway,
    pathname: string,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const path = gatewayPath(pathname);
    if (pathname === "/v3") {
      sendAnswer(response, redirectTo("/v3/", request.method ?? "GET"));
      return;
    }
    const route = path === undefined ? undefined : gateway.route(path);
    if (route !== undefined && request.method === "POST") {
      const isStream = gateway.takesStream(route);
      await gateway.serve(route, new HttpExchange(request, response, { isStream }));
    } else if (route !== undefined) sendAnswer(response, wrongMethod);
    else sendAnswer(response, path === undefined ? notFound : noSuchCall);
  }

  #upgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    const path = gatewayPath(urlOf(request).pathname);
    if (path === undefined || !/^websocket$/i.test(request.headers.upgrade ?? "")) {
      this.#readAgain(socket, Buffer.concat([headWithoutUpgrade(request), head]));
      return;
    }
    const route = path === undefined ? undefined : this.#gateway?.route(path);
    const isAllowed = this.#isAllowed(request);
    const isNameless = !this.#isNamed(request);
    if (this.#sockets === undefined || route === undefined || !isAllowed || !isNameless) {
      let line = isNameless ? "404 Not Found" : "400 Bad Request";
      if (!isAllowed) line = "421 Misdirected Request";
      socket.end(`HTTP/1.1 ${line}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
    } else this.#sockets.upgrade(route, request, socket, head);
  }

  /** Once the requests before are answered: node knows nothing of them when it takes up a socket again. */
  #readAgain(socket: Socket, bytes: Buffer): void {
    const before = this.#answering.get(socket);
    if (before === undefined || before.writableFinished) this.#read(socket, bytes);
    else {
      socket.pause();
      before.once("close", () => {
        if (!socket.destroyed) this.#read(socket, bytes);
      });
    }
  }

  /** Who may ask; the headers of the answer for pages of other origins. */
  #admit(request: IncomingMessage, response: ServerResponse): Answer | undefined {
    if (this.#set === "metrics") return undefined;
    if (!this.#isAllowed(request)) return misdirected(request.headers.host ?? "");
    if (this.#isNamed(request)) return nameIgnored;
    const { corsOrigins } = this.#context.options;
    for (const [name, value] of Object.entries(corsHeaders(corsOrigins, request.headers.origin))) {
      if (value !== undefined) response.setHeader(name, value);
    }
    return undefined;
  }

  /** A request to the gateway by a client whose certificate names a user. */
  #isNamed(request: IncomingMessage): boolean {
    return (
      this.#gateway !== undefined &&
      this.#context.authority.isEnabled &&
      this.#clientNames.has(request.socket) &&
      gatewayPath(urlOf(request).pathname) !== undefined
    );
  }

  /** With TLS the certificate says whom a client has reached. */
  #isAllowed({ socket, headers }: IncomingMessage): boolean {
    const { hostWhitelist } = this.#context.options;
    return "encrypted" in socket || isHostAllowed(hostWhitelist, headers.host ?? "");
  }
}

/** Whoever has a name by his certificate would be nobody behind the gateway, without knowing it. */
const nameIgnored: Answer = textAnswer(
  400,
  "CommonName of client sending a request against gateway will be ignored and not used as expected\n",
);
const wrongMethod: Answer = jsonAnswer(501, '{"code":12,"message":"Method Not Allowed"}');
const noSuchCall: Answer = jsonAnswer(404, '{"code":5,"message":"Not Found"}');

/**
 * The head of a request that would rather speak another protocol, `h2c` mostly, without that wish: it is
 * served in this one. Node asks nobody before it takes such a request out of the line.
 */
function headWithoutUpgrade({ method, url, httpVersion, rawHeaders }: IncomingMessage): Buffer {
  const lines = [`${method} ${url} HTTP/${httpVersion}`];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const [name = "", value = ""] = rawHeaders.slice(at, at + 2);
    if (!/^(?:connection|upgrade|http2-settings)$/i.test(name)) lines.push(`${name}: ${value}`);
    else if (/\bclose\b/i.test(value)) lines.push("Connection: close");
  }
  return Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1");
}

/** What follows the version; undefined for a version that is not served. */
function gatewayPath(pathname: string): string | undefined {
  return /^\/v3(?:beta)?\/(.*)$/.exec(pathname)?.[1];
}

/** A target that is no path reads as the root. */
function urlOf({ url = "/" }: IncomingMessage): URL {
  const whole = `http://localhost${url}`;
  return new URL(url.startsWith("/") && URL.canParse(whole) ? whole : "http://localhost/");
}

/** Where Go's servers send a client whose path has empty steps, or goes back; undefined for any other. */
function shorterTarget({ url = "/" }: IncomingMessage): string | undefined {
  const [, path = "", query = ""] = /^([^?]*)(.*)$/s.exec(url) ?? [];
  const shorter = posix.normalize(path);
  return path.startsWith("/") && shorter !== path ? shorter + query : undefined;
}
