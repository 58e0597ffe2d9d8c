/**
 * The HTTP/1 side of the client port: health, version. Source: etcd server/etcdserver/api/etcdhttp.
 *
 * The paths are asked by load balancers and by kubelets, often: each check is one cheap read.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { ServiceContext } from "./context.ts";
import { rpcErrorOf } from "./errors.ts";
import { httpHeadersMs } from "./limits.ts";

/** Answers HTTP/1 requests on sockets that it is given. */
export interface HttpSide {
  /** Takes over a socket of which `firstBytes` were already read. */
  accept(socket: Socket, firstBytes: Buffer): void;
  close(): void;
}

interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

/** Makes the HTTP/1 side of a server. */
export function createHttpSide(context: ServiceContext): HttpSide {
  const server: Server = createServer((request, response) => {
    answer(context, request).then(
      (given) => send(response, given),
      () => send(response, text(500, "internal error\n")),
    );
  });
  server.headersTimeout = httpHeadersMs;
  server.requestTimeout = httpHeadersMs;
  return {
    accept(socket, firstBytes) {
      socket.pause();
      socket.unshift(firstBytes);
      server.emit("connection", socket);
      socket.resume();
    },
    close() {
      server.closeAllConnections();
    },
  };
}

function send(response: ServerResponse, { status, contentType, body }: Answer): void {
  response.writeHead(status, {
    "content-type": contentType,
    "content-length": Buffer.byteLength(body),
    "x-content-type-options": "nosniff",
    ...(status === 405 ? { allow: "GET" } : {}),
  });
  response.end(body);
}

function text(status: number, body: string): Answer {
  return { status, contentType: "text/plain; charset=utf-8", body };
}

function json(status: number, value: unknown): Answer {
  return { status, contentType: "application/json", body: JSON.stringify(value) };
}

async function answer(context: ServiceContext, request: IncomingMessage): Promise<Answer> {
  const { pathname, searchParams } = new URL(request.url ?? "/", "http://localhost");
  const route = routes.get(pathname);
  if (route === undefined) return text(404, "404 page not found\n");
  if (request.method !== "GET") return text(405, "Method Not Allowed\n");
  return route(context, searchParams);
}

type Route = (context: ServiceContext, query: URLSearchParams) => Promise<Answer> | Answer;

const routes: ReadonlyMap<string, Route> = new Map<string, Route>([
  ["/health", health],
  ["/version", version],
  ["/livez", (context, query) => checks(context, query, ["serializable_read"])],
  [
    "/readyz",
    (context, query) => checks(context, query, ["serializable_read", "linearizable_read"]),
  ],
]);

function version(context: ServiceContext): Answer {
  const { server, cluster } = context.options.versions;
  return json(200, { etcdserver: server, etcdcluster: cluster, storage: cluster });
}

async function health(context: ServiceContext, query: URLSearchParams): Promise<Answer> {
  const local = query.get("serializable") === "true";
  const reason = local ? "" : await unhealthyReason(context);
  return json(reason === "" ? 200 : 503, { health: String(reason === ""), reason });
}

/** Empty when a linearizable read gets through. */
async function unhealthyReason(context: ServiceContext): Promise<string> {
  if (!context.hasLeader) return "RAFT NO LEADER";
  const outcome = await context.member.readBarrier();
  return outcome.kind === "ready" ? "" : `RANGE ERROR:${rpcErrorOf(outcome).message}`;
}

type Check = "serializable_read" | "linearizable_read";

async function checks(
  context: ServiceContext,
  query: URLSearchParams,
  names: readonly Check[],
): Promise<Answer> {
  const excluded = new Set(query.getAll("exclude"));
  const lines: string[] = [];
  let failed = false;
  for (const name of names) {
    if (excluded.has(name)) continue;
    const reason = name === "linearizable_read" ? await unhealthyReason(context) : "";
    if (reason !== "") failed = true;
    lines.push(reason === "" ? `[+]${name} ok\n` : `[-]${name} failed: ${reason}\n`);
  }
  const verbose = failed || query.has("verbose");
  return text(failed ? 503 : 200, `${verbose ? lines.join("") : ""}${failed ? "" : "ok\n"}`);
}
