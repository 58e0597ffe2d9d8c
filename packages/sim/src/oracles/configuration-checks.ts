/**
 * Who takes part: read from the entries of each log, not from what the engine says, and in force
 * from the moment of the append (Raft thesis section 4.1). Pure.
 */
import {
  type Configuration,
  decodeConfiguration,
  type LogIndex,
  type Voter,
} from "@flotilla/consensus";
import type { ClusterHistory } from "./cluster-history.ts";
import { disjointQuorum } from "./naive-quorum.ts";
import type { PlacedConfiguration, ServerRecord } from "./server-record.ts";
import { type Violation, violation } from "./violation.ts";

/** Brings the record's configurations in line with its log, which changed from `first` on. */
export function adoptConfigurations(
  record: ServerRecord,
  first: LogIndex,
  base: Configuration,
): Violation | undefined {
  const { configurations, log } = record;
  const before = configurations.at(-1);
  while (configurations.length > 0 && (configurations.at(-1)?.index ?? 0) >= first) {
    configurations.pop();
  }
  if (configurations.length === 0)
    configurations.push({ index: log.baseIndex, configuration: base });
  for (let index = Math.max(first, log.baseIndex + 1); index <= log.lastIndex; index++) {
    const entry = log.entryAt(index);
    if (entry?.kind !== "config") continue;
    const configuration = decodeConfiguration(entry.data);
    if (configuration === undefined) {
      return violation("configuration", `${record.id} has no sound configuration at ${index}`);
    }
    configurations.push({ index, configuration });
  }
  // The engine has to go by another one from this event on.
  if (configurations.at(-1) !== before) record.claimed = undefined;
  while ((configurations[1]?.index ?? Number.POSITIVE_INFINITY) <= log.baseIndex) {
    configurations.shift();
  }
  return undefined;
}

/** Judges the configurations at or after `first`, each against the one before it. */
export function checkTransitions(
  history: ClusterHistory,
  record: ServerRecord,
  first: LogIndex,
): Violation | undefined {
  const { configurations, id } = record;
  for (let at = configurations.length - 1; at > 0; at--) {
    const after = configurations[at] as PlacedConfiguration;
    if (after.index < first) break;
    const before = configurations[at - 1] as PlacedConfiguration;
    const broken = brokenRule(before.configuration, after.configuration);
    if (broken !== undefined) {
      return violation(
        "configuration",
        `${id} has at ${after.index} ${textOf(after.configuration)} after ${textOf(before.configuration)}: ${broken}`,
      );
    }
    if (before.index > history.commitIndex) {
      return violation(
        "configuration",
        `${id} has configurations at ${before.index} and ${after.index}, and only ${history.commitIndex} is committed`,
      );
    }
  }
  return undefined;
}

function brokenRule(before: Configuration, after: Configuration): string | undefined {
  // A server that starts with an empty disk takes the first one that it is given.
  if (before.voters.length === 0 || epochOf(before) !== epochOf(after)) return undefined;
  if (before.outgoing.length > 0) {
    if (after.outgoing.length > 0) return "a joint configuration leads out of joint consensus";
    if (!isSameVoters(after.voters, before.voters)) return "leaving must keep the new voters";
  } else if (!isSameVoters(after.outgoing, before.voters)) {
    return "a change must go through joint consensus with the old voters";
  }
  const disjoint = disjointQuorum(before, after);
  if (disjoint === undefined) return undefined;
  return `${disjoint.join(" ")} are a quorum of the one, the rest of the other`;
}

/** The engine goes by what is in its log. */
export function checkClaim(record: ServerRecord): Violation | undefined {
  const { view, configuration, id } = record;
  if (configuration === undefined || view.configuration === record.claimed) return undefined;
  // A blank server does not know the founders that its log begins with, and takes no part.
  const isBlank = view.configuration.voters.length === 0;
  if (!isBlank && textOf(view.configuration) !== textOf(configuration)) {
    return violation(
      "configurationInForce",
      `${id} goes by ${textOf(view.configuration)}, and its log says ${textOf(configuration)} since ${record.configurations.at(-1)?.index}`,
    );
  }
  record.claimed = view.configuration;
  return undefined;
}

/** The epoch that a configuration belongs to. */
export function epochOf(configuration: Configuration): number {
  return configuration.epoch ?? 0;
}

function isSameVoters(left: readonly Voter[], right: readonly Voter[]): boolean {
  return textOfVoters(left) === textOfVoters(right);
}

function textOfVoters(voters: readonly Voter[]): string {
  return voters
    .map(({ id, votes }) => `${id}=${votes}`)
    .sort()
    .join(" ");
}

/** Everything that decides about votes and leaders. */
function textOf(configuration: Configuration): string {
  const { voters, outgoing, learners, witnesses = [], staticLeader } = configuration;
  const parts = [`voters ${textOfVoters(voters)}`];
  if (outgoing.length > 0) parts.push(`outgoing ${textOfVoters(outgoing)}`);
  if (learners.length > 0) parts.push(`learners ${[...learners].sort().join(" ")}`);
  if (witnesses.length > 0) parts.push(`witnesses ${[...witnesses].sort().join(" ")}`);
  if (staticLeader !== undefined) parts.push(`static leader ${staticLeader}`);
  if (epochOf(configuration) > 0) parts.push(`epoch ${configuration.epoch}`);
  return `[${parts.join(", ")}]`;
}
