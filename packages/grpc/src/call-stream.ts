/**
 * One call: the receiving half of its stream, and what its handler sees.
 *
 * Life: opened by HEADERS; messages arrive; the handler runs (when the request is complete, or at
 * once if requests are a stream); the response is sent; or the call is aborted at any point.
 */
import { assert, emptyBytes, InvariantError, type Logger } from "@flotilla/base";
import type {
  Call,
  HttpCall,
  HttpRequestHead,
  Message,
  MessageInParts,
  Method,
  ReaderCall,
  WriterCall,
} from "./call.ts";
import type { HeaderField } from "./hpack-static-table.ts";
import { type Http2Code, Http2Error, http2Code } from "./http2-error.ts";
import { Inbox } from "./inbox.ts";
import type { GrpcLimits } from "./limits.ts";
import { CompressedMessageError, MessageAssembler, wholeMessage } from "./message-assembler.ts";
import type { Metadata } from "./metadata.ts";
import type { RequestHead } from "./request-head.ts";
import { ResponseStream } from "./response-stream.ts";
import type { Sender } from "./sender.ts";
import { GrpcError, okStatus, type Status, type StatusCode, statusCode } from "./status.ts";

/** A handler that ignores back-pressure may fill its outbox this many times over. */
const outboxOverrun = 16;

/** What a call needs from its connection. */
export interface CallHost {
  readonly limits: GrpcLimits;
  readonly logger: Logger;
  readonly peer: string;
  readonly clientName: string | undefined;
  readonly sender: Sender;
  /** A handler runs from `onHandlerStart` to `onHandlerEnd`, which may be long after the call has ended. */
  onHandlerStart(): void;
  onHandlerEnd(): void;
  /** Memory held for requests changed by `deltaBytes`; false when it is too much. */
  onHeld(deltaBytes: number): boolean;
  /** Whether `call` may be given credit now; if not, it is told by {@link CallStream.settle} when it may. */
  mayReceive(call: CallStream): boolean;
  /** A call that may not is over. */
  forgetWithheld(call: CallStream): void;
  /** Lets the client send `bytes` more on the stream. */
  giveCredit(call: CallStream, bytes: number): void;
  /** Ends the stream without a status. */
  reset(call: CallStream, code: Http2Code): void;
  /** The message needs an encoding that the server does not have. */
  refuseCompression(call: CallStream, status: Status): void;
}

/** What a call is opened with: a request that is not gRPC's, `http`, is served as a stream of bytes. */
export type CallHead = Omit<Extract<RequestHead, { kind: "call" }>, "kind"> & {
  readonly http?: HttpRequestHead;
};

/** Implements every kind of call; the method's kind decides which part a handler gets to see. */
export class CallStream implements Call, HttpCall, ReaderCall, WriterCall {
  readonly id: number;
  readonly response: ResponseStream;
  /** What the client may still send before the server gives credit. */
  receiveWindow: number;
  /** The client has sent END_STREAM. */
  remoteClosed = false;
  hasBody = true;
  ended = false;
  /** Prevents the deadline. */
  cancelDeadline: (() => void) | undefined;
  readonly #head: CallHead;
  readonly #host: CallHost;
  readonly #inbox: Inbox | undefined;
  #assembler: MessageAssembler | undefined;
  #request: Uint8Array | undefined;
  #contentBytes = 0;
  #owedBytes = 0;
  #isWithheld = false;
  #heldBytes = 0;
  #abort: AbortController | undefined;
  /** A message was begun and is not complete: no status can follow. */
  #isInParts = false;
  /** What the method's observer gave, until it is told how the call has ended. */
  #observed: number | undefined;

  constructor(
    id: number,
    head: CallHead,
    host: CallHost,
    windows: { send: number; receive: number },
  ) {
    this.id = id;
    this.#head = head;
    this.#host = host;
    this.response = new ResponseStream(id, windows.send);
    this.response.isHttp = head.http !== undefined;
    this.receiveWindow = windows.receive;
    const { kind, observer } = head.method;
    if (observer !== undefined) this.#observed = observer.started(this);
    if (kind === "clientStream" || kind === "bidi") this.#inbox = new Inbox(() => this.settle());
  }

  get path(): string {
    return this.#head.path;
  }

  get metadata(): Metadata {
    return this.#head.metadata;
  }

  get peer(): string {
    return this.#host.peer;
  }

  get clientName(): string | undefined {
    return this.#host.clientName;
  }

  get http(): HttpRequestHead {
    return this.#head.http as HttpRequestHead; // Given only to the handler of what is not gRPC's.
  }

