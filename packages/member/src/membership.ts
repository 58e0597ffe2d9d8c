/** The members as clients see them. Pure. */
import type { Configuration } from "@flotilla/consensus";
import type { MemberAttributes } from "@flotilla/store";
import type { MemberInfo } from "./contract.ts";
import { type Founder, isMemberNodeId, memberIdOf } from "./identity.ts";
import { peerUrlsOf } from "./peer-addresses.ts";

/**
 * Everybody in the configuration, sorted by id, with what each has told about itself. One that is on
 * its way out is not shown.
 */
export function memberInfos(
  configuration: Configuration,
  attributes: readonly MemberAttributes[],
  founders: readonly Founder[] = [],
): readonly MemberInfo[] {
  const { voters, learners, witnesses = [], preferred = [] } = configuration;
  const told = new Map(attributes.map((member) => [member.memberId, member]));
  const urls = peerUrlsOf(configuration, founders);
  const infos = [...voters, ...learners.map((id) => ({ id, votes: 0 }))]
    .filter((server) => isMemberNodeId(server.id))
    .map(({ id: nodeId, votes }) => {
      const id = memberIdOf(nodeId);
      const own = told.get(id);
      return {
        id,
        name: own?.name ?? "",
        peerUrls: urls.get(nodeId) ?? [],
        clientUrls: own?.clientUrls ?? [],
        apiUrl: own?.apiUrl ?? "",
        isLearner: votes === 0,
        votes,
        isWitness: witnesses.includes(nodeId),
        preferredRank: preferred.indexOf(nodeId) + 1,
      };
    });
  return infos.sort((left, right) => (left.id < right.id ? -1 : 1));
}

/** True when both say the same. */
export function sameAttributes(
  left: MemberAttributes | undefined,
  right: MemberAttributes,
): boolean {
  return (
    left !== undefined &&
    left.name === right.name &&
    left.apiUrl === right.apiUrl &&
    left.clientUrls.join(",") === right.clientUrls.join(",")
  );
}
