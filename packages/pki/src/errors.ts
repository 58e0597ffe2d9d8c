/** The one error class of this package. */

/**
 * - `noFile`: a certificate, key, authority or revocation list cannot be read.
 * - `badMaterial`: it can be read, and is not what it should be.
 * - `badOptions`: the options contradict each other.
 */
export type PkiErrorCode = "noFile" | "badMaterial" | "badOptions";

/** TLS cannot be used as asked. Print `code` and the message; never parse it. */
export class PkiError extends Error {
  override readonly name = "PkiError";
  readonly code: PkiErrorCode;

  constructor(code: PkiErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}
