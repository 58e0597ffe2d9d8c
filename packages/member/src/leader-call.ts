/**
 * What a follower asks the leader about leases, on the wire. Pure.
 *
 * request: {1: kind, 2: lease}; response: {1: status, 2: granted seconds, 3: remaining seconds}.
 */
import { encodeMessage, WireError, WireReader } from "@flotilla/base";

export type LeaseQuestion =
  | { readonly kind: "renew"; readonly id: bigint }
  | { readonly kind: "timeToLive"; readonly id: bigint };

export type LeaseAnswer =
  | { readonly kind: "live"; readonly grantedSeconds: number; readonly remainingSeconds: number }
  | { readonly kind: "leaseNotFound" }
  /** Ask whoever leads now. */
  | { readonly kind: "notLeader" };

const questions = ["renew", "timeToLive"] as const;
const answers = ["live", "leaseNotFound", "notLeader"] as const;

export function encodeQuestion({ kind, id }: LeaseQuestion): Uint8Array {
  return encodeMessage((writer) => {
    writer.fieldVarint(1, questions.indexOf(kind) + 1);
    writer.fieldVarint64(2, id);
  });
}

/** Throws `WireError`. */
export function decodeQuestion(bytes: Uint8Array): LeaseQuestion {
  const reader = new WireReader(bytes);
  let code = 0;
  let id = 0n;
  while (reader.next()) {
    if (reader.field === 1) code = reader.varint();
    else if (reader.field === 2) id = BigInt.asIntN(64, reader.varint64());
    else reader.skip();
  }
  const kind = questions[code - 1];
  if (kind === undefined) throw new WireError(`unknown question ${code}`);
  return { kind, id };
}

export function encodeAnswer(answer: LeaseAnswer): Uint8Array {
  return encodeMessage((writer) => {
    writer.fieldVarint(1, answers.indexOf(answer.kind) + 1);
    if (answer.kind !== "live") return;
    writer.fieldVarint(2, answer.grantedSeconds);
    writer.fieldVarint(3, answer.remainingSeconds);
  });
}

/** Throws `WireError`. */
export function decodeAnswer(bytes: Uint8Array): LeaseAnswer {
  const reader = new WireReader(bytes);
  let code = 0;
  let grantedSeconds = 0;
  let remainingSeconds = 0;
  while (reader.next()) {
    if (reader.field === 1) code = reader.varint();
    else if (reader.field === 2) grantedSeconds = reader.varint();
    else if (reader.field === 3) remainingSeconds = reader.varint();
    else reader.skip();
  }
  const kind = answers[code - 1];
  if (kind === undefined) throw new WireError(`unknown answer ${code}`);
  return kind === "live" ? { kind, grantedSeconds, remainingSeconds } : { kind };
}
