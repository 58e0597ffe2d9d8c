/**
 * Everything of a connection that flow control governs: response messages and what follows them.
 *
 * A response that fits goes straight into the output. What does not fit waits in the outbox of its
 * stream, and streams with something to send take turns, one frame each (RFC 9113 section 5.2).
 */

import { assert, emptyBytes } from "@flotilla/base";
import type { FloodGuard } from "./flood-guard.ts";
import {
  defaultWindowBytes,
  frameFlag,
  framePayloadBytesMax,
  frameType,
  windowBytesMax,
} from "./frame.ts";
import type { HeaderField } from "./hpack-static-table.ts";
import { prefixBytes } from "./message-assembler.ts";
import { writePrefix } from "./outbox.ts";
import type { Output } from "./output.ts";
import type { ResponseHeadEncoder } from "./response-head.ts";
import type { ResponseStream } from "./response-stream.ts";
import { okStatus, type Status } from "./status.ts";

/** What the sender needs from its connection. */
export interface SenderDeps {
  readonly output: Output;
  readonly encoder: ResponseHeadEncoder;
  readonly guard: FloodGuard;
  /** False while the socket has more than enough; {@link Sender.pump} is called when that changes. */
  hasRoom(): boolean;
  /** The output has something: write it at the end of this turn. */
  wake(): void;
  /** More waits for the client's windows than any client can make use of. */
  onOverflow(): void;
  /** The last frame of this response is in the output. */
  onEnded(response: ResponseStream): void;
}

/** How much may wait. */
export interface SenderOptions {
  /** Of one stream, until its writer is asked to wait. */
  readonly outboxBytesMax: number;
  /** Of all streams together, until `onOverflow`. */
  readonly heldBytesMax: number;
}

/** Sends responses of one connection. */
export class Sender {
  readonly #deps: SenderDeps;
  readonly #options: SenderOptions;
  /** Streams that could send now; in the order of their turns. */
  readonly #ready = new Set<ResponseStream>();
  #window = defaultWindowBytes;
  #heldBytes = 0;