  get streaming(): boolean {
    return this.#head.method.kind !== "unary";
  }

  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController();
      if (this.ended) this.#abort.abort();
    }
    return this.#abort.signal;
  }

  get requests(): AsyncIterable<Uint8Array> {
    return this.#inbox as Inbox; // Given only to handlers whose kind makes one.
  }

  respond(status: number, fields: readonly HeaderField[]): void {
    if (this.ended || this.#host.sender.openHttp(this.response, status, fields)) return;
    this.#host.logger.warn("the head of an answer is too long", { path: this.path });
    this.#host.reset(this, http2Code.internalError);
  }

  write(message: Uint8Array, rest: Uint8Array = emptyBytes): boolean {
    if (this.ended) return true;
    assert(!this.#isInParts, "a message is written while another comes in parts");
    const { limits, sender, logger } = this.#host;
    if (this.response.outboxBytes > outboxOverrun * limits.streamOutboxBytes) {
      logger.error("handler ignores back-pressure", { path: this.path });
      this.fail({ code: statusCode.resourceExhausted, message: "grpc: response queue overflow" });
      return true;
    }
    this.#head.method.observer?.sent(message.length + rest.length);
    return sender.write(this.response, message, rest);
  }

  async writeInParts({ messageBytes, parts }: MessageInParts): Promise<void> {
    assert(!this.#isInParts, "a message is written while another comes in parts");
    const { sender } = this.#host;
    let missingBytes = messageBytes;
    for await (const part of parts) {
      if (this.ended) return;
      // Only now, when nothing can go wrong with the first part any more.
      if (!this.#isInParts) sender.begin(this.response, messageBytes);
      this.#isInParts = true;
      missingBytes -= part.length;
      if (missingBytes < 0) break;
      if (!sender.writePart(this.response, part)) await this.drained();
      if (this.ended) return;
    }
    if (this.ended) return;
    assert(missingBytes === 0, () => `${this.path}: a message in parts is not of its size`);
    if (!this.#isInParts) sender.write(this.response, emptyBytes, emptyBytes);
    this.#isInParts = false;
    this.#head.method.observer?.sent(messageBytes);
  }

  drained(): Promise<void> {
    if (this.ended || this.response.outboxBytes < this.#host.limits.streamOutboxBytes) {
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      const before = this.response.waiting;
      this.response.waiting = () => {
        before?.();
        resolve();
      };
    });
  }

  /** Starts the handlers that read their requests as they come. */
  open(): void {
    const { method } = this.#head;
    if (method.kind === "clientStream") this.#run(() => method.handle(this));
    else if (method.kind === "bidi") this.#run(() => method.handle(this));
  }

  /** The payload of a DATA frame; `windowBytes` is what it took from the window. */
  receive(data: Uint8Array, windowBytes: number): void {
    if (windowBytes > this.receiveWindow) {
      throw new Http2Error(http2Code.flowControlError, "stream window exceeded", this.id);
    }
    this.receiveWindow -= windowBytes;
    this.#owedBytes += windowBytes;
    this.#contentBytes += data.length;
    if (this.ended) return;
    try {
      this.#assemble(data);
    } catch (error) {
      if (!(error instanceof GrpcError)) throw error;
      if (error instanceof CompressedMessageError) this.#host.refuseCompression(this, error);
      else this.fail(error);
      return;
    }
    if (!this.remoteClosed) this.settle();
  }

  /** END_STREAM. */
  receiveEnd(): void {
    this.remoteClosed = true;
    const { contentBytes, method } = this.#head;
    if (contentBytes !== undefined && contentBytes !== this.#contentBytes) {
      throw new Http2Error(http2Code.protocolError, "content-length does not match", this.id);
    }
    if (this.ended) return;
    if (this.#assembler !== undefined && !this.#assembler.atBoundary) {
      this.fail({ code: statusCode.internal, message: "grpc: request ends within a message" });
    } else if (this.#inbox !== undefined) {
      this.#inbox.finish();
    } else if (this.#request === undefined) {
      this.fail({ code: statusCode.unimplemented, message: "grpc: request has no message" });
    } else {
      this.#start(method, this.#request);
    }
  }

  /** Ends the call with a status, whatever its handler does from now on. */
  fail(status: Status): void {
    if (this.ended) return;
    // What waits for a slow client would hold back the status; so late it is of no use either.
    const stuck = this.response.outboxBytes > 0 || this.#isInParts || this.response.isHttp;
    if (stuck) this.#host.reset(this, http2Code.cancel);
    else this.#host.sender.finish(this.response, status);
    this.#observe(status.code);
    this.end();
  }

  /** The call is over: tells the handler, and frees what is held. Called once or more. */
  end(): void {
    if (this.ended) return;
    this.ended = true;
    this.cancelDeadline?.();
    this.#observe(statusCode.cancelled); // Unless it has come to its own end before.
    this.#assembler = undefined;
    if (this.#inbox !== undefined) this.#inbox.fail(callEnded);
    if (this.#isWithheld) this.#host.forgetWithheld(this);
    this.#hold(0);
    this.response.resume();
    this.#abort?.abort();
  }

  #assemble(data: Uint8Array): void {
    const { messageBytes } = this.#host.limits;
    if (this.response.isHttp) {
      if (data.length > 0) this.#onMessage(data);
      return;
    }
    if (this.#assembler === undefined) {
      const message = wholeMessage(data, messageBytes);
      if (message !== undefined) {
        this.#onMessage(message);
        return;
      }
      if (data.length === 0) return;
      this.#assembler = new MessageAssembler(messageBytes, this.#head.encoding);
    }
    this.#assembler.push(data, (message) => this.#onMessage(message));
  }

  #onMessage(message: Uint8Array): void {
    this.#head.method.observer?.received(message.length);
    if (this.#inbox !== undefined) this.#inbox.push(message);
    else if (this.#request === undefined) this.#request = message;
    else throw new GrpcError(statusCode.unimplemented, "grpc: request has more than one message");
  }

  /** A message has begun that is not complete. */
  get isReceiving(): boolean {
    return (this.#assembler?.heldBytes ?? 0) > 0;
  }

  /** Counts what is held, and lets the client go on unless messages wait, for a slow handler or for room. */
  settle(): void {
    if (this.ended) return;
    const held = (this.#assembler?.heldBytes ?? 0) + (this.#inbox?.heldBytes ?? 0);
    if (!this.#hold(held)) {
      this.fail({ code: statusCode.resourceExhausted, message: "grpc: too many requests held" });
      return;
    }
    if (this.remoteClosed || this.#inbox?.empty === false) return;
    if (this.#owedBytes * 2 < this.#host.limits.streamWindowBytes) return;
    this.#isWithheld = !this.#host.mayReceive(this);
    if (this.#isWithheld) return;
    this.#host.giveCredit(this, this.#owedBytes);
    this.#owedBytes = 0;
  }

  #hold(bytes: number): boolean {
    const delta = bytes - this.#heldBytes;
    this.#heldBytes = bytes;
    return delta === 0 || this.#host.onHeld(delta);
  }

  #start(method: Method, request: Uint8Array): void {
    this.#hold(0); // From here on the message is the handler's.
    this.#assembler = undefined;
    if (method.kind === "unary") this.#run(() => method.handle(this, request));
    else if (method.kind === "serverStream") this.#run(() => method.handle(this, request));
  }

  /** A method without a response message of its own resolves to nothing. */
  #run(handle: () => Message | Promise<unknown>): void {
    this.#host.onHandlerStart();
    let result: Message | Promise<unknown>;
    try {
      result = handle();
    } catch (error) {
      this.#onFailure(error);
      return;
    }
    if (result instanceof Uint8Array) this.#onResult(result);
    else if ("parts" in result) this.#respondInParts(result);
    else {
      result.then(
        (message) => this.#onResult(message),
        (error: unknown) => this.#onFailure(error),
      );
    }
  }

  /** Of a unary handler, its message; of the others, nothing. */
  #onResult(result: unknown): void {
    if (result instanceof Uint8Array) {
      this.#host.onHandlerEnd();
      if (this.ended) return;
      this.#head.method.observer?.sent(result.length);
      this.#observe(statusCode.ok);
      this.#host.sender.respond(this.response, result);
    } else if (result !== undefined) {
      this.#respondInParts(result as MessageInParts);
    } else {
      this.#host.onHandlerEnd();
      if (this.ended) return;
      this.#observe(statusCode.ok);
      this.#host.sender.finish(this.response, okStatus);
    }
  }

  /** The handler has come to its end only with the last part. */
  #respondInParts(message: MessageInParts): void {
    this.writeInParts(message).then(
      () => this.#onResult(undefined),
      (error: unknown) => this.#onFailure(error),
    );
  }

  #onFailure(error: unknown): void {
    this.#host.onHandlerEnd();
    if (this.ended) return;
    const status = this.#statusOf(error);
    this.#observe(status.code);
    const { isHttp } = this.response;
    if (this.#isInParts || isHttp) this.#host.reset(this, http2Code.internalError);
    else this.#host.sender.finish(this.response, status);
  }

  #observe(code: StatusCode): void {
    const started = this.#observed;
    if (started === undefined) return;
    this.#observed = undefined;
    this.#head.method.observer?.handled(this, code, started);
  }

  #statusOf(error: unknown): Status {
    if (error instanceof GrpcError) return error;
    if (error instanceof InvariantError) throw error; // A bug: the process must not go on.
    this.#host.logger.error("handler failed", { path: this.path, error: String(error) });
    return { code: statusCode.unknown, message: "grpc: the server failed to handle the call" };
  }
}

/** One for all: to note where each was made would be most of what the end of a call costs. */
const callEnded = new Error("the call has ended");
callEnded.name = "AbortError";
