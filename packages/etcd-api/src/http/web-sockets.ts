/**
 * Streams of the gateway for browsers: each message of the socket is a piece of the request's text,
 * each answer is one message. As etcd's grpc-websocket-proxy does it, which also takes the token as
 * the second of two subprotocols, `Bearer, TOKEN`: pages cannot set headers.
 */
import { on } from "node:events";
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { GrpcError, type Status, statusCode } from "@flotilla/grpc";
import { type WebSocket, WebSocketServer } from "ws";
import type { AnswerSink } from "../gateway/call.ts";
import type { Exchange, Gateway } from "../gateway/gateway.ts";
import { statusJson } from "../gateway/http-status.ts";
import type { Route } from "../gateway/routes.ts";
import { gatewayRequestsMax, httpBodyBytesMax, webSocketWaitingBytes } from "../limits.ts";

/** Closing codes of RFC 6455 section 7.4.1. */
const normalClosure = 1000;
const goingAway = 1001;

export class WebSockets {
  readonly #gateway: Gateway;
  readonly #server = new WebSocketServer({
    noServer: true,
    maxPayload: httpBodyBytesMax,
    perMessageDeflate: false,
    handleProtocols: (offered) => (offered.has("Bearer") ? "Bearer" : false),
  });

  constructor(gateway: Gateway) {
    this.#gateway = gateway;
  }

  /** Takes over the socket of a request that asks for it. */
  upgrade(route: Route, request: IncomingMessage, socket: Socket, head: Buffer): void {
    this.#server.handleUpgrade(request, socket, head, (webSocket) => {
      const exchange = new SocketExchange(withToken(request), webSocket);
      void this.#gateway.serve(route, exchange);
    });
  }

  close(): void {
    for (const client of this.#server.clients) client.close(goingAway);
    for (const client of this.#server.clients) client.terminate();
  }
}

class SocketExchange implements Exchange, AnswerSink {
  readonly request: Pick<IncomingMessage, "headers">;
  readonly peer: string;
  readonly body: AsyncIterable<string>;
  readonly #socket: WebSocket;
  #waiting: (() => void) | undefined;

  constructor(request: IncomingMessage, socket: WebSocket) {
    this.request = request;
    this.peer = `${request.socket.remoteAddress}:${request.socket.remotePort}`;
    this.#socket = socket;
    this.body = messagesOf(socket);
    socket.on("error", () => socket.terminate());
    socket.on("close", () => this.#resume());
  }

  get stream(): AnswerSink {
    return this;
  }

  get waitingBytes(): number {
    return this.#socket.bufferedAmount;
  }

  write(json: string): boolean {
    this.#socket.send(`{"result":${json}}`, () => {
      if (this.waitingBytes < webSocketWaitingBytes) this.#resume();
    });
    return this.waitingBytes < webSocketWaitingBytes;
  }

  drained(): Promise<void> {
    const isOpen = this.#socket.readyState === this.#socket.OPEN;
    if (!isOpen || this.waitingBytes < webSocketWaitingBytes) return Promise.resolve();
    return new Promise((resolve) => {
      const before = this.#waiting;
      this.#waiting = () => {
        before?.();
        resolve();
      };
    });
  }

  answer(json: string): void {
    this.#socket.send(json);
    this.#socket.close(normalClosure);
  }

  refuse(status: Status): void {
    this.answer(statusJson(status));
  }

  end(status: Status | undefined): void {
    if (status !== undefined) this.#socket.send(`{"error":${statusJson(status)}}`);
    this.#socket.close(normalClosure);
  }

  onGone(callback: () => void): void {
    this.#socket.once("close", callback);
  }

  #resume(): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.();
  }
}

/** The token among the subprotocols, as the header that it stands for. */
function withToken(request: IncomingMessage): IncomingMessage {
  const offered = request.headers["sec-websocket-protocol"] ?? "";
  const [scheme, token] = offered.split(",").map((part) => part.trim());
  if (scheme !== "Bearer" || token === undefined || token === "") return request;
  request.headers.authorization ??= `Bearer ${token}`;
  return request;
}

/** Text until the client closes; held back while the handler is slow. */
async function* messagesOf(socket: WebSocket): AsyncGenerator<string> {
  const incoming = on(socket, "message", {
    close: ["close"],
    highWaterMark: gatewayRequestsMax,
    lowWaterMark: 1,
  });
  for await (const [data, isBinary] of incoming) {
    if (isBinary === true) throw new GrpcError(statusCode.invalidArgument, "a message is no text");
    yield `${String(data)}\n`;
  }
}