  constructor(deps: SenderDeps, options: SenderOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  /** Response bytes of all streams that wait. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** A complete successful response of one message. */
  respond(response: ResponseStream, message: Uint8Array): void {
    if (response.ended) return;
    const size = prefixBytes + message.length;
    if (response.opened || !this.#canSend(response, size)) {
      this.write(response, message, emptyBytes);
      this.finish(response, okStatus);
      return;
    }
    response.opened = true;
    this.#takeWindow(response, size);
    this.#deps.encoder.whole(this.#deps.output, response.id, message);
    this.#sent(response);
    this.#deps.wake();
  }

  /** One message of a stream, in two pieces. False when the writer should wait until the response resumes. */
  write(response: ResponseStream, message: Uint8Array, rest: Uint8Array): boolean {
    if (response.ended) return true;
    const messageBytes = message.length + rest.length;
    const size = prefixBytes + messageBytes;
    if (!this.#canSend(response, size)) {
      this.begin(response, messageBytes);
      if (rest.length > 0) this.#hold(response, message);
      return this.writePart(response, rest.length > 0 ? rest : message);
    }
    this.#open(response);
    const { output, guard } = this.#deps;
    this.#takeWindow(response, size);
    const at = output.reserveData(response.id, size);
    writePrefix(output.arena, at, messageBytes);
    output.arena.set(message, at + prefixBytes);
    if (rest.length > 0) output.arena.set(rest, at + prefixBytes + message.length);
    guard.earn();
    this.#deps.wake();
    return true;
  }

  /** Opens an answer that is not gRPC's. False when its head is too long. */
  openHttp(response: ResponseStream, status: number, fields: readonly HeaderField[]): boolean {
    if (response.ended) return true;
    const { output, encoder } = this.#deps;
    response.opened = encoder.openHttp(output, response.id, status, fields);
    if (response.opened) this.#deps.wake();
    return response.opened;
  }

  /** Begins a message that comes in parts; nothing is sent before the first of them. */
  begin(response: ResponseStream, messageBytes: number): void {
    if (response.ended || response.isHttp) return;
    this.#open(response);
    response.outbox.pushPrefix(messageBytes);
    this.#heldBytes += prefixBytes;
  }

  /** Bytes of the message that was begun last. False when the writer should wait. */
  writePart(response: ResponseStream, part: Uint8Array): boolean {
    if (response.ended) return true;
    this.#hold(response, part);
    this.#ready.add(response);
    this.pump();
    if (this.#heldBytes > this.#options.heldBytesMax) this.#deps.onOverflow();
    return response.outboxBytes < this.#options.outboxBytesMax;
  }

  /** Ends a response after all that was written; a status alone when nothing was. */
  finish(response: ResponseStream, status: Status): void {
    if (response.ended || response.status !== undefined) return;
    response.status = status;
    if (!response.opened && status !== okStatus) {
      this.#deps.encoder.trailersOnly(this.#deps.output, response.id, status);
      this.#sent(response);
      this.#deps.wake();
      return;
    }
    this.#open(response);
    this.#ready.add(response);
    this.pump();
  }

  /** Forgets a stream that was reset. */
  drop(response: ResponseStream): void {
    this.#ready.delete(response);
    this.#heldBytes -= response.outboxBytes;
    response.end();
  }

  /** The peer takes more on the connection. False when its window would overflow. */
  widen(bytes: number): boolean {
    this.#window += bytes;
    if (this.#window > windowBytesMax) return false;
    this.pump();
    return true;
  }

  /** The peer takes more (or, by a setting, less) on a stream. False when its window would overflow. */
  widenStream(response: ResponseStream, bytes: number): boolean {
    response.window += bytes;
    if (response.window > windowBytesMax) return false;
    if (response.outboxBytes > 0) {
      this.#ready.add(response);
      this.pump();
    }
    return true;
  }

  /** Fills the output as far as windows and the socket allow, a frame per stream and turn. */
  pump(): void {
    let wrote = false;
    while (this.#ready.size > 0 && this.#deps.hasRoom()) {
      const response = this.#nextReady();
      if (response === undefined) break;
      this.#ready.delete(response);
      wrote = true;
      if (response.outboxBytes > 0) this.#writeFrame(response);
      if (response.outboxBytes > 0) this.#ready.add(response);
      else if (response.status !== undefined) this.#writeTrailers(response, response.status);
    }
    if (wrote) this.#deps.wake();
  }

  /** The first in turn that windows let send; those that wait for their own window leave the line. */
  #nextReady(): ResponseStream | undefined {
    for (const response of this.#ready) {
      if (response.outboxBytes === 0) return response; // Trailers alone need no window.
      if (response.window <= 0) this.#ready.delete(response);
      else if (this.#window > 0) return response;
    }
    return undefined;
  }

  #writeFrame(response: ResponseStream): void {
    const { output, guard } = this.#deps;
    const { outbox } = response;
    const payloadBytes = Math.min(outbox.size, framePayloadBytesMax, this.#window, response.window);
    const at = output.reserveData(response.id, payloadBytes);
    outbox.moveTo(output.arena, at, payloadBytes);
    this.#takeWindow(response, payloadBytes);
    this.#heldBytes -= payloadBytes;
    guard.earn();
    if (outbox.size < this.#options.outboxBytesMax) response.resume();
  }

  #hold(response: ResponseStream, part: Uint8Array): void {
    response.outbox.pushPart(part);
    this.#heldBytes += part.length;
  }

  /** True when a message with its prefix can go out at once: nothing waits before it, and there is room for all of it. */
  #canSend(response: ResponseStream, size: number): boolean {
    const fits = size <= framePayloadBytesMax && size <= this.#window && size <= response.window;
    const isFirst = this.#ready.size === 0 && response.outboxBytes === 0 && !response.isHttp;
    return fits && isFirst && this.#deps.hasRoom();
  }

  #takeWindow(response: ResponseStream, bytes: number): void {
    this.#window -= bytes;
    response.window -= bytes;
  }

  #writeTrailers(response: ResponseStream, status: Status): void {
    const { output, encoder } = this.#deps;
    if (response.isHttp) output.frame(frameType.data, frameFlag.endStream, response.id, emptyBytes);
    else encoder.trailers(output, response.id, status);
    this.#sent(response);
  }

  #open(response: ResponseStream): void {
    if (response.opened) return;
    assert(!response.isHttp, "an answer in HTTP has no head");
    response.opened = true;
    this.#deps.encoder.open(this.#deps.output, response.id);
  }

  #sent(response: ResponseStream): void {
    response.end();
    this.#deps.guard.earn();
    this.#deps.onEnded(response);
  }
}
