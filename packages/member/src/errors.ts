/** The one error class of this package. */

/**
 * - `badOptions`: the options contradict each other.
 * - `badDirectory`: a directory cannot be made, or read.
 * - `foreignData`: the data directory holds a log that no member has written.
 * - `bootstrapped`: the cluster knows this founder, whose data directory is new.
 * - `notAMember`: the cluster to join has not been told of this member.
 * - `cannotJoin`: no member of the cluster to join answers.
 * - `cannotRecover`: the data directory is none that a cluster can be recovered from.
 * - `notEmpty`: there is something where a snapshot is to be restored to.
 * - `removed`, `superseded`, `lostDisk`: the cluster has told this member that it does not belong.
 * - `lacksData`: it is to hold data, and its data directory is that of a witness.
 * - `stateAhead`: the store holds entries that the log has lost.
 * - `snapshotMissing`: the log starts at a snapshot that the store does not hold.
 * - `busy`: a peer may try again later.
 * - `stopped`: used after the member has stopped.
 */
export type MemberErrorCode =
  | "badOptions"
  | "badDirectory"
  | "foreignData"
  | "bootstrapped"
  | "notAMember"
  | "cannotJoin"
  | "cannotRecover"
  | "notEmpty"
  | "removed"
  | "superseded"
  | "lostDisk"
  | "lacksData"
  | "stateAhead"
  | "snapshotMissing"
  | "busy"
  | "stopped";

/** A member cannot start, or go on. Print `code` and the message; never parse it. */
export class MemberError extends Error {
  override readonly name = "MemberError";
  readonly code: MemberErrorCode;

  constructor(code: MemberErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}
