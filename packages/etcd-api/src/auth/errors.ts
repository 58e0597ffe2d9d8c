/** What is wrong with the options of authentication; told before a server starts. */

/**
 * `syntax`: not of the form `type,option=value,...`; `type`, `algorithm`, `ttl`: not one that is known;
 * the rest is about the key files of JSON web tokens.
 */
export type AuthOptionErrorCode =
  | "syntax"
  | "type"
  | "algorithm"
  | "ttl"
  | "keyMissing"
  | "keyUnreadable"
  | "keyMalformed"
  | "keyMismatch";

export class AuthOptionError extends Error {
  override readonly name = "AuthOptionError";
  readonly code: AuthOptionErrorCode;

  constructor(code: AuthOptionErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
