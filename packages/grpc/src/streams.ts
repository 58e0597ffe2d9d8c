/**
 * The streams of one connection: frames that open, feed and end calls, and what calls ask of it.
 *
 * Source: RFC 9113 sections 5.1, 6.1 to 6.4, 6.9 and 8.1. What the peer does wrong is thrown as
 * {@link Http2Error}; the connection turns that into GOAWAY or into {@link Streams.reset}.
 */
import type { Logger } from "@flotilla/base";
import type { HttpHandler, HttpRequestHead, Method } from "./call.ts";
import { type CallHead, type CallHost, CallStream } from "./call-stream.ts";
import { CallTable } from "./call-table.ts";
import type { ControlWriter } from "./control-writer.ts";
import type { FloodGuard } from "./flood-guard.ts";
import { type Frame, frameFlag, windowBytesMax, withoutPadding } from "./frame.ts";
import { HeaderBlocks } from "./header-blocks.ts";
import { HpackDecoder } from "./hpack-decoder.ts";
import { type Http2Code, Http2Error, http2Code, protocolError } from "./http2-error.ts";
import { type GrpcLimits, heldRequestReserve, heldResponseOverrun } from "./limits.ts";
import { Metadata } from "./metadata.ts";
import type { Output } from "./output.ts";
import { type RequestHead, readRequestHead } from "./request-head.ts";
import type { ResponseHeadEncoder } from "./response-head.ts";
import type { ResponseStream } from "./response-stream.ts";
import { Sender } from "./sender.ts";
import { type Status, statusCode } from "./status.ts";
import { StreamWindows } from "./stream-windows.ts";
import type { Timers } from "./timers.ts";

/** What the streams need of their connection. */
export interface StreamsDeps {
  readonly methods: ReadonlyMap<string, Method>;
  readonly limits: GrpcLimits;
  readonly logger: Logger;
  readonly timers: Timers;
  readonly peer: string;
  readonly clientName: string | undefined;
  /** Serves what is not gRPC. */
  readonly onHttp: HttpHandler | undefined;
  readonly output: Output;
  readonly encoder: ResponseHeadEncoder;
  readonly control: ControlWriter;
  readonly guard: FloodGuard;
  /** False while the socket has more than enough. */
  hasRoom(): boolean;
  /** The output has something: write it at the end of this turn. */
  wake(): void;
  /** The client makes the server hold more than is good. */
  onOverflow(): void;
  /** The last call has ended. */
  onIdle(): void;
}

/** Serves the calls of one connection. */
export class Streams implements CallHost {
  readonly limits: GrpcLimits;
  readonly logger: Logger;
  readonly peer: string;
  readonly clientName: string | undefined;
  readonly sender: Sender;
  /** Set when no further calls are taken. */
  isLeaving = false;
  readonly #deps: StreamsDeps;
  readonly #decoder: HpackDecoder<RequestHead>;
  readonly #blocks: HeaderBlocks;
  readonly #calls: CallTable;
  readonly #windows: StreamWindows;
  #heldBytes = 0;
  #owedBytes = 0;
  /** Calls that wait for room, or for being the oldest: what one of them has begun can always be finished. */
  readonly #withheld = new Set<CallStream>();

