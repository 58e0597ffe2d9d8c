/**
 * One HTTP/2 connection: takes frames, answers what the protocol itself asks, and comes to an end.
 *
 * Source: RFC 9113 sections 3.4, 5.4, 6.5, 6.7 and 6.8; what belongs to a stream is in streams.ts.
 * Every violation of the peer ends in GOAWAY or RST_STREAM, never in an exception; the connection
 * owns its socket from the preface on.
 */
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Logger } from "@flotilla/base";
import type { HttpHandler, Method } from "./call.ts";
import { ControlWriter } from "./control-writer.ts";
import { FloodGuard } from "./flood-guard.ts";
import {
  type Frame,
  FrameReader,
  frameFlag,
  frameType,
  settingId,
  windowBytesMax,
} from "./frame.ts";
import { checkFrame } from "./frame-rules.ts";
import { Http2Error, http2Code, protocolError } from "./http2-error.ts";
import type { GrpcLimits } from "./limits.ts";
import { type ArenaPool, Output } from "./output.ts";
import { PingGuard } from "./ping-guard.ts";
import { ResponseHeadEncoder } from "./response-head.ts";
import { readSettings } from "./settings.ts";
import { SilenceWatch } from "./silence-watch.ts";
import { SocketWriter } from "./socket-writer.ts";
import { type Status, statusCode } from "./status.ts";
import { Streams } from "./streams.ts";
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

/** What comes with one socket. */
export interface ConnectionOrigin {
  readonly clientName: string | undefined;
  readonly onHttp: HttpHandler | undefined;
  /** Prevents the time-out that runs since the socket was accepted. */
  cancelPreface(): void;
}

/** Serves one client. */
export class Connection {
  readonly #socket: Duplex;
  readonly #deps: ConnectionDeps;
  readonly #peer: string;
  readonly #reader = new FrameReader();
  readonly #encoder = new ResponseHeadEncoder();
  readonly #guard: FloodGuard;
  readonly #pings: PingGuard;
  readonly #control: ControlWriter;
  readonly #writer: SocketWriter;
  readonly #streams: Streams;
  readonly #origin: ConnectionOrigin;
  readonly #silence: SilenceWatch;
  #settingsSeen = false;
  /** Received since the last flush. */
  #turnBytes = 0;
  /** open: serves. draining: GOAWAY sent, still takes calls that were on their way. leaving: takes no more. */
  #state: "open" | "draining" | "leaving" | "closed" = "open";

