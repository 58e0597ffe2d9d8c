/**
 * JSON over HTTP/1 and WebSockets to the same handlers that serve gRPC, in process: each message is
 * translated, and no service is written twice. Source: etcd server/embed/serve.go, grpc-gateway.
 */
import type { IncomingMessage } from "node:http";
import { InvariantError, type Logger } from "@flotilla/base";
import {
  collectMessage,
  GrpcError,
  type Method,
  type Status,
  statusCode,
  type Timers,
} from "@flotilla/grpc";
import { RpcError } from "../errors.ts";
import { gatewayCallsMax, messageOverheadBytes, requestBytesMax } from "../limits.ts";
import { type AnswerSink, GatewayCall } from "./call.ts";
import { encodeJson, JsonMessageError } from "./from-json.ts";
import { JsonSplitter } from "./json-splitter.ts";
import { metadataOf, timeoutMsOf } from "./request-metadata.ts";
import { gatewayRoutes, type Route } from "./routes.ts";
import type { MessageType } from "./schema.ts";
import { decodeToJson } from "./to-json.ts";

/** How a client's text comes, and how answers go back. */
export interface Exchange {
  readonly request: Pick<IncomingMessage, "headers">;
  /** `address:port` of the client. */
  readonly peer: string;
  /** Pieces of text, as they come; throws `GrpcError` when they are no text or too much. */
  readonly body: AsyncIterable<string>;
  /** Takes the messages of a stream. */
  readonly stream: AnswerSink;
  /** The one message of a call without a stream. */
  answer(json: string): void;
  /** The call failed before there was a stream. */
  refuse(status: Status): void;
  /** How a stream ended; well with `undefined`. */
  end(status: Status | undefined): void;
  /** Calls back when the client has gone. */
  onGone(callback: () => void): void;
}

/** What a gateway is made of. */
export interface GatewayDeps {
  readonly methods: ReadonlyMap<string, Method>;
  readonly logger: Logger;
  readonly timers: Timers;
}

/** A call, and how far it has come. */
interface Run {
  readonly call: GatewayCall;
  readonly exchange: Exchange;
  readonly received: (bytes: Uint8Array) => void;
  /** The handler of a stream runs: what fails from here on is told in the form of the stream. */
  isStreaming: boolean;
}

/** The largest message that the gRPC side would take in, either. */
const messageBytesMax = requestBytesMax + messageOverheadBytes;
/** Text of one message: base64 takes four characters for three bytes, escapes take more. */
const textCharactersMax = 2 * messageBytesMax;

export class Gateway {
  readonly #deps: GatewayDeps;
  #calls = 0;

  constructor(deps: GatewayDeps) {
    this.#deps = deps;
  }

  /** By the path after `/v3/`. */
  route(path: string): Route | undefined {
    return gatewayRoutes.get(path);
  }

  /** True for calls whose requests are a stream. */
  takesStream(route: Route): boolean {
    const kind = this.#deps.methods.get(route.method)?.kind;
    return kind === "bidi" || kind === "clientStream";
  }

