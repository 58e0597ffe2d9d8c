/** The one error class of this package. */

/**
 * - `cannotListen`: the address is taken, or not ours.
 * - `badAddress`: a URL that is no peer's.
 * - `unreachable`: no connection, or it broke.
 * - `refused`: the other side does not want to talk to us; its reason is in the message.
 * - `badFrame`: bytes that are none of ours.
 * - `closed`: used after `close`.
 */
export type PeerErrorCode =
  | "cannotListen"
  | "badAddress"
  | "unreachable"
  | "refused"
  | "badFrame"
  | "closed";

/** An operating failure between two members. Print `code` and the message; never parse it. */
export class PeerError extends Error {
  override readonly name = "PeerError";
  readonly code: PeerErrorCode;

  constructor(code: PeerErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }

  /** Gives what a socket threw its place among our errors; a `PeerError` stays what it is. */
  static from(code: PeerErrorCode, action: string, cause: unknown): PeerError {
    if (cause instanceof PeerError) return cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    return new PeerError(code, `Cannot ${action}: ${reason}`, cause);
  }
}
