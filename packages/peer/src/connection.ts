/**
 * One connection: frames in and out, one write per turn, and a watch over the other side.
 *
 * Each side sends at least one frame per {@link pingMs}; {@link silentPingsMax} intervals without a
 * byte mean that the other side is gone, although TCP has not noticed. Intervals are counted, not
 * measured, so that a process that was stopped for long does not blame its peers.
 */
import type { Socket } from "node:net";
import { concatBytes, emptyBytes, type Timers } from "@flotilla/base";
import { PeerError } from "./errors.ts";
import { FrameReader, frameHead, frameHeadBytes, frameKind } from "./frames.ts";
import {
  frameBytesMax,
  helloBytesMax,
  pingMs,
  sendBufferBytesMax,
  silentPingsMax,
} from "./limits.ts";

/** Told once each; `onFrame` never after `onClosed`. */
export interface ConnectionHandlers {
  onFrame(kind: number, body: Uint8Array): void;
  onClosed(reason: string): void;
}

export class Connection {
  readonly #socket: Socket;
  readonly #timers: Timers;
  readonly #reader: FrameReader;
  #handlers: ConnectionHandlers;
  #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  #silentPings = 0;
  #sentSincePing = false;
  #stopPing: () => void;
  #closed = false;
  #paused = false;
  #waitingForDrain: (() => void)[] = [];

  /** Takes over a connected socket. Short frames only, until {@link trust}. */
  constructor(socket: Socket, timers: Timers, handlers: ConnectionHandlers) {
    this.#socket = socket;
    this.#timers = timers;
    this.#handlers = handlers;
    this.#reader = new FrameReader(helloBytesMax, (kind, body) => this.#deliver(kind, body));
    this.#stopPing = timers.after(pingMs, () => this.#ping());
    socket.setNoDelay(true);
    socket.on("data", (bytes: Uint8Array) => this.#read(bytes));
    socket.on("drain", () => this.#drained());
    socket.on("error", (error) => this.close(error.message));
    socket.on("close", () => this.close("the other side closed it"));
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Bytes given to {@link send} that the system has not taken yet. */
  get bufferedBytes(): number {
    return this.#queuedBytes + this.#socket.writableLength;
  }

  /** The other side has said who it is: long frames are read from now on, and given to `handlers`. */
  trust(handlers: ConnectionHandlers): void {
    this.#handlers = handlers;
    this.#reader.bytesMax = frameBytesMax;
  }

  /** Queues a frame; it leaves with the others of this turn. False when too much waits: not sent. */
  send(kind: number, body: Uint8Array): boolean {
    if (this.#closed || this.bufferedBytes + body.length > sendBufferBytesMax) return false;
    if (this.#queue.length === 0) queueMicrotask(() => this.#flush());
    this.#queue.push(frameHead(kind, body), body);
    this.#queuedBytes += frameHeadBytes + body.length;
    return true;
  }

  /** Resolves once at most `bytes` (64 KiB or more) wait to be sent, or the connection is closed. */
  async drained(bytes: number): Promise<void> {
    while (!this.#closed && this.bufferedBytes > bytes) {
      await new Promise<void>((resolve) => this.#waitingForDrain.push(resolve));
    }
  }

  /** Stops reading, and with it, in time, the sender. Silence is not held against it meanwhile. */
  pause(): void {
    this.#paused = true;
    this.#socket.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#silentPings = 0;
    this.#socket.resume();
  }

  /** Sends what is queued, then closes. */
  finish(): void {
    this.#flush();
    this.#socket.end(() => this.close("finished"));
  }

  close(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#stopPing();
    this.#socket.destroy();
    this.#drained();
    this.#handlers.onClosed(reason);
  }

  #read(bytes: Uint8Array): void {
    this.#silentPings = 0;
    try {
      this.#reader.push(bytes);
    } catch (error) {
      if (!(error instanceof PeerError)) throw error;
      this.close(error.message);
    }
  }

  #deliver(kind: number, body: Uint8Array): void {
    if (!this.#closed && kind !== frameKind.ping) this.#handlers.onFrame(kind, body);
  }

  #flush(): void {
    if (this.#closed || this.#queue.length === 0) return;
    const bytes = concatBytes(this.#queue);
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#sentSincePing = true;
    this.#socket.write(bytes);
  }

  #drained(): void {
    const waiting = this.#waitingForDrain;
    this.#waitingForDrain = [];
    for (const resolve of waiting) resolve();
  }

  #ping(): void {
    if (!this.#paused) this.#silentPings++;
    if (this.#silentPings > silentPingsMax) {
      this.close("the other side is silent");
      return;
    }
    if (!this.#sentSincePing) this.send(frameKind.ping, emptyBytes);
    this.#sentSincePing = false;
    this.#stopPing = this.#timers.after(pingMs, () => this.#ping());
  }
}