  constructor(deps: StreamsDeps) {
    const { limits, guard, output, encoder } = deps;
    this.#deps = deps;
    this.limits = limits;
    this.logger = deps.logger;
    this.peer = deps.peer;
    this.clientName = deps.clientName;
    this.#decoder = new HpackDecoder(
      (list) => readRequestHead(list, deps.methods),
      limits.headerListBytes,
    );
    this.#blocks = new HeaderBlocks(limits);
    this.#calls = new CallTable(limits.concurrentStreams);
    this.#windows = new StreamWindows(limits.streamWindowBytes);
    this.sender = new Sender(
      {
        output,
        encoder,
        guard,
        hasRoom: () => deps.hasRoom(),
        wake: () => deps.wake(),
        onOverflow: () => deps.onOverflow(),
        onEnded: (response) => this.#onResponseEnded(response),
      },
      {
        outboxBytesMax: limits.streamOutboxBytes,
        heldBytesMax: heldResponseOverrun * limits.heldResponseBytes,
      },
    );
  }

  get count(): number {
    return this.#calls.size;
  }

  /** The highest stream that the client has opened. */
  get lastStreamId(): number {
    return this.#calls.lastStreamId;
  }

  /** The stream whose header block is unfinished: nothing else may come. 0 when none is. */
  get expecting(): number {
    return this.#blocks.expecting;
  }

  // --- frames ---

  onData(frame: Frame): void {
    const { streamId, payload, flags } = frame;
    this.#checkOpened(streamId, "DATA");
    const data = withoutPadding(frame);
    const endStream = (flags & frameFlag.endStream) !== 0;
    if (data.length === 0 && !endStream) this.#deps.guard.spend("empty DATA");
    this.#owedBytes += payload.length;
    this.#returnCredit();
    const call = this.#calls.get(streamId);
    if (call === undefined) {
      if (this.#calls.wasReset(streamId)) return;
      throw new Http2Error(http2Code.streamClosed, "DATA on a closed stream", streamId);
    }
    if (call.remoteClosed) {
      throw new Http2Error(http2Code.streamClosed, "DATA after END_STREAM", streamId);
    }
    // The end first: `receive` need not give credit to a client that has no more to send.
    call.remoteClosed = endStream;
    call.receive(data, payload.length);
    if (endStream) call.receiveEnd();
  }

  onHeaders(frame: Frame): void {
    this.#onHeaderPart(this.#blocks.begin(frame), frame);
  }

  onContinuation(frame: Frame): void {
    this.#onHeaderPart(this.#blocks.continue(frame), frame);
  }

  onReset({ streamId }: Frame): void {
    this.#checkOpened(streamId, "RST_STREAM");
    this.#deps.guard.spend("RST_STREAM");
    this.#forget(streamId);
  }

  onWindowUpdate({ streamId, payload }: Frame): void {
    this.#checkOpened(streamId, "WINDOW_UPDATE");
    const increment = payload.readUInt32BE(0) & windowBytesMax;
    if (increment === 0) {
      throw new Http2Error(http2Code.protocolError, "WINDOW_UPDATE by nothing", streamId);
    }
    this.#deps.guard.spend("WINDOW_UPDATE");
    const call = this.#calls.get(streamId);
    const fits =
      streamId === 0
        ? this.sender.widen(increment)
        : call === undefined || this.sender.widenStream(call.response, increment);
    if (!fits) throw new Http2Error(http2Code.flowControlError, "window overflow", streamId);
  }

  /** The client changed what the server may send on each stream. */
  onInitialWindow(bytes: number): void {
    const delta = this.#windows.onSetting(bytes);
    for (const call of this.#calls.all()) {
      if (!this.sender.widenStream(call.response, delta)) {
        throw new Http2Error(http2Code.flowControlError, "stream window overflow");
      }
    }
  }

  /** Only now does the client know how much it may send on a stream; until then it was the default. */
  onSettingsAcknowledged(): void {
    const delta = this.#windows.onAcknowledged();
    for (const call of this.#calls.all()) call.receiveWindow += delta;
  }

  // --- life cycle ---

  /** Ends streaming calls, which have no end of their own. */
  drain(status: Status): void {
    for (const call of this.#calls.all()) {
      if (call.streaming) call.fail(status);
    }
  }

  /** RST_STREAM; what is on its way to the stream is ignored. */
  resetStream(streamId: number, code: number): void {
    this.#deps.control.reset(streamId, code);
    this.#calls.rememberReset(streamId);
    this.#forget(streamId);
  }

  /** The connection is gone. */
  close(): void {
    this.#withheld.clear(); // Nobody is there to be let on.
    for (const call of this.#calls.all()) {
      this.sender.drop(call.response);
      call.end();
    }
    this.#calls.clear();
  }

  // --- what calls ask for ---

  onHandlerStart(): void {
    this.#calls.handlersRunning++;
  }

  onHandlerEnd(): void {
    this.#calls.handlersRunning--;
  }

  onHeld(deltaBytes: number): boolean {
    this.#heldBytes += deltaBytes;
    if (deltaBytes >= 0) return this.#heldBytes <= this.limits.heldRequestBytes;
    if (this.#withheld.size > 0) this.#giveWithheld();
    return true;
  }

  mayReceive(call: CallStream): boolean {
    const isGiven = this.#hasRoom || call === this.#calls.oldestReceiving();
    if (!isGiven) this.#withheld.add(call);
    return isGiven;
  }

  forgetWithheld(call: CallStream): void {
    this.#withheld.delete(call);
  }

  giveCredit(call: CallStream, bytes: number): void {
    call.receiveWindow += bytes;
    this.#deps.control.credit(call.id, bytes);
  }

  reset(call: CallStream, code: Http2Code): void {
    this.resetStream(call.id, code);
  }

  refuseCompression(call: CallStream, status: Status): void {
    if (call.response.opened) {
      call.fail(status);
      return;
    }
    this.#deps.encoder.compressionRefused(this.#deps.output, call.id, status);
    call.response.end();
    this.#onResponseEnded(call.response);
    this.#deps.wake();
  }

  // --- inside ---

  /** Enough for what clients may send unasked on streams of which each has begun a long message. */
  get #hasRoom(): boolean {
    return this.#heldBytes * heldRequestReserve <= this.limits.heldRequestBytes;
  }

  #giveWithheld(): void {
    const oldest = this.#hasRoom ? undefined : this.#calls.oldestReceiving();
    const given = oldest === undefined ? [...this.#withheld] : [oldest];
    for (const call of given) if (this.#withheld.delete(call)) call.settle();
  }

  #checkOpened(streamId: number, what: string): void {
    if (streamId > this.#calls.lastStreamId) throw protocolError(`${what} on an idle stream`);
  }

  /**
   * The window of the connection is given back as soon as half of it is used, so that no client can
   * exceed it; it only bounds what is on the way. What is held is bounded by `heldRequestBytes`: were
   * it bounded by this window, unfinished messages of many streams could block each other for ever.
   */
  #returnCredit(): void {
    if (this.#owedBytes * 2 < this.limits.connectionWindowBytes) return;
    this.#deps.control.credit(0, this.#owedBytes);
    this.#owedBytes = 0;
  }

  #onHeaderPart(block: Buffer | undefined, frame: Frame): void {
    if (block === undefined) return;
    const { streamId, endStream } = this.#blocks.finish();
    const head = this.#decoder.decode(block); // Always, whatever becomes of it: the table must stay in step.
    const call = this.#calls.get(streamId);
    if (call !== undefined) {
      onTrailers(call, head, endStream);
      return;
    }
    if (streamId <= this.#calls.lastStreamId) {
      if (this.#calls.wasReset(streamId)) return;
      throw new Http2Error(http2Code.streamClosed, `HEADERS on closed stream ${frame.streamId}`);
    }
    this.#calls.lastStreamId = streamId;
    if (this.isLeaving || this.#calls.isFull) {
      throw new Http2Error(http2Code.refusedStream, "no more calls", streamId);
    }
    this.#onRequest(streamId, head, endStream);
  }

  #onRequest(streamId: number, head: RequestHead, endStream: boolean): void {
    const { encoder, output, onHttp } = this.#deps;
    switch (head.kind) {
      case "call":
        if (this.sender.heldBytes <= this.limits.heldResponseBytes) {
          this.#open(streamId, head, endStream);
          return;
        }
        encoder.trailersOnly(output, streamId, tooManyResponses);
        break;
      case "trailers":
        throw new Http2Error(http2Code.protocolError, "no request, but trailers", streamId);
      case "malformed":
        throw new Http2Error(http2Code.protocolError, head.reason, streamId);
      case "refused":
        encoder.trailersOnly(output, streamId, head.status);
        break;
      case "oversized":
        encoder.http(output, streamId, 431);
        break;
      case "http":
        if (onHttp === undefined) {
          encoder.notGrpc(output, streamId, head.httpStatus, head.status);
        } else if (this.sender.heldBytes <= this.limits.heldResponseBytes) {
          this.#open(streamId, httpCall(head.request, onHttp), endStream);
          return;
        } else encoder.http(output, streamId, 503);
        break;
    }
    if (!endStream) this.resetStream(streamId, http2Code.noError);
    this.#deps.wake();
  }

  #open(streamId: number, head: CallHead, endStream: boolean): void {
    const call = new CallStream(streamId, head, this, this.#windows);
    call.hasBody = !endStream;
    this.#calls.add(call);
    if (head.timeoutMs !== undefined) {
      const expire = (): void => call.fail(deadlineExceeded);
      call.cancelDeadline = this.#deps.timers.after(head.timeoutMs, expire);
    }
    call.open();
    if (endStream) call.receiveEnd();
  }

  #onResponseEnded(response: ResponseStream): void {
    const call = this.#calls.get(response.id);
    if (call === undefined) return;
    call.end();
    if (call.remoteClosed) {
      this.#calls.remove(response.id);
      if (this.#calls.size === 0) this.#deps.onIdle();
    } else {
      this.resetStream(response.id, http2Code.noError); // RFC 9113 section 8.1: the rest is of no interest.
    }
  }

  #forget(streamId: number): void {
    const call = this.#calls.remove(streamId);
    if (call === undefined) return;
    this.sender.drop(call.response);
    call.end();
    if (this.#calls.size === 0) this.#deps.onIdle();
  }
}

/** Trailers of a request carry nothing for gRPC; they only end it. */
function onTrailers(call: CallStream, head: RequestHead, endStream: boolean): void {
  if (call.remoteClosed) {
    throw new Http2Error(http2Code.streamClosed, "HEADERS after END_STREAM", call.id);
  }
  // Trailers that are too long are none that could be judged: they carry nothing all the same.
  const isTrailers = head.kind === "trailers" || head.kind === "oversized";
  if (!endStream || !isTrailers) {
    throw new Http2Error(http2Code.protocolError, "HEADERS in the middle of a call", call.id);
  }
  call.receiveEnd();
}

/** A request that is not gRPC's, served as a call of one's own kind. */
function httpCall(http: HttpRequestHead, onHttp: HttpHandler): CallHead {
  const metadata = new Metadata(http.fields);
  const contentLength = metadata.get("content-length");
  return {
    http,
    path: http.path,
    method: { kind: "bidi", handle: (call) => onHttp(call as CallStream) },
    metadata,
    timeoutMs: undefined,
    contentBytes: contentLength === undefined ? undefined : Number(contentLength),
    encoding: "identity",
  };
}

const deadlineExceeded: Status = {
  code: statusCode.deadlineExceeded,
  message: "context deadline exceeded",
};
const tooManyResponses: Status = {
  code: statusCode.resourceExhausted,
  message: "grpc: too many responses held",
};