  constructor(socket: Duplex, deps: ConnectionDeps, origin: ConnectionOrigin) {
    const { limits, timers, arenas } = deps;
    this.#socket = socket;
    this.#deps = deps;
    this.#origin = origin;
    this.#peer = peerOf(socket);
    this.#silence = new SilenceWatch(timers, {
      idleMs: limits.idleMs,
      answerMs: limits.answerMs,
      ask: () => this.#control.ping(idlePing),
      onSilent: () => this.destroy(),
    });
    const output = new Output(arenas);
    this.#control = new ControlWriter(output, () => this.#wake());
    this.#writer = new SocketWriter(
      socket,
      { output, arenas },
      { backlogBytesMax: limits.socketBacklogBytes },
    );
    this.#guard = new FloodGuard(timers, {
      burst: limits.controlFramesBurst,
      perSecond: limits.controlFramesPerSecond,
    });
    this.#pings = new PingGuard(timers, {
      intervalMsMin: limits.pingIntervalMsMin,
      withoutCalls: limits.pingsWithoutCalls,
    });
    this.#streams = this.#makeStreams(output);
    this.#listen();
    this.#control.greet(limits);
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
    this.#turnBytes += chunk.length;
    if (this.#turnBytes < this.#deps.limits.turnBytes) return;
    // The system may hand out megabytes of one socket in a row: the others come first now.
    this.#socket.pause();
    this.#wake();
  }

  /** Writes what this turn has collected, in one system call. */
  flush(): void {
    this.#writer.flush();
    if (this.#state === "closed") return;
    const wasPaused = this.#turnBytes >= this.#deps.limits.turnBytes;
    this.#turnBytes = 0;
    // A client that sends without reading is not read from either, until it has caught up.
    if (!this.#writer.hasRoom) this.#socket.pause();
    else {
      if (wasPaused) this.#socket.resume();
      this.#streams.sender.pump();
    }
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
    this.#streams.drain(shuttingDown);
  }

  /** Ends everything at once. */
  destroy(): void {
    this.#close();
    this.#socket.destroy();
  }

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
    if (this.#streams.expecting !== 0 && type !== frameType.continuation) {
      throw protocolError("a frame inside a header block");
    }
    switch (type) {
      case frameType.data:
        this.#streams.onData(frame);
        break;
      case frameType.headers:
        this.#streams.onHeaders(frame);
        break;
      case frameType.continuation:
        this.#streams.onContinuation(frame);
        break;
      case frameType.rstStream:
        this.#streams.onReset(frame);
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
        this.#streams.onWindowUpdate(frame);
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

  #onSettings({ payload, flags }: Frame): void {
    if ((flags & frameFlag.ack) !== 0) {
      this.#streams.onSettingsAcknowledged();
      return;
    }
    this.#guard.spend("SETTINGS");
    for (const [id, value] of readSettings(payload)) {
      if (id === settingId.headerTableSize) this.#encoder.limitTable(value);
      else if (id === settingId.initialWindowSize) this.#streams.onInitialWindow(value);
    }
    this.#control.acknowledgeSettings();
    if (this.#settingsSeen) return;
    this.#settingsSeen = true;
    this.#origin.cancelPreface();
    this.#silence.start();
  }

  #onPing({ payload, flags }: Frame): void {
    if ((flags & frameFlag.ack) === 0) {
      this.#guard.spend("PING");
      this.#control.answerPing(payload);
      const hasCalls = this.#streams.count > 0;
      this.#pings.take({ hasCalls, responseFrames: this.#guard.earned });
    } else if (this.#state === "draining" && payload.equals(drainPing)) {
      this.#state = "leaving";
      this.#streams.isLeaving = true;
      this.#control.goaway(this.#streams.lastStreamId, http2Code.noError);
      this.#closeWhenIdle();
    }
  }

  #onViolation(error: unknown): void {
    if (!(error instanceof Http2Error)) throw error;
    if (error.streamId === 0) this.#abandon(error);
    else if (this.#guard.take()) this.#streams.resetStream(error.streamId, error.code);
    else this.#abandon(new Http2Error(http2Code.enhanceYourCalm, "too many stream errors"));
  }

  #makeStreams(output: Output): Streams {
    const { methods, limits, logger, timers } = this.#deps;
    const overflow = new Http2Error(http2Code.enhanceYourCalm, "too many responses held");
    return new Streams({
      methods,
      limits,
      logger,
      timers,
      peer: this.#peer,
      clientName: this.#origin.clientName,
      onHttp: this.#origin.onHttp,
      output,
      encoder: this.#encoder,
      control: this.#control,
      guard: this.#guard,
      hasRoom: () => this.#writer.hasRoom,
      wake: () => this.#wake(),
      onOverflow: () => this.#abandon(overflow),
      onIdle: () => this.#closeWhenIdle(),
    });
  }

  #listen(): void {
    const socket = this.#socket;
    socket.on("data", (chunk: Buffer) => this.receive(chunk));
    socket.on("drain", () => {
      socket.resume();
      if (this.#state !== "closed") this.#streams.sender.pump();
    });
    socket.on("error", () => socket.destroy()); // The peer went away: "close" follows.
    socket.on("close", () => this.#close());
  }

  #wake(): void {
    this.#deps.wake(this);
  }

  #closeWhenIdle(): void {
    if (this.#state === "leaving" && this.#streams.count === 0) this.#end();
  }

  /** The peer broke the protocol: says so, and ends the connection. */
  #abandon(error: Http2Error): void {
    if (this.#state === "closed") return;
    this.#deps.logger.debug("connection abandoned", { peer: this.#peer, reason: error.message });
    this.#control.goaway(this.#streams.lastStreamId, error.code, error.message);
    this.#end();
  }

  /** Writes what is left and closes; the peer gets a moment to take it. */
  #end(): void {
    if (this.#state === "closed") return;
    this.#close();
    this.flush();
    this.#socket.end();
    const cancel = this.#deps.timers.after(this.#deps.limits.answerMs, () =>
      this.#socket.destroy(),
    );
    this.#socket.once("close", cancel);
    this.#socket.resume();
  }

  #close(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#origin.cancelPreface();
    this.#silence.stop();
    this.#streams.close();
    this.#deps.onClosed(this);
  }
}

/** `address:port`, where the socket has them. */
function peerOf(socket: Duplex): string {
  const { remoteAddress, remotePort } = socket as Partial<Socket>;
  return `${remoteAddress ?? "unknown"}:${remotePort ?? 0}`;
}

const shuttingDown: Status = {
  code: statusCode.unavailable,
  message: "the server is shutting down",
};
