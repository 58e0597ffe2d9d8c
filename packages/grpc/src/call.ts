/** What a service is made of: methods, and the calls that their handlers get. */
import { assert } from "@flotilla/base";
import type { HeaderField } from "./hpack-static-table.ts";
import type { Metadata } from "./metadata.ts";
import type { StatusCode } from "./status.ts";

/** One call as every handler sees it. */
export interface Call {
  /** `/package.Service/Method`. */
  readonly path: string;
  readonly metadata: Metadata;
  /** `address:port` of the client. */
  readonly peer: string;
  /** Who the client is by its certificate, as told to `accept`; undefined without one. */
  readonly clientName: string | undefined;
  /**
   * Aborts when the call is over for the client: cancelled, past its deadline, or disconnected.
   * Made on first use: a handler that never reads it does not pay for it.
   */
  readonly signal: AbortSignal;
  /** True once the call has ended for whatever reason; cheaper than {@link signal}. */
  readonly ended: boolean;
}

/**
 * One message that is too large to be made at once. Its parts are taken one by one, each when the
 * client has room for it, so that neither memory nor the event loop holds it whole.
 */
export interface MessageInParts {
  /** Bytes of the whole message; the parts must come to exactly as many. */
  readonly messageBytes: number;
  /**
   * Must not change once given. Closed by `return` when the call ends before they are through. What
   * is thrown before the first part ends the call as if the handler had thrown it; later, there is no
   * way left to say a status, and the stream is reset with INTERNAL_ERROR.
   */
  readonly parts: Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
}

/** A response message: its bytes, or how to come by them. */
export type Message = Uint8Array | MessageInParts;

/** The whole message in one piece: for whoever calls a handler without a wire. */
export async function collectMessage(message: Message): Promise<Uint8Array> {
  if (message instanceof Uint8Array) return message;
  const whole = new Uint8Array(message.messageBytes);
  let at = 0;
  for await (const part of message.parts) {
    whole.set(part, at);
    at += part.length;
  }
  assert(at === whole.length, "a message in parts must come to its announced size");
  return whole;
}

/** A call whose responses are a stream. */
export interface WriterCall extends Call {
  /**
   * Sends one message; the bytes must not change afterwards. False: the client is slow, wait for
   * {@link drained}. A handler that goes on regardless has its call ended with RESOURCE_EXHAUSTED.
   * Ignored when the call has ended. The message goes on with `rest`: what many have in common need
   * not be copied into each.
   */
  write(message: Uint8Array, rest?: Uint8Array): boolean;
  /** Sends one message in parts; nothing else may be written until this resolves, which it does also when the call ends. */
  writeInParts(message: MessageInParts): Promise<void>;
  /** Resolves when there is room again, or the call has ended. */
  drained(): Promise<void>;
}

/** A call whose requests are a stream. */
export interface ReaderCall extends Call {
  /**
   * The messages in order, to be iterated once; the end when the client has sent its last. Throws an
   * AbortError when the call ends before. A slow reader holds back the client by flow control.
   */
  readonly requests: AsyncIterable<Uint8Array>;
}

/** What a request that is not gRPC's asks for. */
export interface HttpRequestHead {
  readonly method: string;
  readonly path: string;
  /** As in `:authority`, or in `host`; empty when neither was given. */
  readonly authority: string;
  /** In the order of arrival, pseudo-headers left out. */
  readonly fields: readonly HeaderField[];
}

/** A request that is not gRPC's: its body comes, and its answer goes, as bytes without messages. */
export interface HttpCall extends ReaderCall, WriterCall {
  readonly http: HttpRequestHead;
  /** False when the request ended with its head. */
  readonly hasBody: boolean;
  /** The head of the answer, once, before anything is written. Names must be lower case. */
  respond(status: number, fields: readonly HeaderField[]): void;
}

/**
 * Serves one such request: the answer ends when it resolves. When it rejects, what was begun is reset.
 */
export type HttpHandler = (call: HttpCall) => Promise<void>;

/** Is told of every call of a method. Called often: it must be cheap, and must not throw. */
export interface MethodObserver {
  /** A call begins; what is returned is given back when it is handled. */
  started(call: Call): number;
  /** A request message has come. */
  received(messageBytes: number): void;
  /** A response message is on its way. */
  sent(messageBytes: number): void;
  /** Once for each call: how it has ended. */
  handled(call: Call, code: StatusCode, started: number): void;
}

/**
 * How a method is served, by its absolute path in the server's map.
 *
 * A request message is a view of a receive buffer: never change it; copy what outlives the call for
 * long. A handler ends its call with `GrpcError`; whatever else it throws becomes UNKNOWN without
 * its text, and is logged.
 */
export type Method = Handler & { readonly observer?: MethodObserver };

type Handler =
  | {
      readonly kind: "unary";
      handle(call: Call, request: Uint8Array): Message | Promise<Message>;
    }
  | {
      readonly kind: "serverStream";
      handle(call: WriterCall, request: Uint8Array): Promise<void>;
    }
  | { readonly kind: "clientStream"; handle(call: ReaderCall): Promise<Uint8Array> }
  | { readonly kind: "bidi"; handle(call: ReaderCall & WriterCall): Promise<void> };
