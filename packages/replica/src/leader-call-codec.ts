/**
 * What servers ask the leader, and what it answers, on the wire. Pure. Decoders throw `WireError`.
 *
 * | message  | 1    | 2               | 3                 | 4             | 5     | 6      | 7      |
 * |----------|------|-----------------|-------------------|---------------|-------|--------|--------|
 * | question | kind | lease           | step, repeated    | since         |       |        |        |
 * | answer   | kind | granted seconds | remaining seconds | configuration | index | reason | status |
 */
import { WireError, WireReader, type WireWriter, wireType } from "@flotilla/base";
import {
  type ChangeRefusal,
  type Configuration,
  type ConfigurationChange,
  changeStepsMax,
  decodeConfiguration,
  type EngineStatus,
  encodeConfiguration,
  type LogIndex,
} from "@flotilla/consensus";
import { readChange, writeChange } from "./change-codec.ts";
import { readStatus, writeStatus } from "./status-codec.ts";

export type LeaseQuestion =
  | { readonly kind: "renew"; readonly id: bigint }
  | { readonly kind: "timeToLive"; readonly id: bigint };

export interface ChangeQuestion {
  readonly kind: "change";
  readonly changes: readonly ConfigurationChange[];
  /**
   * Present when it was asked before and may have been done: no later than this index of the log when
   * it was asked for the first time.
   */
  readonly since: LogIndex | undefined;
}

export type LeaderQuestion = LeaseQuestion | ChangeQuestion | { readonly kind: "status" };

export type LeaseAnswer =
  | { readonly kind: "live"; readonly grantedSeconds: number; readonly remainingSeconds: number }
  | { readonly kind: "leaseNotFound" };

export type ChangeAnswer =
  /** It is committed at `index`, and no longer joint. */
  | { readonly kind: "changed"; readonly configuration: Configuration; readonly index: LogIndex }
  | { readonly kind: "refused"; readonly reason: ChangeRefusal };

export type LeaderAnswer =
  | LeaseAnswer
  | ChangeAnswer
  | { readonly kind: "status"; readonly status: EngineStatus }
  /** Nothing was done: ask whoever leads now. */
  | { readonly kind: "notLeader" }
  /** It was begun and what came of it is not known: ask whoever leads now. */
  | { readonly kind: "interrupted" }
  /** Asked again; whether it was done before can not be told. */
  | { readonly kind: "timeout" };

const questions = ["renew", "timeToLive", "change", "status"] as const;
const answers = [
  "live",
  "leaseNotFound",
  "notLeader",
  "changed",
  "refused",
  "status",
  "interrupted",
  "timeout",
] as const;
const reasons = [
  "notLeader",
  "notReady",
  "changePending",
  "transferring",
  "serverExists",
  "serverRemoved",
  "unknownServer",
  "wrongRole",
  "learnerBehind",
  "noDataVoter",
  "unsound",
  "unchanged",
] as const satisfies readonly ChangeRefusal[];

/** Appends one question. */
export function writeQuestion(writer: WireWriter, question: LeaderQuestion): void {
  writer.fieldVarint(1, questions.indexOf(question.kind) + 1);
  if (question.kind === "renew" || question.kind === "timeToLive") {
    writer.fieldVarint64(2, question.id);
  }
  if (question.kind !== "change") return;
  for (const change of question.changes) {
    writer.fieldMessage(3, (body) => writeChange(body, change));
  }
  if (question.since === undefined) return;
  writer.tag(4, wireType.varint);
  writer.varint(question.since);
}

export function decodeQuestion(bytes: Uint8Array): LeaderQuestion {
  const reader = new WireReader(bytes);
  const changes: ConfigurationChange[] = [];
  let code = 0;
  let id = 0n;
  let since: number | undefined;
  while (reader.next()) {
    if (reader.field === 1) code = reader.varint();
    else if (reader.field === 2) id = BigInt.asIntN(64, reader.varint64());
    else if (reader.field === 3) changes.push(readChange(reader.message()));
    else if (reader.field === 4) since = reader.varint();
    else reader.skip();
    if (changes.length > changeStepsMax) throw new WireError("too many steps in one change");
  }
  const kind = questions[code - 1];
  if (kind === undefined) throw new WireError(`unknown question ${code}`);
  if (kind === "status") return { kind };
  return kind === "change" ? { kind, changes, since } : { kind, id };
}

/** Appends one answer. */
export function writeAnswer(writer: WireWriter, answer: LeaderAnswer): void {
  writer.fieldVarint(1, answers.indexOf(answer.kind) + 1);
  switch (answer.kind) {
    case "live":
      writer.fieldVarint(2, answer.grantedSeconds);
      writer.fieldVarint(3, answer.remainingSeconds);
      break;
    case "changed":
      writer.fieldBytes(4, encodeConfiguration(answer.configuration));
      writer.fieldVarint(5, answer.index);
      break;
    case "refused":
      writer.fieldText(6, answer.reason);
      break;
    case "status":
      writer.fieldMessage(7, (body) => writeStatus(body, answer.status));
      break;
    default: // Its kind says all.
  }
}

export function decodeAnswer(bytes: Uint8Array): LeaderAnswer {
  const reader = new WireReader(bytes);
  const numbers = new Map<number, number>();
  let configuration: Configuration | undefined;
  let text = "";
  let status: Uint8Array | undefined;
  while (reader.next()) {
    if (reader.type === wireType.varint) numbers.set(reader.field, reader.varint());
    else if (reader.field === 4) configuration = decodeConfiguration(reader.bytes());
    else if (reader.field === 6) text = reader.text();
    else if (reader.field === 7) status = reader.bytes();
    else reader.skip();
  }
  const number = (field: number): number => numbers.get(field) ?? 0;
  const kind = answers[number(1) - 1];
  if (kind === undefined) throw new WireError(`unknown answer ${number(1)}`);
  if (kind === "live") return { kind, grantedSeconds: number(2), remainingSeconds: number(3) };
  if (kind === "changed") {
    if (configuration === undefined) throw new WireError("no configuration");
    return { kind, configuration, index: number(5) };
  }
  if (kind === "refused") {
    const reason = reasons.find((known) => known === text);
    if (reason === undefined) throw new WireError("unknown reason");
    return { kind, reason };
  }
  if (kind !== "status") return { kind };
  if (status === undefined) throw new WireError("no status");
  return { kind, status: readStatus(status) };
}
