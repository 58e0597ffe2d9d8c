/** The one error class of this package, and which failures of a member's parts it stands for. */

export type EmbedErrorCode =
  /** The member, or its process, did not come up. The message has what it last logged. */
  | "notStarted"
  /** Another process, or another part of this one, listens there. */
  | "portInUse"
  /** The address is none of this machine, or not for this user. */
  | "cannotListen"
  /** The data directory cannot be made or read, or holds something else. */
  | "badDirectory"
  /** Another member uses the data directory. */
  | "directoryInUse"
  /** The options make no sense: a port that is none, an initial cluster without this member. */
  | "badOptions"
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

  /** Why a member of this process did not start: `error` is kept as the cause. */
  static from(error: unknown): EmbedError {
    if (error instanceof EmbedError) return error;
    const reason = error instanceof Error ? error.message : String(error);
    return new EmbedError(codeFor(error), `Cannot start the member: ${reason}`, { cause: error });
  }
}

/** By name and code of what the parts of a member reject with. */
const codes: Readonly<Record<string, EmbedErrorCode>> = {
  "Error EADDRINUSE": "portInUse",
  "Error EADDRNOTAVAIL": "cannotListen",
  "Error ENOTFOUND": "cannotListen",
  "Error EACCES": "cannotListen",
  "PeerError cannotListen": "cannotListen",
  "RangeError ERR_SOCKET_BAD_PORT": "badOptions",
  "PeerError badAddress": "badOptions",
  "MemberError badOptions": "badOptions",
  "MemberError badDirectory": "badDirectory",
  "MemberError foreignData": "badDirectory",
  "DiskError diskFailed": "badDirectory",
  "DiskError locked": "directoryInUse",
};

function codeFor(error: unknown): EmbedErrorCode {
  if (!(error instanceof Error)) return "notStarted";
  const { name, code } = error as NodeJS.ErrnoException;
  // Of a port the cause says more: who asks may want to try another one.
  if (name === "PeerError" && error.cause instanceof Error) {
    const known = codeFor(error.cause);
    if (known !== "notStarted") return known;
  }
  return codes[`${name} ${code}`] ?? "notStarted";
}
