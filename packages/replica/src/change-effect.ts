/** Whether a configuration is what a change was to make of it. Pure. */
import { assertNever } from "@flotilla/base";
import {
  type Configuration,
  type ConfigurationChange,
  isWitness,
  type NodeId,
} from "@flotilla/consensus";

/** True when each step of the change, by itself, has nothing left to do. */
export function holds(
  configuration: Configuration,
  changes: readonly ConfigurationChange[],
): boolean {
  return changes.every((change) => holdsOne(configuration, change));
}

function holdsOne(configuration: Configuration, change: ConfigurationChange): boolean {
  const { voters, learners } = configuration;
  const votesOf = (id: NodeId): number => voters.find((voter) => voter.id === id)?.votes ?? 0;
  switch (change.kind) {
    case "add":
      return change.votes === 0
        ? learners.includes(change.id)
        : votesOf(change.id) === change.votes &&
            isWitness(configuration, change.id) === (change.witness === true);
    case "remove":
      return votesOf(change.id) === 0 && !learners.includes(change.id);
    case "promote":
    case "votes":
      return votesOf(change.id) === change.votes;
    case "demote":
      return learners.includes(change.id);
    case "prefer":
      return areEqual(configuration.preferred ?? [], change.ids);
    case "staticLeader":
      return configuration.staticLeader === change.id;
    case "urls": {
      const server = configuration.servers?.find(({ id }) => id === change.id);
      return areEqual(server?.urls ?? [], change.urls);
    }
    default:
      return assertNever(change);
  }
}

function areEqual(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((text, at) => text === right[at]);
}
