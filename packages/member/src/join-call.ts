/**
 * What a new member asks those that it was added to, on the wire: who am I here? Pure.
 *
 * It has its own peer URLs and those of others, and no id: the cluster gave it one when it was added.
 *
 * request: {1: peer URL, repeated}; response: {1: status, 2: cluster id, 3: epoch, 4: member id}.
 */
import { encodeMessage, WireError, WireReader } from "@flotilla/base";
import { type Configuration, urlsMax } from "@flotilla/consensus";
import { memberIdOf } from "./identity.ts";

export type JoinAnswer =
  | {
      readonly kind: "member";
      readonly clusterId: bigint;
      readonly epoch: number;
      readonly id: bigint;
    }
  /** Nobody with these URLs was added, as far as this member knows. */
  | { readonly kind: "unknown" };

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
    if (answer.kind !== "member") return;
    writer.fieldVarint64(2, answer.clusterId);
    writer.fieldVarint(3, answer.epoch);
    writer.fieldVarint64(4, answer.id);
  });
}

/** Throws `WireError`. */
export function decodeJoinAnswer(bytes: Uint8Array): JoinAnswer {
  const reader = new WireReader(bytes);
  let code = 0;
  let clusterId = 0n;
  let epoch = 0;
  let id = 0n;
  while (reader.next()) {
    if (reader.field === 1) code = reader.varint();
    else if (reader.field === 2) clusterId = reader.varint64();
    else if (reader.field === 3) epoch = reader.varint();
    else if (reader.field === 4) id = reader.varint64();
    else reader.skip();
  }
  const kind = answers[code - 1];
  if (kind === "unknown") return { kind };
  if (kind === undefined || id === 0n || epoch < 0) throw new WireError("no answer to a join");
  return { kind, clusterId, epoch, id };
}

/** Who has exactly these peer URLs, in any order, in the configuration that is in force here. */
export function answerJoin(
  peerUrls: readonly string[],
  { clusterId, configuration }: { clusterId: bigint; configuration: Configuration },
): JoinAnswer {
  const wanted = [...peerUrls].sort().join(" ");
  const record = configuration.servers?.find(({ urls }) => [...urls].sort().join(" ") === wanted);
  if (record === undefined || peerUrls.length === 0) return { kind: "unknown" };
  return {
    kind: "member",
    clusterId,
    epoch: configuration.epoch ?? 0,
    id: memberIdOf(record.id),
  };
}
