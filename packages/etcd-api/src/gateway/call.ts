/** A call that came as JSON, as the handlers of gRPC methods see it. */
import { concatBytes, emptyBytes } from "@flotilla/base";
import {
  collectMessage,
  GrpcError,
  type MessageInParts,
  type Metadata,
  type Method,
  type ReaderCall,
  statusCode,
  type WriterCall,
} from "@flotilla/grpc";
import { gatewayOutboxBytesMax } from "../limits.ts";
import type { Route } from "./routes.ts";
import { decodeToJson } from "./to-json.ts";

/** Where the answers of a call go. */
export interface AnswerSink {
  /** JSON of one message; false when the reader is slow. */
  write(json: string): boolean;
  /** Resolves when there is room again, or nobody reads any more. */
  drained(): Promise<void>;
  /** Given and not taken yet. */
  readonly waitingBytes: number;
}

/** What a call is made of. */
export interface GatewayCallParts {
  readonly route: Route;
  readonly method: Method;
  readonly metadata: Metadata;
  /** `address:port` of the client. */
  readonly peer: string;
  readonly sink: AnswerSink;
  /** Messages of a stream; of a call with one request, none. */
  readonly requests: AsyncIterable<Uint8Array>;
}

/** Lives until {@link end}. */
export class GatewayCall implements ReaderCall, WriterCall {
  /** A certificate says nothing of who asks through the gateway. */
  readonly clientName = undefined;
  readonly requests: AsyncIterable<Uint8Array>;
  readonly #parts: GatewayCallParts;
  readonly #abort = new AbortController();

  constructor(parts: GatewayCallParts) {
    this.#parts = parts;
    this.requests = parts.requests;
  }

  get path(): string {
    return this.#parts.route.method;
  }

  get metadata(): Metadata {
    return this.#parts.metadata;
  }

  get peer(): string {
    return this.#parts.peer;
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  get ended(): boolean {
    return this.#abort.signal.aborted;
  }

  write(message: Uint8Array, rest: Uint8Array = emptyBytes): boolean {
    if (this.ended) return true;
    const { route, method, sink } = this.#parts;
    if (sink.waitingBytes > gatewayOutboxBytesMax) {
      this.end(new GrpcError(statusCode.resourceExhausted, "grpc: response queue overflow"));
      return true;
    }
    const whole = rest.length === 0 ? message : concatBytes([message, rest]);
    method.observer?.sent(whole.length);
    return sink.write(decodeToJson(route.response, whole));
  }

  async writeInParts(message: MessageInParts): Promise<void> {
    if (!this.write(await collectMessage(message))) await this.drained();
  }

  drained(): Promise<void> {
    return this.ended ? Promise.resolve() : this.#parts.sink.drained();
  }

  /** The call is over; `reason` is what its client is told, if it still listens. */
  end(reason: GrpcError): void {
    this.#abort.abort(reason);
  }
}
