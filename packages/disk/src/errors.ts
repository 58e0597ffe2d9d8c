/** The one error class of this package. */

/**
 * - `locked`: another process uses the directory.
 * - `diskFailed`: the disk refused.
 */
export type DiskErrorCode = "locked" | "diskFailed";

/** An operating failure of the machine's disk. Print `code` and `file`; never parse the message. */
export class DiskError extends Error {
  override readonly name = "DiskError";
  readonly code: DiskErrorCode;
  readonly file: string | undefined;

  constructor(
    code: DiskErrorCode,
    message: string,
    detail: { readonly file?: string; readonly cause?: unknown } = {},
  ) {
    super(message, "cause" in detail ? { cause: detail.cause } : undefined);
    this.code = code;
    this.file = detail.file;
  }

  /** Gives what the system threw its place among our errors; a `DiskError` stays what it is. */
  static from(action: string, cause: unknown): DiskError {
    if (cause instanceof DiskError) return cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    return new DiskError("diskFailed", `Cannot ${action}: ${reason}`, { cause });
  }
}
