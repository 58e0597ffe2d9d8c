/** The frames of a connection that carry no response: written at once, not subject to flow control. */
import { defaultWindowBytes, frameFlag, frameType, settingId } from "./frame.ts";
import type { GrpcLimits } from "./limits.ts";
import type { Output } from "./output.ts";
import { encodeGoaway, encodeSettings, encodeUint32 } from "./settings.ts";

const noPayload = new Uint8Array(0);

/** Writes control frames into an output and asks for it to be flushed. */
export class ControlWriter {
  readonly #output: Output;
  readonly #wake: () => void;

  constructor(output: Output, wake: () => void) {
    this.#output = output;
    this.#wake = wake;
  }

  /** The server's preface: its settings, and the window of the connection. */
  greet(limits: GrpcLimits): void {
    const settings = encodeSettings([
      [settingId.maxConcurrentStreams, limits.concurrentStreams],
      [settingId.initialWindowSize, limits.streamWindowBytes],
      [settingId.maxHeaderListSize, limits.headerListBytes],
    ]);
    this.#write(frameType.settings, 0, 0, settings);
    const more = limits.connectionWindowBytes - defaultWindowBytes;
    if (more > 0) this.credit(0, more);
  }

  acknowledgeSettings(): void {
    this.#write(frameType.settings, frameFlag.ack, 0, noPayload);
  }

  ping(payload: Uint8Array): void {
    this.#write(frameType.ping, 0, 0, payload);
  }

  answerPing(payload: Uint8Array): void {
    this.#write(frameType.ping, frameFlag.ack, 0, payload);
  }

  /** WINDOW_UPDATE; stream 0 is the connection. */
  credit(streamId: number, bytes: number): void {
    this.#write(frameType.windowUpdate, 0, streamId, encodeUint32(bytes));
  }

  reset(streamId: number, code: number): void {
    this.#write(frameType.rstStream, 0, streamId, encodeUint32(code));
  }

  goaway(lastStreamId: number, code: number, reason = ""): void {
    this.#write(frameType.goaway, 0, 0, encodeGoaway(lastStreamId, code, reason));
  }

  #write(type: number, flags: number, streamId: number, payload: Uint8Array): void {
    this.#output.frame(type, flags, streamId, payload);
    this.#wake();
  }
}
