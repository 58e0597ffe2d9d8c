/**
 * The one error class of the etcd client, and the table that gives a server's text its code.
 *
 * Source: etcd api/v3rpc/rpctypes/error.go. Texts are the protocol: gRPC codes alone say too little.
 */

/** A refusal of a member. */
export type EtcdServerErrorCode =
  | "emptyKey"
  | "keyNotFound"
  | "valueProvided"
  | "leaseProvided"
  | "tooManyOps"
  | "duplicateKey"
  | "requestTooLarge"
  | "compacted"
  | "futureRevision"
  | "noSpace"
  | "leaseNotFound"
  | "leaseExists"
  | "leaseTtlTooLarge"
  | "watchCanceled"
  | "userEmpty"
  | "userNotFound"
  | "userExists"
  | "roleNotFound"
  | "roleExists"
  | "authFailed"
  | "authNotEnabled"
  | "authOldRevision"
  | "invalidAuthToken"
  | "permissionDenied"
  | "memberNotFound"
  | "learnerNotReady"
  | "notForLearner"
  | "notLeader"
  | "noLeader"
  | "leaderChanged"
  | "tooManyRequests"
  | "stopped"
  | "corrupt";

/** What a member refuses, by the text it says so with. */
const serverTexts: Readonly<Record<EtcdServerErrorCode, string>> = {
  emptyKey: "etcdserver: key is not provided",
  keyNotFound: "etcdserver: key not found",
  valueProvided: "etcdserver: value is provided",
  leaseProvided: "etcdserver: lease is provided",
  tooManyOps: "etcdserver: too many operations in txn request",
  duplicateKey: "etcdserver: duplicate key given in txn request",
  requestTooLarge: "etcdserver: request is too large",
  compacted: "etcdserver: mvcc: required revision has been compacted",
  futureRevision: "etcdserver: mvcc: required revision is a future revision",
  noSpace: "etcdserver: mvcc: database space exceeded",
  leaseNotFound: "etcdserver: requested lease not found",
  leaseExists: "etcdserver: lease already exists",
  leaseTtlTooLarge: "etcdserver: too large lease TTL",
  watchCanceled: "etcdserver: watch canceled",
  userEmpty: "etcdserver: user name is empty",
  userNotFound: "etcdserver: user name not found",
  userExists: "etcdserver: user name already exists",
  roleNotFound: "etcdserver: role name not found",
  roleExists: "etcdserver: role name already exists",
  authFailed: "etcdserver: authentication failed, invalid user ID or password",
  authNotEnabled: "etcdserver: authentication is not enabled",
  authOldRevision: "etcdserver: revision of auth store is old",
  invalidAuthToken: "etcdserver: invalid auth token",
  permissionDenied: "etcdserver: permission denied",
  memberNotFound: "etcdserver: member not found",
  learnerNotReady: "etcdserver: can only promote a learner member which is in sync with leader",
  notForLearner: "etcdserver: rpc not supported for learner",
  notLeader: "etcdserver: not leader",
  noLeader: "etcdserver: no leader",
  leaderChanged: "etcdserver: leader changed",
  tooManyRequests: "etcdserver: too many requests",
  stopped: "etcdserver: server stopped",
  corrupt: "etcdserver: corrupt cluster",
};

export type EtcdErrorCode =
  | EtcdServerErrorCode
  /** No member answered in time, and nothing happened: a write was never sent, or surely not taken. */
  | "unavailable"
  /** A write was sent, and it is not known whether it happened. It is never sent again by itself. */
  | "outcomeUnknown"
  /** The lease is gone, or could not be renewed in its time and must be taken for gone. */
  | "leaseLost"
  /** Another one leads, or holds the lock: what was asked for needs to be in that place. */
  | "notOwner"
  /** Any other refusal; `status` and the message say which. */
  | "serverError"
  /** The answer is not what the protocol promises, or larger than its limit. */
  | "badResponse"
  /** The client was given something that cannot be asked for. */
  | "badArgument"
  /** The client was closed. */
  | "closed";

export interface EtcdErrorOptions {
  readonly status?: number;
  readonly compactRevision?: number;
  /** Of `unavailable` and `outcomeUnknown`, what the last attempt met. */
  readonly cause?: unknown;
}

/** A failure of the network, or a refusal of a member. The message is fit for a person. */
export class EtcdError extends Error {
  override readonly name = "EtcdError";
  readonly code: EtcdErrorCode;
  /** gRPC status of the answer; 0 when there was none. */
  readonly status: number;
  /** With `compacted`, the first revision that can still be had; 0 when the member did not say. */
  readonly compactRevision: number;

  constructor(code: EtcdErrorCode, message: string, options: EtcdErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.status = options.status ?? 0;
    this.compactRevision = options.compactRevision ?? 0;
  }
}

const codes: ReadonlyMap<string, EtcdServerErrorCode> = new Map(
  Object.entries(serverTexts).map(([code, text]) => [text, code as EtcdServerErrorCode]),
);

/** The code of a server's text; undefined for one that is not in the table. */
export function codeOf(text: string): EtcdServerErrorCode | undefined {
  return codes.get(text);
}

/** The error of a status that a member answered with. */
export function serverError(status: number, text: string): EtcdError {
  return new EtcdError(
    codeOf(text) ?? "serverError",
    text === "" ? `gRPC status ${status}` : text,
    {
      status,
    },
  );
}

/** `rpc error: code = X desc = TEXT`, as Go prints an error into a cancel reason: only TEXT. */
export function withoutGoPrefix(reason: string): string {
  const at = reason.indexOf(" desc = ");
  return reason.startsWith("rpc error: ") && at > 0 ? reason.slice(at + " desc = ".length) : reason;
}

/** True for a failure of this kind. */
export function isEtcdError(error: unknown, code?: EtcdErrorCode): error is EtcdError {
  return error instanceof EtcdError && (code === undefined || error.code === code);
}
