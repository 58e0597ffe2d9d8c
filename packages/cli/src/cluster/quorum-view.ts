/** How many of a cluster's votes answer, and how many more members may fail. Pure. */
import { quorumVotes, totalVotes } from "@flotilla/consensus";
import type { MembershipDescription } from "@flotilla/etcd-api";
import { nodeIdOf } from "@flotilla/member";
import { configurationOf } from "../membership/description.ts";
import { spareOf } from "../membership/spare.ts";

export interface QuorumView {
  /** What is counted: members, as long as each of them has one vote. */
  readonly unit: "members" | "votes";
  readonly total: number;
  readonly answering: number;
  readonly needed: number;
  /** Members that answer and may fail, whichever they are; negative when too few answer. */
  readonly spare: number;
}

/** Without a description every member is taken for a voter of one vote. */
export function plainQuorum(total: number, answering: number): QuorumView {
  const needed = Math.floor(total / 2) + 1;
  return { unit: "members", total, answering, needed, spare: answering - needed };
}

/** `answers` says who was heard of just now. */
export function quorumOf(
  description: MembershipDescription,
  answers: (id: bigint) => boolean,
): QuorumView {
  const configuration = configurationOf(description);
  const alive = new Set(
    description.members.filter(({ id }) => answers(id)).map(({ id }) => nodeIdOf(id)),
  );
  const voters = configuration.voters.filter(({ id }) => alive.has(id));
  const isPlain = description.members.every(({ votes }) => votes === 1);
  return {
    unit: isPlain ? "members" : "votes",
    total: totalVotes(configuration),
    answering: voters.reduce((sum, { votes }) => sum + votes, 0),
    needed: quorumVotes(configuration),
    spare: spareOf(configuration, alive),
  };
}
