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
import { CallTable } from "./call-table.ts";
import { ControlWriter } from "./control-writer.ts";
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
import { checkFrame } from "./frame-rules.ts";
import { HeaderBlocks } from "./header-blocks.ts";
import { HpackDecoder } from "./hpack-decoder.ts";
import { Http2Error, http2Code, protocolError } from "./http2-error.ts";
import type { GrpcLimits } from "./limits.ts";
import { type ArenaPool, Output } from "./output.ts";
import { type RequestHead, readRequestHead } from "./request-head.ts";
import { ResponseHeadEncoder } from "./response-head.ts";
import type { ResponseStream } from "./response-stream.ts";
import { Sender } from "./sender.ts";
import { readSettings } from "./settings.ts";
import { SilenceWatch } from "./silence-watch.ts";
import { SocketWriter } from "./socket-writer.ts";
import { type Status, statusCode } from "./status.ts";
import type { Timers } from "./timers.ts";

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
  readonly #control: ControlWriter;
  readonly #writer: SocketWriter;
  readonly #calls: CallTable;
  #heldBytes = 0;
  #owedBytes = 0;
  /** What new streams start with, in each direction. */
  #sendWindowInitial = defaultWindowBytes;
  #receiveWindowInitial: number;
  #settingsSeen = false;
  #settingsAcknowledged = false;
  /** open: serves. draining: GOAWAY sent, still takes calls that were on their way. leaving: takes no more. */
  #state: "open" | "draining" | "leaving" | "closed" = "open";
  readonly #cancelPreface: () => void;
  readonly #silence: SilenceWatch;

  /** `cancelPreface` prevents the time-out that runs since the socket was accepted. */
  constructor(socket: Socket, deps: ConnectionDeps, cancelPreface: () => void) {
    this.#socket = socket;
    this.#deps = deps;
    this.limits = deps.limits;
    this.logger = deps.logger;
    this.peer = `${socket.remoteAddress ?? "unknown"}:${socket.remotePort ?? 0}`;
    this.#cancelPreface = cancelPreface;
    this.#silence = new SilenceWatch(deps.timers, {
      idleMs: deps.limits.idleMs,
      answerMs: deps.limits.answerMs,
      ask: () => this.#control.ping(idlePing),
      onSilent: () => this.destroy(),
    });
    this.#receiveWindowInitial = Math.max(defaultWindowBytes, deps.limits.streamWindowBytes);
    this.#decoder = new HpackDecoder(
      (list) => readRequestHead(list, deps.methods),
      deps.limits.headerListBytes,
    );
    this.#blocks = new HeaderBlocks(deps.limits);
    this.#calls = new CallTable(deps.limits.concurrentStreams);
    this.#output = new Output(deps.arenas);
    this.#control = new ControlWriter(this.#output, () => this.#wake());
    this.#writer = new SocketWriter(
      socket,
      { output: this.#output, arenas: deps.arenas },
      { backlogBytesMax: deps.limits.socketBacklogBytes },
    );
    this.#guard = new FloodGuard(deps.timers, {
      burst: deps.limits.controlFramesBurst,
      perSecond: deps.limits.controlFramesPerSecond,
    });
    this.sender = this.#makeSender();
    this.#listen();
    this.#control.greet(deps.limits);
  }

  /** Bytes from the socket, the first ones after the preface. */
  receive(chunk: Buffer): void {
    if (this.#state === "closed") return;
    this.#silence.hear();
    try {
      this.#reader.push(chunk, (frame) => this.#take(frame));
    } catch (error) {
      this.#onViolation(error);
    }
  }

  /** Writes what this turn has collected, in one system call. */
  flush(): void {
    this.#writer.flush();
    if (this.#state === "closed") return;
    // A client that sends without reading is not read from either, until it has caught up.
    if (this.#writer.hasRoom) this.sender.pump();
    else this.#socket.pause();
  }

  /**
   * Takes no new calls and closes when the unary ones under way are answered. Streams have no end of
   * their own: they are ended now.
   */
  drain(): void {
    if (this.#state !== "open") return;
    this.#state = "draining";
    this.#control.goaway(windowBytesMax, http2Code.noError);
    this.#control.ping(drainPing);
    for (const call of this.#calls.all()) {
      if (call.streaming) call.fail(shuttingDown);
    }
  }

  /** Ends everything at once. */
  destroy(): void {
    this.#close();
    this.#socket.destroy();
  }

  onHandlerStart(): void {
    this.#calls.handlersRunning++;
  }

  onHandlerEnd(): void {
    this.#calls.handlersRunning--;
  }

  onHeld(deltaBytes: number): boolean {
    this.#heldBytes += deltaBytes;
    return deltaBytes < 0 || this.#heldBytes <= this.limits.heldRequestBytes;
  }

  giveCredit(call: CallStream, bytes: number): void {
    call.receiveWindow += bytes;
    this.#control.credit(call.id, bytes);
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
    const { type } = frame;
    checkFrame(frame);
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
      case frameType.goaway: // It opens no more streams, and closes the connection itself when it is done.
        this.#guard.spend("GOAWAY");
        break;
      case frameType.windowUpdate:
        this.#onWindowUpdate(frame);
        break;
      case frameType.priority: // RFC 9113 section 5.3.2: deprecated; to be ignored.
        this.#guard.spend("PRIORITY");
        break;
      case frameType.pushPromise:
        throw protocolError("PUSH_PROMISE from a client");
      default:
        this.#guard.spend("unknown frames"); // RFC 9113 section 4.1: to be ignored.
    }
  }

  #onData(frame: Frame): void {
    const { streamId, payload, flags } = frame;
    if (streamId > this.#calls.lastStreamId) throw protocolError("DATA on an idle stream");
    const data = withoutPadding(frame);
    const endStream = (flags & frameFlag.endStream) !== 0;
    if (data.length === 0 && !endStream) this.#guard.spend("empty DATA");
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

  /**
   * The window of the connection is given back as soon as half of it is used, so that no client can
   * exceed it; it only bounds what is on the way. What is held is bounded by `heldRequestBytes`: were
   * it bounded by this window, unfinished messages of many streams could block each other for ever.
   */
  #returnCredit(): void {
    if (this.#owedBytes * 2 < this.limits.connectionWindowBytes) return;
    this.#control.credit(0, this.#owedBytes);
    this.#owedBytes = 0;
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
    if (streamId <= this.#calls.lastStreamId) {
      if (this.#calls.wasReset(streamId)) return;
      throw new Http2Error(http2Code.streamClosed, `HEADERS on closed stream ${frame.streamId}`);
    }
    this.#calls.lastStreamId = streamId;
    if (this.#state === "leaving" || this.#calls.isFull) {
      throw new Http2Error(http2Code.refusedStream, "no more calls", streamId);
    }
    this.#onRequest(streamId, head, endStream);
  }

  #onRequest(streamId: number, head: RequestHead, endStream: boolean): void {
    switch (head.kind) {
      case "call": {
        const windows = { send: this.#sendWindowInitial, receive: this.#receiveWindowInitial };
        const call = new CallStream(streamId, head, this, windows);
        this.#calls.add(call);
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

  #onReset({ streamId }: Frame): void {
    if (streamId > this.#calls.lastStreamId) throw protocolError("RST_STREAM on an idle stream");
    this.#guard.spend("RST_STREAM");
    this.#forget(streamId);
  }

  #onSettings({ payload, flags }: Frame): void {
    if ((flags & frameFlag.ack) !== 0) {
      this.#onSettingsAcknowledged();
      return;
    }
    this.#guard.spend("SETTINGS");
    for (const [id, value] of readSettings(payload)) this.#applySetting(id, value);
    this.#control.acknowledgeSettings();
    if (this.#settingsSeen) return;
    this.#settingsSeen = true;
    this.#cancelPreface();
    this.#silence.start();
  }

  #applySetting(id: number, value: number): void {
    if (id === settingId.headerTableSize) this.#encoder.limitTable(value);
    if (id !== settingId.initialWindowSize) return;
    const delta = value - this.#sendWindowInitial;
    this.#sendWindowInitial = value;
    for (const call of this.#calls.all()) {
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
    for (const call of this.#calls.all()) call.receiveWindow += delta;
  }

  #onPing({ payload, flags }: Frame): void {
    if ((flags & frameFlag.ack) === 0) {
      this.#guard.spend("PING");
      this.#control.answerPing(payload);
    } else if (this.#state === "draining" && payload.equals(drainPing)) {
      this.#state = "leaving";
      this.#control.goaway(this.#calls.lastStreamId, http2Code.noError);
      this.#closeWhenIdle();
    }
  }

  #onWindowUpdate({ streamId, payload }: Frame): void {
    if (streamId > this.#calls.lastStreamId) throw protocolError("WINDOW_UPDATE on an idle stream");
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

  #onViolation(error: unknown): void {
    if (!(error instanceof Http2Error)) throw error;
    if (error.streamId === 0) this.#abandon(error);
    else if (this.#guard.take()) this.#reset(error.streamId, error.code);
    else this.#abandon(new Http2Error(http2Code.enhanceYourCalm, "too many stream errors"));
  }

  // --- outbound and life cycle ---

  #makeSender(): Sender {
    const deps = {
      output: this.#output,
      encoder: this.#encoder,
      guard: this.#guard,
      hasRoom: () => this.#writer.hasRoom,
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

  #wake(): void {
    this.#deps.wake(this);
  }

  #onResponseEnded(response: ResponseStream): void {
    const call = this.#calls.get(response.id);
    if (call === undefined) return;
    call.end();
    if (call.remoteClosed) {
      this.#calls.remove(response.id);
      this.#closeWhenIdle();
    } else {
      this.#reset(response.id, http2Code.noError); // RFC 9113 section 8.1: the rest is of no interest.
    }
  }

  #reset(streamId: number, code: number): void {
    this.#control.reset(streamId, code);
    this.#calls.rememberReset(streamId);
    this.#forget(streamId);
  }

  #forget(streamId: number): void {
    const call = this.#calls.remove(streamId);
    if (call === undefined) return;
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
    this.#control.goaway(this.#calls.lastStreamId, error.code, error.message);
    this.#end();
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
    this.#cancelPreface();
    this.#silence.stop();
    for (const call of this.#calls.all()) {
      this.sender.drop(call.response);
      call.end();
    }
    this.#calls.clear();
    this.#deps.onClosed(this);
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
