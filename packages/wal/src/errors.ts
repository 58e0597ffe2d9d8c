/** The one error class of this package. */

/**
 * - `corrupt`: what was durable once cannot be read; nothing was changed.
 * - `syncFailed`: a write did not reach stable storage. The log is dead; the process must end.
 * - `diskFailed`: the disk refused to open, list or read.
 * - `closed`: used after `close`.
 */
export type WalErrorCode = "corrupt" | "syncFailed" | "diskFailed" | "closed";

/** An operating failure of the log. Print `code`, `file` and `offset`; never parse the message. */
export class WalError extends Error {
  override readonly name = "WalError";
  readonly code: WalErrorCode;
  readonly file: string | undefined;
  /** Byte offset in `file`. */
  readonly offset: number | undefined;

  constructor(
    code: WalErrorCode,
    message: string,
    detail: { readonly file?: string; readonly offset?: number; readonly cause?: unknown } = {},
  ) {
    super(message, "cause" in detail ? { cause: detail.cause } : undefined);
    this.code = code;
    this.file = detail.file;
    this.offset = detail.offset;
  }

  /** Gives what a disk threw its place among our errors; a `WalError` stays what it is. */
  static from(code: WalErrorCode, action: string, cause: unknown): WalError {
    if (cause instanceof WalError) return cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    return new WalError(code, `Cannot ${action}: ${reason}`, { cause });
  }
}

/** The refusal of a damaged log: says where the damage is and what to do about it. */
export function corruptLog(file: string, offset: number, reason: string): WalError {
  return new WalError(
    "corrupt",
    `Log file "${file}" is damaged at offset ${offset}: ${reason}. Nothing was changed. ` +
      "Entries after this place may be committed and must not be dropped: restore this member " +
      "from its peers (move its data directory away and start it again as a new member), or from a snapshot",
    { file, offset },
  );
}
