/** The members as clients see them. Pure. */
import type { Configuration } from "@flotilla/consensus";
import type { MemberAttributes } from "@flotilla/store";
import type { MemberInfo } from "./contract.ts";
import { type Founder, nodeIdOf } from "./identity.ts";

/** Everybody in the configuration, sorted by id, with what each has told about itself. */
export function memberInfos(
  founders: readonly Founder[],
  configuration: Configuration,
  attributes: readonly MemberAttributes[],
): readonly MemberInfo[] {
  const told = new Map(attributes.map((member) => [member.memberId, member]));
  return founders.map(({ id, peerUrls }) => {
    const own = told.get(id);
    return {
      id,
      name: own?.name ?? "",
      peerUrls,
      clientUrls: own?.clientUrls ?? [],
      apiUrl: own?.apiUrl ?? "",
      isLearner: configuration.learners.includes(nodeIdOf(id)),
      votes: configuration.voters.find((voter) => voter.id === nodeIdOf(id))?.votes ?? 0,
      isWitness: configuration.witnesses?.includes(nodeIdOf(id)) ?? false,
      preferredRank: (configuration.preferred?.indexOf(nodeIdOf(id)) ?? -1) + 1,
    };
  });
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
