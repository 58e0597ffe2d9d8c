/**
 * What a new member asks those that it was added to, on the wire: who am I here? Pure.
 *
 * It has its own peer URLs and those of others, and no id: the cluster gave it one when it was added.
 *
 * request: {1: peer URL, repeated};
 * response: {1: status, 2: cluster id, 3: epoch, 4: member id, 5: index of the configuration,
 * 6: it has started before}.
 */
import { encodeMessage, WireError, WireReader } from "@flotilla/base";
import { type Configuration, type LogIndex, urlsMax } from "@flotilla/consensus";
import { memberIdOf } from "./identity.ts";

/** By which configuration it was answered: whoever lags behind knows an older one. */
interface Answered {
  readonly epoch: number;
  readonly index: LogIndex;
}

export type JoinAnswer =
  | (Answered & {
      readonly kind: "member";
      readonly clusterId: bigint;
      readonly id: bigint;
      /** It has told the cluster its name: there is, or was, a data directory of it. */
      readonly hasStarted: boolean;
    })
  /** Nobody with these URLs is a member, as far as is known there. */
  | (Answered & { readonly kind: "unknown" });

const answers = ["member", "unknown"] as const;

export function encodeJoinQuestion(peerUrls: readonly string[]): Uint8Array {
  return encodeMessage((writer) => {
    for (const url of peerUrls) writer.fieldTextAlways(1, url);
  });
}

/** The peer URLs of who asks. Throws `WireError`. */
export function decodeJoinQuestion(bytes: Uint8Array): readonly string[] {
  const reader = new WireReader(bytes);
  const peerUrls: string[] = [];
  while (reader.next()) {
    if (reader.field !== 1) reader.skip();
    else if (peerUrls.push(reader.text()) > urlsMax) throw new WireError("too many peer URLs");
  }
  return peerUrls;
}

export function encodeJoinAnswer(answer: JoinAnswer): Uint8Array {
  return encodeMessage((writer) => {
    writer.fieldVarint(1, answers.indexOf(answer.kind) + 1);
    if (answer.kind === "member") writer.fieldVarint64(2, answer.clusterId);
    writer.fieldVarint(3, answer.epoch);
    if (answer.kind === "member") writer.fieldVarint64(4, answer.id);
    writer.fieldVarint(5, answer.index);
    if (answer.kind === "member" && answer.hasStarted) writer.fieldVarint(6, 1);
  });
}

/** Throws `WireError`. */
export function decodeJoinAnswer(bytes: Uint8Array): JoinAnswer {
  const reader = new WireReader(bytes);
  let code = 0;
  let clusterId = 0n;
  let epoch = 0;
  let id = 0n;
  let index = 0;
  let hasStarted = false;
  while (reader.next()) {
    if (reader.field === 1) code = reader.varint();
    else if (reader.field === 2) clusterId = reader.varint64();
    else if (reader.field === 3) epoch = reader.varint();
    else if (reader.field === 4) id = reader.varint64();
    else if (reader.field === 5) index = reader.varint();
    else if (reader.field === 6) hasStarted = reader.varint() === 1;
    else reader.skip();
  }
  const kind = answers[code - 1];
  if (kind === undefined || epoch < 0 || index < 0) throw new WireError("no answer to a join");
  if (kind === "unknown") return { kind, epoch, index };
  if (id === 0n) throw new WireError("an answer to a join without a member");
  return { kind, clusterId, epoch, id, index, hasStarted };
}

/** Who has exactly these peer URLs, in any order, in the configuration that is in force here, at `index`. */
export function answerJoin(
  peerUrls: readonly string[],
  known: {
    readonly clusterId: bigint;
    readonly configuration: Configuration;
    readonly index: LogIndex;
    /** Whether a member has told the cluster its name. */
    hasStarted(id: bigint): boolean;
  },
): JoinAnswer {
  const { clusterId, configuration, index } = known;
  const { epoch = 0 } = configuration;
  const wanted = [...peerUrls].sort().join(" ");
  const record = configuration.servers?.find(({ urls }) => [...urls].sort().join(" ") === wanted);
  if (record === undefined || peerUrls.length === 0) return { kind: "unknown", epoch, index };
  const id = memberIdOf(record.id);
  return { kind: "member", clusterId, epoch, id, index, hasStarted: known.hasStarted(id) };
}

/** The answer by the newest configuration: an older one may know somebody who was removed since. */
export function newestAnswer(answers: readonly JoinAnswer[]): JoinAnswer | undefined {
  return answers.reduce<JoinAnswer | undefined>((newest, answer) => {
    if (newest === undefined) return answer;
    const isNewer =
      answer.epoch === newest.epoch ? answer.index > newest.index : answer.epoch > newest.epoch;
    return isNewer ? answer : newest;
  }, undefined);
}
