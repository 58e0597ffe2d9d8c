/**
 * What follows from an attempt that brought no answer. Pure.
 *
 * The rule: a write is sent again only when it is certain that nothing happened. Anything else is
 * told to the caller as `outcomeUnknown`.
 */
import { codeOf, EtcdError, type EtcdServerErrorCode, serverError } from "./errors.ts";
import { type CallFailure, describeFailure, grpcStatus } from "./grpc/outcome.ts";

export type RetryDecision =
  | { readonly kind: "fail"; readonly error: EtcdError }
  /** Again, at another member if there is one. */
  | { readonly kind: "elsewhere" }
  /** Again, with a new token. */
  | { readonly kind: "newToken" };

/** What the decision depends on beside the failure. */
export interface RetryCase {
  /** Sent twice it does no more than sent once. */
  readonly isRepeatable: boolean;
  /** The client has a user's name and password. */
  readonly hasCredentials: boolean;
}

/** Refused before anything happened, and another member, or this one a little later, may not. */
const passing: ReadonlySet<EtcdServerErrorCode> = new Set([
  "noLeader",
  "tooManyRequests",
  "notForLearner",
]);
/** Refused for its token, before anything happened or when it was to be applied. */
const aboutToken: ReadonlySet<EtcdServerErrorCode> = new Set([
  "invalidAuthToken",
  "authOldRevision",
  "userEmpty",
]);

/** The same, of the server beneath: a connection holds too much for one more call. */
const passingTexts: ReadonlySet<string> = new Set([
  "grpc: too many requests held",
  "grpc: too many responses held",
]);

/** Statuses of a call that may have been carried out, in part or whole. */
const unsettled: ReadonlySet<number> = new Set([
  grpcStatus.cancelled,
  grpcStatus.deadlineExceeded,
  grpcStatus.internal,
  grpcStatus.unavailable,
]);

export function decideRetry(failure: CallFailure, given: RetryCase): RetryDecision {
  if (failure.kind === "notSent") return { kind: "elsewhere" };
  if (failure.kind === "status") {
    const code = codeOf(failure.text);
    const isPassing = code === undefined ? passingTexts.has(failure.text) : passing.has(code);
    if (isPassing) return { kind: "elsewhere" };
    if (code !== undefined && aboutToken.has(code) && given.hasCredentials) {
      return { kind: "newToken" };
    }
    if (!isUnsettled(failure, given.isRepeatable)) {
      return { kind: "fail", error: serverError(failure.status, failure.text) };
    }
  }
  if (!given.isRepeatable) return { kind: "fail", error: outcomeUnknown(failure) };
  if (failure.kind === "invalid") {
    return { kind: "fail", error: new EtcdError("badResponse", failure.reason) };
  }
  return { kind: "elsewhere" };
}

/** Whether the call may have been carried out. A known text is a refusal, whatever its status. */
function isUnsettled(
  { status, text }: Extract<CallFailure, { kind: "status" }>,
  isRepeatable: boolean,
): boolean {
  // Errors that etcd has no row for come as UNKNOWN: a read gets the same one again.
  if (status === grpcStatus.unknown) return !isRepeatable && codeOf(text) === undefined;
  return unsettled.has(status);
}

function outcomeUnknown(failure: CallFailure): EtcdError {
  const reason = describeFailure(failure);
  const message = `It is not known whether the request took effect: ${reason}`;
  return new EtcdError("outcomeUnknown", message, {
    status: failure.kind === "status" ? failure.status : 0,
    cause: new Error(reason),
  });
}

/** Why there shall be no other stream; undefined when there shall. */
export function decideStreamRetry(
  failure: CallFailure,
  hasCredentials: boolean,
): EtcdError | undefined {
  if (failure.kind === "status" && codeOf(failure.text) === "watchCanceled") return undefined;
  const decision = decideRetry(failure, { isRepeatable: true, hasCredentials });
  return decision.kind === "fail" ? decision.error : undefined;
}
