/**
 * Requests over HTTP/2 that are not gRPC's, served by the HTTP/1 side: each is written as HTTP/1 into
 * a pair of streams inside the process, so that pages, gateway and limits exist once.
 *
 * Under TLS clients that know both versions speak HTTP/2 (`curl`, Go's and Node's clients, scrapers).
 */
import { type ClientRequest, type IncomingMessage, request as startRequest } from "node:http";
import type { Socket } from "node:net";
import { type Duplex, duplexPair, Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { HeaderField, HttpCall, HttpHandler } from "@flotilla/grpc";
import type { HttpSide } from "./http-side.ts";

/** Fields of one connection, which HTTP/2 does not know, and what is said anew. */
const ownFields: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "host",
  "keep-alive",
  "te",
  "transfer-encoding",
]);

/** Serves such requests with `side`. */
export function serveOverHttp2(side: HttpSide): HttpHandler {
  return async (call) => {
    const [near, far] = duplexPair();
    side.accept(socketLike(far, call), Buffer.alloc(0), call.clientName);
    try {
      const request = start(call, near);
      if (request === undefined) call.respond(400, []);
      else await answer(call, request);
    } finally {
      near.destroy();
      far.destroy(); // It hears nothing of the other's end.
    }
  };
}

/** With what the HTTP side asks of a socket. */
function socketLike(stream: Duplex, { peer }: HttpCall): Socket {
  const colon = peer.lastIndexOf(":");
  return Object.assign(stream, {
    encrypted: true,
    remoteAddress: peer.slice(0, colon),
    remotePort: Number(peer.slice(colon + 1)),
  }) as Duplex as Socket;
}

/** Undefined for what cannot be said in HTTP/1. */
function start(call: HttpCall, connection: Duplex): ClientRequest | undefined {
  const { method, path, authority, fields } = call.http;
  const headers = ["host", authority];
  for (const { name, value } of fields) if (!ownFields.has(name)) headers.push(name, value);
  // The length that a client announces is not relied upon: where the body ends, the next request begins.
  if (call.hasBody) headers.push("transfer-encoding", "chunked");
  try {
    return startRequest({ createConnection: () => connection, method, path, headers });
  } catch {
    return undefined;
  }
}

/** Body and answer go both at once: streams of the gateway are such. */
async function answer(call: HttpCall, request: ClientRequest): Promise<void> {
  const responded = new Promise<IncomingMessage>((resolve, reject) => {
    request.once("response", resolve);
    request.on("error", reject);
  });
  call.signal.addEventListener("abort", () => request.destroy(), { once: true });
  // An answer may be complete before its request is; why a body breaks off the answer's end tells.
  if (call.hasBody) pipeline(Readable.from(call.requests), request).catch(() => {});
  else request.end();
  const response = await responded;
  call.respond(response.statusCode ?? 500, fieldsOf(response));
  for await (const chunk of response) if (!call.write(chunk)) await call.drained();
}

function fieldsOf({ rawHeaders }: IncomingMessage): HeaderField[] {
  const fields: HeaderField[] = [];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = String(rawHeaders[at]).toLowerCase();
    const isOwn = ownFields.has(name) && name !== "content-length";
    if (!isOwn) fields.push({ name, value: String(rawHeaders[at + 1]) });
  }
  return fields;
}
