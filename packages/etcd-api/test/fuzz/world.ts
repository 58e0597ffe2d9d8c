/** A server without sockets for fuzzers: its handlers are called as a connection would call them. */
import { type LogFields, Prng, silentLogger } from "@flotilla/base";
import {
  collectMessage,
  GrpcError,
  type MessageInParts,
  Metadata,
  type Method,
  type ReaderCall,
  systemTimers,
  type WriterCall,
} from "@flotilla/grpc";
import { createEtcdApi, type EtcdApi } from "../../src/index.ts";
import { SoloMember } from "../fixtures.ts";

/** How many inputs; a longer run is asked for by FUZZ_COUNT. */
export function inputsOf(usual: number): { readonly count: number; readonly first: number } {
  const count = Number(process.env["FUZZ_COUNT"] ?? usual);
  return { count, first: Number(process.env["FUZZ_SEED"] ?? 0) };
}

/** A member of one with its API; `errors` are logged ones, of which there must be none. */
export interface World {
  readonly api: EtcdApi;
  readonly errors: string[];
}

export function newWorld(): World {
  const errors: string[] = [];
  const logger = {
    ...silentLogger,
    error: (message: string, fields?: LogFields) =>
      errors.push(`${message} ${JSON.stringify(fields)}`),
  };
  const member = new SoloMember();
  const deps = { member, logger, timers: systemTimers, random: new Prng(1), unixSeconds: () => 1 };
  return { api: createEtcdApi(deps, { bcryptCost: 4 }), errors };
}

/** A call whose client sends `requests` and then waits for ever, until {@link leave}. */
export class LooseCall implements ReaderCall, WriterCall {
  readonly path: string;
  readonly metadata = new Metadata([]);
  readonly peer = "127.0.0.1:1";
  readonly clientName = undefined;
  ended = false;
  readonly #requests: readonly Uint8Array[];
  readonly #abort = new AbortController();

  constructor(path: string, requests: readonly Uint8Array[]) {
    this.path = path;
    this.#requests = requests;
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  get requests(): AsyncIterable<Uint8Array> {
    return this.#take();
  }

  write(): boolean {
    return true;
  }

  async writeInParts(message: MessageInParts): Promise<void> {
    await collectMessage(message);
  }

  drained(): Promise<void> {
    return Promise.resolve();
  }

  /** The client goes away. */
  leave(): void {
    this.ended = true;
    this.#abort.abort();
  }

  async *#take(): AsyncGenerator<Uint8Array> {
    yield* this.#requests;
    const { signal } = this;
    if (!signal.aborted) {
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
    }
    const error = new Error("the call has ended");
    error.name = "AbortError";
    throw error;
  }
}

/** Serves a call; throws what is no status and no consequence of the client's leaving. */
export async function serve(method: Method, call: LooseCall, request: Uint8Array): Promise<void> {
  try {
    if (method.kind === "unary") await collectMessage(await method.handle(call, request));
    else if (method.kind === "serverStream") await method.handle(call, request);
    else await method.handle(call);
  } catch (error) {
    if (error instanceof GrpcError) return;
    if (call.ended && error instanceof Error && error.name === "AbortError") return;
    throw error;
  }
}