  /** Serves one call to its end. */
  async serve(route: Route, exchange: Exchange): Promise<void> {
    this.#calls++;
    try {
      await this.#serve(route, exchange);
    } catch (error) {
      exchange.refuse(this.#statusOf(route, error));
    } finally {
      this.#calls--;
    }
  }

  async #serve(route: Route, exchange: Exchange): Promise<void> {
    if (this.#calls > gatewayCallsMax) throw new RpcError("tooManyRequests");
    const method = this.#deps.methods.get(route.method);
    if (method === undefined) {
      throw new GrpcError(statusCode.unimplemented, `unknown method ${route.method}`);
    }
    const timeoutMs = timeoutMsOf(exchange.request);
    const received = countReceived(method);
    const call = new GatewayCall({
      route,
      method,
      metadata: metadataOf(exchange.request),
      peer: exchange.peer,
      sink: exchange.stream,
      requests: this.#messagesOf(route, exchange.body, received),
    });
    const gone = new GrpcError(statusCode.cancelled, "context canceled");
    exchange.onGone(() => call.end(gone));
    const cancelDeadline = this.#limit(call, timeoutMs);
    const started = method.observer?.started(call) ?? 0;
    const run: Run = { call, exchange, received, isStreaming: false };
    let code: Status["code"] = statusCode.ok;
    try {
      await Promise.race([this.#run(route, method, run), endOf(call)]);
    } catch (error) {
      const status = this.#statusOf(route, error);
      code = status.code;
      if (!run.isStreaming) throw status;
      exchange.end(status);
    } finally {
      cancelDeadline();
      method.observer?.handled(call, code, started);
      call.end(gone);
    }
  }

  async #run(route: Route, method: Method, run: Run): Promise<void> {
    const { call, exchange, received } = run;
    if (method.kind === "bidi") {
      run.isStreaming = true;
      await method.handle(call);
      if (!call.ended) exchange.end(undefined);
      return;
    }
    if (method.kind === "clientStream") {
      const answer = await method.handle(call);
      if (!call.ended) exchange.answer(decodeToJson(route.response, answer));
      return;
    }
    const request = await onlyMessage(route.request, exchange.body);
    if (call.ended) return;
    received(request);
    if (method.kind === "serverStream") {
      run.isStreaming = true;
      await method.handle(call, request);
      if (!call.ended) exchange.end(undefined);
      return;
    }
    const answer = await collectMessage(await method.handle(call, request));
    if (call.ended) return;
    method.observer?.sent(answer.length);
    exchange.answer(decodeToJson(route.response, answer));
  }

  /**
   * Messages of a stream. As in etcd one that is none is the last: its client is not told, and what was
   * asked before goes on.
   */
  async *#messagesOf(
    route: Route,
    body: AsyncIterable<string>,
    received: (bytes: Uint8Array) => void,
  ): AsyncGenerator<Uint8Array> {
    try {
      for await (const bytes of messagesOf(route.request, body)) {
        received(bytes);
        yield bytes;
      }
    } catch (error) {
      if (!(error instanceof GrpcError && error.code === statusCode.invalidArgument)) throw error;
      const { message: reason } = error;
      this.#deps.logger.warn("a stream's message was not understood", {
        path: route.method,
        reason,
      });
    }
  }

  #limit(call: GatewayCall, timeoutMs: number | undefined): () => void {
    if (timeoutMs === undefined) return () => {};
    const late = new GrpcError(statusCode.deadlineExceeded, "context deadline exceeded");
    if (timeoutMs < 1) throw late; // No timer is as fine.
    return this.#deps.timers.after(timeoutMs, () => call.end(late));
  }

  #statusOf(route: Route, error: unknown): GrpcError {
    if (error instanceof GrpcError) return error;
    if (error instanceof InvariantError) throw error; // A bug: the process must not go on.
    const path = route.method;
    this.#deps.logger.error("handler failed", { path, error: String(error) });
    return new GrpcError(statusCode.unknown, "grpc: the server failed to handle the call");
  }
}

function countReceived(method: Method): (bytes: Uint8Array) => void {
  return (bytes) => method.observer?.received(bytes.length);
}

/** Rejects when the call is over before its handler. */
function endOf({ signal }: GatewayCall): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

/** One message of the text; what follows the first is not looked at, as in etcd. */
async function onlyMessage(type: MessageType, body: AsyncIterable<string>): Promise<Uint8Array> {
  let text = "";
  for await (const piece of body) {
    text += piece;
    if (text.length > textCharactersMax) throw tooLarge("");
  }
  return encoded(type, text);
}

async function* messagesOf(
  type: MessageType,
  body: AsyncIterable<string>,
): AsyncGenerator<Uint8Array> {
  const splitter = new JsonSplitter(textCharactersMax);
  for await (const piece of body) {
    for (const text of splitter.push(piece)) yield encoded(type, text);
  }
  const rest = splitter.end();
  if (rest !== undefined) yield encoded(type, rest);
}

function encoded(type: MessageType, text: string): Uint8Array {
  try {
    const bytes = encodeJson(type, text);
    if (bytes.length <= messageBytesMax) return bytes;
    throw tooLarge(` (${bytes.length} vs. ${messageBytesMax})`);
  } catch (error) {
    if (!(error instanceof JsonMessageError)) throw error;
    throw new GrpcError(statusCode.invalidArgument, error.message);
  }
}

function tooLarge(sizes: string): GrpcError {
  const text = `grpc: received message larger than max${sizes}`;
  return new GrpcError(statusCode.resourceExhausted, text);
}
