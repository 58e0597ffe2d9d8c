/** The one error class of this package. */

export type EmbedErrorCode =
  /** The member, or its process, did not come up. The message has what it last logged. */
  | "notStarted"
  /** There was no leader in time. */
  | "noLeader"
  /** What was asked for needs a member that runs, or one that does not. */
  | "badState";

/** A member or cluster could not be started, or is not where it has to be. */
export class EmbedError extends Error {
  override readonly name = "EmbedError";
  readonly code: EmbedErrorCode;

  constructor(code: EmbedErrorCode, message: string, options: { readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
  }
}
