/** Clusters in short: what a test needs of a description. */
import type { MemberDescription, MembershipDescription } from "@flotilla/etcd-api";
import { nodeIdOf } from "@flotilla/member";

/**
 * `m1* m2:3 m3w m4l m5-`: m1 leads, m2 has 3 votes, m3 is a witness, m4 a learner, m5 does not answer.
 * The ids are 0xa1, 0xa2, ... in this order; each is reached at 127.0.0.1, ports 2379 and upward.
 */
export function clusterOf(
  text: string,
  fields: Partial<MembershipDescription> = {},
): MembershipDescription {
  const words = [...text.matchAll(/([a-z]\d+)(?::(\d+))?([*wl-]*)/g)];
  const members = words.map(([, name = "", votes, marks = ""], at): MemberDescription => {
    const isLearner = marks.includes("l");
    return {
      id: BigInt(0xa1 + at),
      name,
      peerUrls: [`http://127.0.0.1:${2380 + 2 * at}`],
      clientUrls: [`http://127.0.0.1:${2379 + 2 * at}`],
      isLearner,
      votes: isLearner ? 0 : Number(votes ?? "1"),
      outgoingVotes: 0,
      isWitness: marks.includes("w"),
      preferredRank: 0,
      matchIndex: marks.includes("*") ? 100 : 90,
      state: marks.includes("*") ? "none" : "replicate",
      isActive: !marks.includes("-"),
    };
  });
  const leader = words.findIndex(([, , , marks]) => marks?.includes("*"));
  return {
    members,
    leaderId: members[leader]?.id ?? 0n,
    term: 2,
    epoch: 0,
    configurationIndex: 5,
    isConfigurationCommitted: true,
    commitIndex: 100,
    lastIndex: 100,
    transferTarget: 0n,
    staticLeader: 0n,
    removed: [],
    divergedAt: 0,
    added: [],
    isolation: undefined,
    ...fields,
  };
}

/** The engine's name of a member of {@link clusterOf}. */
export function idIn(cluster: MembershipDescription, name: string): string {
  const found = cluster.members.find((member) => member.name === name);
  if (found === undefined) throw new Error(`no member ${name}`);
  return nodeIdOf(found.id);
}
