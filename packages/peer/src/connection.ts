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

/** A moment of the sender's own clock. */
const pingBytes = 8;

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
  /** Told how long a ping took to come back; undefined when nobody wants to know. */
  #onRoundTrip: ((seconds: number) => void) | undefined;
  #isPatient = false;
  #stopPing: () => void;
  #closed = false;

  /** Takes over a connected socket. Short frames only, until {@link trust}. */
  constructor(socket: Socket, timers: Timers, handlers: ConnectionHandlers) {
    this.#socket = socket;
    this.#timers = timers;
    this.#handlers = handlers;
    this.#reader = new FrameReader(helloBytesMax, (kind, body) => this.#deliver(kind, body));
    this.#stopPing = timers.after(pingMs, () => this.#ping());
    socket.setNoDelay(true);
    socket.on("data", ({ buffer, byteOffset, length }: Uint8Array) => {
      this.#read(new Uint8Array(buffer, byteOffset, length)); // A Buffer's `slice` would not copy.
    });
    socket.on("error", (error) => this.close(error.message));
    socket.on("close", () => this.close("the other side closed it"));
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** The other side has said who it is: longer frames are read from now on, and given to `handlers`. */
  trust(handlers: ConnectionHandlers, bytesMax: number = frameBytesMax): void {
    this.#handlers = handlers;
    this.#reader.bytesMax = bytesMax;
  }

  /** Tells how long a frame takes there and back, with each ping from now on. */
  measure(onRoundTrip: (seconds: number) => void): void {
    this.#onRoundTrip = onRoundTrip;
  }

  /** From now on frames wait for those of the whole turn, not only of the callback that they come from. */
  bePatient(): void {
    this.#isPatient = true;
  }

  /**
   * Queues a frame; it leaves with the others of this turn. False when it was not sent, because more
   * than `waitingBytesMax` would wait for the system to take them.
   */
  send(kind: number, body: Uint8Array, waitingBytesMax: number = sendBufferBytesMax): boolean {
    const waitingBytes = this.#queuedBytes + this.#socket.writableLength;
    if (this.#closed || waitingBytes + body.length > waitingBytesMax) return false;
    if (this.#queue.length === 0) {
      if (this.#isPatient) setImmediate(() => this.#flush());
      else queueMicrotask(() => this.#flush());
    }
    this.#queue.push(frameHead(kind, body), body);
    this.#queuedBytes += frameHeadBytes + body.length;
    return true;
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
    if (this.#closed) return;
    if (kind === frameKind.ping) {
      if (body.length === pingBytes) this.send(frameKind.echo, body);
    } else if (kind === frameKind.echo) this.#onEcho(body);
    else this.#handlers.onFrame(kind, body);
  }

  #onEcho(body: Uint8Array): void {
    if (body.length !== pingBytes) return;
    const view = new DataView(body.buffer, body.byteOffset, pingBytes);
    const seconds = (performance.now() - view.getFloat64(0)) / 1000;
    if (seconds >= 0) this.#onRoundTrip?.(seconds); // It is what the other side says.
  }

  #flush(): void {
    if (this.#closed || this.#queue.length === 0) return;
    const bytes = concatBytes(this.#queue);
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#sentSincePing = true;
    this.#socket.write(bytes);
  }

  #ping(): void {
    this.#silentPings++;
    if (this.#silentPings > silentPingsMax) {
      this.close("the other side is silent");
      return;
    }
    if (this.#onRoundTrip !== undefined) this.send(frameKind.ping, timedBody());
    else if (!this.#sentSincePing) this.send(frameKind.ping, emptyBytes);
    this.#sentSincePing = false;
    this.#stopPing = this.#timers.after(pingMs, () => this.#ping());
  }
}

function timedBody(): Uint8Array {
  const body = new Uint8Array(pingBytes);
  new DataView(body.buffer).setFloat64(0, performance.now());
  return body;
}
