/** The one error class of this package. */

/**
 * `closed`: the backend was closed, or is being replaced by a restore.
 * `failed`: the disk or LMDB failed, now or earlier; nothing may be written any more.
 * `damaged`: what lies in the directory is not what was left there.
 * `badSnapshot`: the stream is not a snapshot, or not a whole one; nothing was replaced.
 */
export type BackendErrorCode = "closed" | "failed" | "damaged" | "badSnapshot";

export class BackendError extends Error {
  override readonly name = "BackendError";
  readonly code: BackendErrorCode;

  constructor(code: BackendErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  /** The place where what LMDB and the file system throw becomes typed. */
  static from(error: unknown, doing: string): BackendError {
    if (error instanceof BackendError) return error;
    const reason = error instanceof Error ? error.message : String(error);
    return new BackendError("failed", `Cannot ${doing}: ${reason}`, { cause: error });
  }
}

/** What LMDB throws in `body` comes out typed. */
export function guarded<T>(doing: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    throw BackendError.from(error, doing);
  }
}
