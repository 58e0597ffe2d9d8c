/** The one error class of this package: what a caller cannot decide by the object's state alone. */

export type ClientErrorCode =
  /** No server took the request: nothing happened. */
  | "unavailable"
  /** The connection broke or timed out after a write was sent: it may have happened. */
  | "outcomeUnknown"
  /** 401: the certificate or the token is not accepted. */
  | "unauthorized"
  /** 403: known, and not allowed. */
  | "forbidden"
  /** Another answer of the server that is not a success; `status` says which. */
  | "serverError"
  /** The answer is not what the protocol promises, or larger than its limit. */
  | "badResponse"
  /** The kubeconfig cannot be used. */
  | "badKubeconfig";

/** A failure of the network, a server or a configuration file. The message is fit for a person. */
export class ClientError extends Error {
  override readonly name = "ClientError";
  readonly code: ClientErrorCode;
  /** HTTP status of the answer; 0 when there was none. */
  readonly status: number;

  constructor(code: ClientErrorCode, message: string, options: ClientErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.status = options.status ?? 0;
  }
}

export interface ClientErrorOptions {
  readonly status?: number;
  readonly cause?: unknown;
}
