/** What a service is made of: methods, and the calls that their handlers get. */
import type { Metadata } from "./metadata.ts";

/** One call as every handler sees it. */
export interface Call {
  /** `/package.Service/Method`. */
  readonly path: string;
  readonly metadata: Metadata;
  /** `address:port` of the client. */
  readonly peer: string;
  /**
   * Aborts when the call is over for the client: cancelled, past its deadline, or disconnected.
   * Made on first use: a handler that never reads it does not pay for it.
   */
  readonly signal: AbortSignal;
  /** True once the call has ended for whatever reason; cheaper than {@link signal}. */
  readonly ended: boolean;
}

/** A call whose responses are a stream. */
export interface WriterCall extends Call {
  /**
   * Sends one message; the bytes must not change afterwards. False: the client is slow, wait for
   * {@link drained}. A handler that goes on regardless has its call ended with RESOURCE_EXHAUSTED.
   * Ignored when the call has ended.
   */
  write(message: Uint8Array): boolean;
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

/**
 * How a method is served, by its absolute path in the server's map.
 *
 * A request message is a view of a receive buffer: never change it; copy what outlives the call for
 * long. A handler ends its call with `GrpcError`; whatever else it throws becomes UNKNOWN without
 * its text, and is logged.
 */
export type Method =
  | {
      readonly kind: "unary";
      handle(call: Call, request: Uint8Array): Uint8Array | Promise<Uint8Array>;
    }
  | {
      readonly kind: "serverStream";
      handle(call: WriterCall, request: Uint8Array): Promise<void>;
    }
  | { readonly kind: "clientStream"; handle(call: ReaderCall): Promise<Uint8Array> }
  | { readonly kind: "bidi"; handle(call: ReaderCall & WriterCall): Promise<void> };
