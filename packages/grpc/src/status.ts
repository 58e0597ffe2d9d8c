/**
 * gRPC status codes, and the one error that carries them.
 *
 * Source: grpc/doc/statuscodes.md; percent-encoding of messages: grpc/doc/PROTOCOL-HTTP2.md. Pure.
 */
import { utf8 } from "@flotilla/base";

/** Status codes by name. */
export const statusCode = {
  ok: 0,
  cancelled: 1,
  unknown: 2,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  alreadyExists: 6,
  permissionDenied: 7,
  resourceExhausted: 8,
  failedPrecondition: 9,
  aborted: 10,
  outOfRange: 11,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  dataLoss: 15,
  unauthenticated: 16,
} as const;

/** One of the seventeen status codes. */
export type StatusCode = (typeof statusCode)[keyof typeof statusCode];

/** How a call ends: what goes into `grpc-status` and `grpc-message`. */
export interface Status {
  readonly code: StatusCode;
  /** Any text; it is percent-encoded on the wire. */
  readonly message: string;
}

/** The status of a call that went well. */
export const okStatus: Status = { code: statusCode.ok, message: "" };

/** Thrown by a handler to end its call with this status and text. */
export class GrpcError extends Error implements Status {
  override readonly name: string = "GrpcError";
  readonly code: StatusCode;

  constructor(code: StatusCode, message: string) {
    super(message);
    this.code = code;
  }
}

const hex = "0123456789ABCDEF";

/** `grpc-message`: printable ASCII but `%` stays, every other byte of the UTF-8 becomes `%XX`. */
export function encodeStatusMessage(message: string): string {
  if (/^[ -$&-~]*$/.test(message)) return message;
  let encoded = "";
  for (const byte of utf8(message)) {
    const plain = byte >= 0x20 && byte <= 0x7e && byte !== 0x25;
    encoded += plain ? String.fromCharCode(byte) : `%${hex[byte >> 4]}${hex[byte & 15]}`;
  }
  return encoded;
}
