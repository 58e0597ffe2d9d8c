/**
 * One HTTP/2 connection: takes frames, keeps the streams, answers what the protocol itself asks.
 *
 * Source: RFC 9113 sections 3.4, 5 and 6. Every violation of the peer ends in GOAWAY or RST_STREAM,
 * never in an exception; the connection owns its socket from the preface on.
 */
import type { Socket } from "node:net";
import type { Logger } from "@flotilla/base";
import type { Method } from "./call.ts";
import { type CallHost, CallStream } from "./call-stream.ts";
import { FloodGuard } from "./flood-guard.ts";
import {
  defaultWindowBytes,
  type Frame,
  FrameReader,
  frameFlag,
  frameType,
  settingId,
  windowBytesMax,
  withoutPadding,
} from "./frame.ts";
import { HeaderBlocks } from "./header-blocks.ts";
import { HpackDecoder } from "./hpack-decoder.ts";
import { Http2Error, http2Code, protocolError } from "./http2-error.ts";
import type { GrpcLimits } from "./limits.ts";
import { type ArenaPool, Output } from "./output.ts";
import { type RequestHead, readRequestHead } from "./request-head.ts";
import { ResponseHeadEncoder } from "./response-head.ts";
import type { ResponseStream } from "./response-stream.ts";
import { Sender } from "./sender.ts";
import { encodeGoaway, encodeSettings, encodeUint32, readSettings } from "./settings.ts";
import { type Status, statusCode } from "./status.ts";
import type { Timers } from "./timers.ts";

/** Streams that were reset lately: frames already on their way are no error (RFC 9113 section 5.1). */
const recentResetsMax = 1024;
/** Sent before the final GOAWAY: its answer proves that the client has seen the first one. */
const drainPing = Buffer.from("draining");
/** Asks a silent client whether it is there. */
const idlePing = Buffer.from("areyou??");

/** What all connections of a server share. */
export interface ConnectionDeps {
  readonly methods: ReadonlyMap<string, Method>;
  readonly limits: GrpcLimits;
  readonly logger: Logger;
  readonly timers: Timers;
  readonly arenas: ArenaPool;
  /** Calls `flush` at the end of this turn of the event loop. */
  wake(connection: Connection): void;
  onClosed(connection: Connection): void;
}

/** Serves one client. */
export class Connection implements CallHost {
  readonly limits: GrpcLimits;
  readonly logger: Logger;
  readonly peer: string;
  readonly sender: Sender;
  readonly #socket: Socket;
  readonly #deps: ConnectionDeps;
  readonly #reader = new FrameReader();
  readonly #decoder: HpackDecoder<RequestHead>;
  readonly #blocks: HeaderBlocks;
  readonly #encoder = new ResponseHeadEncoder();
  readonly #output: Output;
  readonly #guard: FloodGuard;
  readonly #calls = new Map<number, CallStream>();
  readonly #recentResets = new Set<number>();
  #lastStreamId = 0;
  #handlersRunning = 0;
  #heldBytes = 0;
  #owedBytes = 0;
  /** What new streams start with, in each direction. */
  #sendWindowInitial = defaultWindowBytes;
  #receiveWindowInitial: number;
  #settingsSeen = false;
  #settingsAcknowledged = false;
  /** open: serves. draining: GOAWAY sent, still takes calls that were on their way. leaving: takes no more. */
  #state: "open" | "draining" | "leaving" | "closed" = "open";
  #heardSinceCheck = false;
  #cancelTimer: () => void;

