/** The one error class of this package: what keeps an agent from working at all. */

export type AgentErrorCode =
  /** Another live agent uses the same data directory. */
  | "dataDirectoryInUse"
  /** The data directory cannot be read or written. */
  | "dataDirectoryUnusable"
  /** No port could be had in the range that is tried. */
  | "noFreePort";

/** An operating failure of the agent; the message is fit for a person. */
export class AgentError extends Error {
  override readonly name = "AgentError";
  readonly code: AgentErrorCode;

  constructor(code: AgentErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}

/** The message of anything that was thrown. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
