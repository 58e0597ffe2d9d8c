/** HTTP/2 error codes, and how a violation travels from the parser to the connection (RFC 9113 sections 5.4 and 7). */

/** Error codes of RST_STREAM and GOAWAY. */
export const http2Code = {
  noError: 0x0,
  protocolError: 0x1,
  internalError: 0x2,
  flowControlError: 0x3,
  streamClosed: 0x5,
  frameSizeError: 0x6,
  refusedStream: 0x7,
  cancel: 0x8,
  compressionError: 0x9,
  enhanceYourCalm: 0xb,
} as const;

/** One of the error codes that this server sends. */
export type Http2Code = (typeof http2Code)[keyof typeof http2Code];

/**
 * The peer broke the protocol. `streamId` 0: the connection is over (GOAWAY); otherwise only that
 * stream is (RST_STREAM). Thrown while a frame is handled, caught once per received chunk.
 */
export class Http2Error extends Error {
  override readonly name = "Http2Error";
  readonly code: Http2Code;
  readonly streamId: number;

  constructor(code: Http2Code, message: string, streamId = 0) {
    super(message);
    this.code = code;
    this.streamId = streamId;
  }
}

/** The commonest connection error. */
export function protocolError(message: string): Http2Error {
  return new Http2Error(http2Code.protocolError, message);
}

/** A header block that cannot be decoded ends the connection: both tables are out of step. */
export function compressionError(message: string): Http2Error {
  return new Http2Error(http2Code.compressionError, message);
}