  /** `prefaceTimer` prevents the time-out that runs since the socket was accepted. */
  constructor(socket: Socket, deps: ConnectionDeps, prefaceTimer: () => void) {
    this.#socket = socket;
    this.#deps = deps;
    this.limits = deps.limits;
    this.logger = deps.logger;
    this.peer = `${socket.remoteAddress ?? "unknown"}:${socket.remotePort ?? 0}`;
    this.#cancelTimer = prefaceTimer;
    this.#receiveWindowInitial = Math.max(defaultWindowBytes, deps.limits.streamWindowBytes);
    this.#decoder = new HpackDecoder(
      (list) => readRequestHead(list, deps.methods),
      deps.limits.headerListBytes,
    );
    this.#blocks = new HeaderBlocks(deps.limits);
    this.#output = new Output(deps.arenas);
    this.#guard = new FloodGuard(deps.timers, {
      burst: deps.limits.controlFramesBurst,
      perSecond: deps.limits.controlFramesPerSecond,
    });
    this.sender = this.#makeSender();
    this.#listen();
    this.#greet();
  }

  /** Bytes from the socket, the first ones after the preface. */
  receive(chunk: Buffer): void {
    this.#heardSinceCheck = true;
    try {
      this.#reader.push(chunk, (frame) => this.#take(frame));
    } catch (error) {
      this.#onViolation(error);
    }
  }

  /** Writes what this turn has collected, in one system call. */
  flush(): void {
    const filled = this.#output.takeAll();
    const { arenas } = this.#deps;
    if (filled.length > 1) this.#socket.cork();
    for (const { arena, bytes } of filled) {
      if (this.#socket.destroyed) arenas.giveBack(arena);
      else this.#socket.write(bytes, () => arenas.giveBack(arena));
    }
    if (filled.length > 1) this.#socket.uncork();
    if (this.#state === "closed") return;
    // A client that sends without reading is not read from either, until it has caught up.
    if (this.#hasRoom()) this.sender.pump();
    else this.#socket.pause();
  }

  /**
   * Takes no new calls and closes when the unary ones under way are answered. Streams have no end of
   * their own: they are ended now.
   */
  drain(): void {
    if (this.#state !== "open") return;
    this.#state = "draining";
    this.#goaway(windowBytesMax, http2Code.noError, "");
    this.#output.frame(frameType.ping, 0, 0, drainPing);
    this.#wake();
    for (const call of [...this.#calls.values()]) {
      if (call.streaming) call.fail(shuttingDown);
    }
  }

  /** Ends everything at once. */
  destroy(): void {
    this.#close();
    this.#socket.destroy();
  }

  onHandlerStart(): void {
    this.#handlersRunning++;
  }

  onHandlerEnd(): void {
    this.#handlersRunning--;
  }

  onHeld(deltaBytes: number): boolean {
    this.#heldBytes += deltaBytes;
    return deltaBytes < 0 || this.#heldBytes <= this.limits.heldRequestBytes;
  }

  giveCredit(call: CallStream, bytes: number): void {
    call.receiveWindow += bytes;
    this.#output.frame(frameType.windowUpdate, 0, call.id, encodeUint32(bytes));
    this.#wake();
  }

  reset(call: CallStream): void {
    this.#reset(call.id, http2Code.cancel);
  }

  refuseCompression(call: CallStream, status: Status): void {
    if (call.response.opened) {
      call.fail(status);
      return;
    }
    this.#encoder.compressionRefused(this.#output, call.id, status);
    call.response.end();
    this.#onResponseEnded(call.response);
    this.#wake();
  }

  // --- inbound ---

  /** One frame; false when the rest of what was received must not be looked at. */
  #take(frame: Frame): boolean {
    try {
      this.#dispatch(frame);
    } catch (error) {
      this.#onViolation(error);
    }
    return this.#state !== "closed";
  }

  #dispatch(frame: Frame): void {
    const { type, streamId } = frame;
    if (!this.#settingsSeen && type !== frameType.settings) {
      throw protocolError("the first frame must be SETTINGS");
    }
    if (this.#blocks.expecting !== 0 && type !== frameType.continuation) {
      throw protocolError("a frame inside a header block");
    }
    switch (type) {
      case frameType.data:
        this.#onData(frame);
        break;
      case frameType.headers:
        if (streamId % 2 === 0) throw protocolError("HEADERS on a stream no client may open");
        this.#onHeaderPart(this.#blocks.begin(frame), frame);
        break;
      case frameType.continuation:
        this.#onHeaderPart(this.#blocks.continue(frame), frame);
        break;
      case frameType.rstStream:
        this.#onReset(frame);
        break;
      case frameType.settings:
        this.#onSettings(frame);
        break;
      case frameType.ping:
        this.#onPing(frame);
        break;
      case frameType.goaway:
        this.#onGoaway(frame);
        break;
      case frameType.windowUpdate:
        this.#onWindowUpdate(frame);
        break;
      case frameType.priority:
        this.#onPriority(frame);
        break;
      case frameType.pushPromise:
        throw protocolError("PUSH_PROMISE from a client");
      default:
        this.#guard.spend("unknown frames"); // RFC 9113 section 4.1: to be ignored.
    }
  }

  #onData(frame: Frame): void {
    const { streamId, payload, flags } = frame;
    if (streamId === 0) throw protocolError("DATA on stream 0");
    if (streamId > this.#lastStreamId) throw protocolError("DATA on an idle stream");
    const data = withoutPadding(frame);
    const endStream = (flags & frameFlag.endStream) !== 0;
    if (data.length === 0 && !endStream) this.#guard.spend("empty DATA");
    this.#owedBytes += payload.length;
    this.#returnCredit();
    const call = this.#calls.get(streamId);
    if (call === undefined) {
      if (this.#recentResets.has(streamId)) return;
      this.#guard.spend("DATA on closed streams");
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

  /**
   * The window of the connection is given back as soon as half of it is used, so that no client can
   * exceed it; it only bounds what is on the way. What is held is bounded by `heldRequestBytes`: were
   * it bounded by this window, unfinished messages of many streams could block each other for ever.
   */
  #returnCredit(): void {
    if (this.#owedBytes * 2 < this.limits.connectionWindowBytes) return;
    this.#output.frame(frameType.windowUpdate, 0, 0, encodeUint32(this.#owedBytes));
    this.#owedBytes = 0;
    this.#wake();
  }

  #onHeaderPart(block: Buffer | undefined, frame: Frame): void {
    if (block === undefined) return;
    const { streamId, endStream } = this.#blocks.finish();
    const head = this.#decoder.decode(block); // Always, whatever becomes of it: the table must stay in step.
    const call = this.#calls.get(streamId);
    if (call !== undefined) {
      this.#onTrailers(call, head, endStream);
      return;
    }
    if (streamId <= this.#lastStreamId) {
      if (this.#recentResets.has(streamId)) return;
      throw new Http2Error(http2Code.streamClosed, `HEADERS on closed stream ${frame.streamId}`);
    }
    this.#lastStreamId = streamId;
    if (this.#state === "leaving" || this.#isFull()) {
      this.#guard.spend("calls beyond the limit");
      throw new Http2Error(http2Code.refusedStream, "no more calls", streamId);
    }
    this.#onRequest(streamId, head, endStream);
  }

  #isFull(): boolean {
    const { concurrentStreams } = this.limits;
    return this.#calls.size >= concurrentStreams || this.#handlersRunning >= concurrentStreams;
  }

  #onRequest(streamId: number, head: RequestHead, endStream: boolean): void {
    switch (head.kind) {
      case "call": {
        const windows = { send: this.#sendWindowInitial, receive: this.#receiveWindowInitial };
        const call = new CallStream(streamId, head, this, windows);
        this.#calls.set(streamId, call);
        this.#startDeadline(call, head.timeoutMs);
        call.open();
        if (endStream) call.receiveEnd();
        return;
      }
      case "malformed":
        throw new Http2Error(http2Code.protocolError, head.reason, streamId);
      case "refused":
        this.#encoder.trailersOnly(this.#output, streamId, head.status);
        break;
      case "http":
        this.#encoder.http(this.#output, streamId, head.httpStatus);
        break;
    }
    if (!endStream) this.#reset(streamId, http2Code.noError);
    this.#wake();
  }

  #startDeadline(call: CallStream, timeoutMs: number | undefined): void {
    if (timeoutMs === undefined) return;
    call.cancelDeadline = this.#deps.timers.after(timeoutMs, () => call.fail(deadlineExceeded));
  }

  /** Trailers of a request carry nothing for gRPC; they only end it. */
  #onTrailers(call: CallStream, head: RequestHead, endStream: boolean): void {
    if (call.remoteClosed) {
      throw new Http2Error(http2Code.streamClosed, "HEADERS after END_STREAM", call.id);
    }
    // A list without pseudo-headers is never a request; one that is a request is no trailers.
    if (!endStream || head.kind !== "malformed") {
      throw new Http2Error(http2Code.protocolError, "HEADERS in the middle of a call", call.id);
    }
    call.receiveEnd();
  }

  #onReset(frame: Frame): void {
    const { streamId, payload } = frame;
    if (streamId === 0) throw protocolError("RST_STREAM on stream 0");
    if (payload.length !== 4) throw frameSizeError("RST_STREAM");
    if (streamId > this.#lastStreamId) throw protocolError("RST_STREAM on an idle stream");
    this.#guard.spend("RST_STREAM");
    this.#forget(streamId);
  }

  #onSettings(frame: Frame): void {
    const { streamId, payload, flags } = frame;
    if (streamId !== 0) throw protocolError("SETTINGS on a stream");
    if ((flags & frameFlag.ack) !== 0) {
      if (payload.length > 0) throw frameSizeError("SETTINGS acknowledgement");
      this.#onSettingsAcknowledged();
      return;
    }
    this.#guard.spend("SETTINGS");
    for (const [id, value] of readSettings(payload)) this.#applySetting(id, value);
    this.#output.frame(frameType.settings, frameFlag.ack, 0, Buffer.alloc(0));
    this.#wake();
    if (this.#settingsSeen) return;
    this.#settingsSeen = true;
    this.#cancelTimer();
    this.#watchIdle();
  }

  #applySetting(id: number, value: number): void {
    if (id === settingId.headerTableSize) this.#encoder.limitTable(value);
    if (id !== settingId.initialWindowSize) return;
    const delta = value - this.#sendWindowInitial;
    this.#sendWindowInitial = value;
    for (const call of this.#calls.values()) {
      if (!this.sender.widenStream(call.response, delta)) {
        throw new Http2Error(http2Code.flowControlError, "stream window overflow");
      }
    }
  }

  /** Only now does the client know how much it may send on a stream; until then it was the default. */
  #onSettingsAcknowledged(): void {
    if (this.#settingsAcknowledged) return;
    this.#settingsAcknowledged = true;
    const delta = this.limits.streamWindowBytes - this.#receiveWindowInitial;
    this.#receiveWindowInitial += delta;
    for (const call of this.#calls.values()) call.receiveWindow += delta;
  }

  #onPing(frame: Frame): void {
    const { streamId, payload, flags } = frame;
    if (streamId !== 0) throw protocolError("PING on a stream");
    if (payload.length !== 8) throw frameSizeError("PING");
    if ((flags & frameFlag.ack) === 0) {
      this.#guard.spend("PING");
      this.#output.frame(frameType.ping, frameFlag.ack, 0, payload);
      this.#wake();
    } else if (this.#state === "draining" && payload.equals(drainPing)) {
      this.#state = "leaving";
      this.#goaway(this.#lastStreamId, http2Code.noError, "");
      this.#closeWhenIdle();
    }
  }

  /** The client opens no more streams; it closes the connection itself when it is done. */
  #onGoaway(frame: Frame): void {
    if (frame.streamId !== 0) throw protocolError("GOAWAY on a stream");
    if (frame.payload.length < 8) throw frameSizeError("GOAWAY");
    this.#guard.spend("GOAWAY");
  }

  #onWindowUpdate(frame: Frame): void {
    const { streamId, payload } = frame;
    if (payload.length !== 4) throw frameSizeError("WINDOW_UPDATE");
    if (streamId > this.#lastStreamId) throw protocolError("WINDOW_UPDATE on an idle stream");
    const increment = payload.readUInt32BE(0) & 0x7fff_ffff;
    if (increment === 0) {
      throw new Http2Error(http2Code.protocolError, "WINDOW_UPDATE by nothing", streamId);
    }
    this.#guard.spend("WINDOW_UPDATE");
    const call = this.#calls.get(streamId);
    const fits =
      streamId === 0
        ? this.sender.widen(increment)
        : call === undefined || this.sender.widenStream(call.response, increment);
    if (!fits) throw new Http2Error(http2Code.flowControlError, "window overflow", streamId);
  }

  #onPriority(frame: Frame): void {
    const { streamId, payload } = frame;
    if (streamId === 0) throw protocolError("PRIORITY on stream 0");
    if (payload.length !== 5) {
      throw new Http2Error(http2Code.frameSizeError, "PRIORITY of a wrong size", streamId);
    }
    this.#guard.spend("PRIORITY"); // RFC 9113 section 5.3.2: deprecated; to be ignored.
  }

  #onViolation(error: unknown): void {
    if (!(error instanceof Http2Error)) throw error;
    if (error.streamId === 0) this.#abandon(error);
    else this.#reset(error.streamId, error.code);
  }

  // --- outbound and life cycle ---

  #makeSender(): Sender {
    const deps = {
      output: this.#output,
      encoder: this.#encoder,
      guard: this.#guard,
      hasRoom: () => this.#hasRoom(),
      wake: () => this.#wake(),
      onEnded: (response: ResponseStream) => this.#onResponseEnded(response),
    };
    return new Sender(deps, { outboxBytesMax: this.limits.streamOutboxBytes });
  }

  #listen(): void {
    const socket = this.#socket;
    socket.on("data", (chunk: Buffer) => this.receive(chunk));
    socket.on("drain", () => {
      socket.resume();
      if (this.#state !== "closed") this.sender.pump();
    });
    socket.on("error", () => socket.destroy()); // The peer went away: "close" follows.
    socket.on("close", () => this.#close());
  }

  #greet(): void {
    const { limits } = this;
    const settings = encodeSettings([
      [settingId.maxConcurrentStreams, limits.concurrentStreams],
      [settingId.initialWindowSize, limits.streamWindowBytes],
      [settingId.maxHeaderListSize, limits.headerListBytes],
    ]);
    this.#output.frame(frameType.settings, 0, 0, settings);
    const more = limits.connectionWindowBytes - defaultWindowBytes;
    if (more > 0) {
      this.#output.frame(frameType.windowUpdate, 0, 0, encodeUint32(more));
    }
    this.#wake();
  }

  #hasRoom(): boolean {
    return this.#output.size + this.#socket.writableLength < this.limits.socketBacklogBytes;
  }

  #wake(): void {
    this.#deps.wake(this);
  }

  #onResponseEnded(response: ResponseStream): void {
    const call = this.#calls.get(response.id);
    if (call === undefined) return;
    call.end();
    if (call.remoteClosed) {
      this.#calls.delete(response.id);
      this.#closeWhenIdle();
    } else {
      this.#reset(response.id, http2Code.noError); // RFC 9113 section 8.1: the rest is of no interest.
    }
  }

  #reset(streamId: number, code: number): void {
    this.#output.frame(frameType.rstStream, 0, streamId, encodeUint32(code));
    this.#recentResets.add(streamId);
    if (this.#recentResets.size > recentResetsMax) {
      for (const oldest of this.#recentResets) {
        this.#recentResets.delete(oldest);
        break;
      }
    }
    this.#wake();
    this.#forget(streamId);
  }

  #forget(streamId: number): void {
    const call = this.#calls.get(streamId);
    if (call === undefined) return;
    this.#calls.delete(streamId);
    this.sender.drop(call.response);
    call.end();
    this.#closeWhenIdle();
  }

  #closeWhenIdle(): void {
    if (this.#state === "leaving" && this.#calls.size === 0) this.#end();
  }

  /** The peer broke the protocol: says so, and ends the connection. */
  #abandon(error: Http2Error): void {
    if (this.#state === "closed") return;
    this.logger.debug("connection abandoned", { peer: this.peer, reason: error.message });
    this.#goaway(this.#lastStreamId, error.code, error.message);
    this.#end();
  }

  #goaway(lastStreamId: number, code: number, reason: string): void {
    this.#output.frame(frameType.goaway, 0, 0, encodeGoaway(lastStreamId, code, reason));
    this.#wake();
  }

  /** Writes what is left and closes; the peer gets a moment to take it. */
  #end(): void {
    if (this.#state === "closed") return;
    this.#close();
    this.flush();
    this.#socket.end();
    const cancel = this.#deps.timers.after(this.limits.answerMs, () => this.#socket.destroy());
    this.#socket.once("close", cancel);
    this.#socket.resume();
  }

  #close(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#cancelTimer();
    for (const call of this.#calls.values()) {
      this.sender.drop(call.response);
      call.end();
    }
    this.#calls.clear();
    this.#deps.onClosed(this);
  }

  #watchIdle(): void {
    if (this.#state === "closed") return;
    this.#heardSinceCheck = false;
    this.#cancelTimer = this.#deps.timers.after(this.limits.idleMs, () => {
      if (this.#heardSinceCheck) this.#watchIdle();
      else this.#askIdle();
    });
  }

  #askIdle(): void {
    this.#output.frame(frameType.ping, 0, 0, idlePing);
    this.#wake();
    this.#cancelTimer = this.#deps.timers.after(this.limits.answerMs, () => {
      if (this.#heardSinceCheck) this.#watchIdle();
      else this.destroy();
    });
  }
}

const shuttingDown: Status = {
  code: statusCode.unavailable,
  message: "the server is shutting down",
};
const deadlineExceeded: Status = {
  code: statusCode.deadlineExceeded,
  message: "context deadline exceeded",
};

function frameSizeError(what: string): Http2Error {
  return new Http2Error(http2Code.frameSizeError, `${what} of a wrong size`);
}
