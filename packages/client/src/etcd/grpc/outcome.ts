/** What becomes of one attempt of a call, before anyone decides what follows from it. */

export type CallOutcome =
  | { readonly kind: "answered"; readonly message: Uint8Array }
  /** The member ended the call with this gRPC status, which is not OK. */
  | { readonly kind: "status"; readonly status: number; readonly text: string }
  /** The call did not reach a member: nothing happened. */
  | { readonly kind: "notSent"; readonly reason: string }
  /** The connection or the answer broke after the call was sent. */
  | { readonly kind: "lost"; readonly reason: string }
  /** The answer is not what the protocol promises: asking again would not help. */
  | { readonly kind: "invalid"; readonly reason: string }
  /** The member was silent for as long as the attempt had. */
  | { readonly kind: "timeout" };

/** Everything but an answer. */
export type CallFailure = Exclude<CallOutcome, { kind: "answered" }>;

/** Ends the messages of a stream. Never leaves this package: the stream's owner decides. */
export class StreamFailure extends Error {
  override readonly name = "StreamFailure";
  readonly failure: CallFailure;

  constructor(failure: CallFailure) {
    super(describeFailure(failure));
    this.failure = failure;
  }
}

/** For a person. */
export function describeFailure(failure: CallFailure): string {
  switch (failure.kind) {
    case "status":
      return failure.text === "" ? `gRPC status ${failure.status}` : failure.text;
    case "notSent":
    case "lost":
    case "invalid":
      return failure.reason;
    case "timeout":
      return "no answer in time";
  }
}

/** Numbers of gRPC (github.com/grpc/grpc/blob/master/doc/statuscodes.md) that decide something here. */
export const grpcStatus = {
  ok: 0,
  cancelled: 1,
  unknown: 2,
  deadlineExceeded: 4,
  resourceExhausted: 8,
  internal: 13,
  unavailable: 14,
  unauthenticated: 16,
} as const;
