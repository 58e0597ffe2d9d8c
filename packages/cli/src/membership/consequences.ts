/**
 * What a change of the members comes to, said before it is made: votes, quorum and tolerance now and
 * then, what happens, what to beware of, and what must not be done to a cluster that is to go on.
 *
 * Pure: reads the cluster's description and the change. The mathematics is the engine's own.
 */
import {
  type ChangeRefusal,
  type Configuration,
  type ConfigurationChange,
  isElectable,
  isWitness,
  type NodeId,
  planChange,
  quorumVotes,
  suffices,
  tolerance,
  totalVotes,
} from "@flotilla/consensus";
import type { MembershipDescription } from "@flotilla/etcd-api";
import { nodeIdOf } from "@flotilla/member";
import { callOf, configurationOf, isAlive, listed } from "./description.ts";
import { eventsOf } from "./events.ts";
import { spareOf } from "./spare.ts";

/** What a person should know before a change is made. */
export interface Consequences {
  readonly kind: "planned";
  /** What it comes to, and what happens. */
  readonly lines: readonly string[];
  /** What to beware of. */
  readonly warnings: readonly string[];
  /** Why it is not made unless it is forced: members that run could not go on. */
  readonly danger: string | undefined;
}

/** Members that are new are called by their names in `changes`: they have no ids yet. */
export function consequencesOf(
  description: MembershipDescription,
  changes: readonly ConfigurationChange[],
): Consequences | { readonly kind: "refused"; readonly reason: ChangeRefusal } {
  const now = configurationOf(description);
  const plan = planChange(now, changes);
  if (plan.kind === "refused") return plan;
  const seen: Change = { description, changes, now, target: plan.target };
  return {
    kind: "planned",
    lines: [...voteLines(seen), ...eventsOf(description, changes)],
    warnings: warningsOf(seen),
    danger: dangerOf(seen),
  };
}

interface Change {
  readonly description: MembershipDescription;
  readonly changes: readonly ConfigurationChange[];
  readonly now: Configuration;
  readonly target: Configuration;
}

function voteLines({ description, now, target }: Change): string[] {
  const votes = (configuration: Configuration): string => {
    const each = configuration.voters.map(({ id, votes }) => `${callOf(description, id)} ${votes}`);
    return `${totalVotes(configuration)} (${each.sort().join(", ")})`;
  };
  const [before, after] = [votes(now), votes(target)];
  if (before === after && tolerance(now) === tolerance(target)) {
    return [`No vote changes: ${before}, quorum ${quorumVotes(now)}, tolerance ${tolerance(now)}.`];
  }
  return [
    `votes      ${before} -> ${after}`,
    `quorum     ${quorumVotes(now)} -> ${quorumVotes(target)}`,
    `tolerance  ${tolerance(now)} -> ${tolerance(target)} (members that may fail, whichever they are)`,
  ];
}

function warningsOf(seen: Change): string[] {
  const warnings = [toleranceWarning(seen), staticWarning(seen), evenWarning(seen)];
  return [
    ...warnings,
    aloneWarning(seen),
    onlyDataWarning(seen),
    emptyVoterWarning(seen),
    silentWarning(seen),
  ].filter((text) => text !== undefined);
}

function toleranceWarning({ description, changes, now, target }: Change): string | undefined {
  const [before, after] = [tolerance(now), tolerance(target)];
  const what = inGerund(description, changes);
  if (after === 0 && target.voters.length > 0 && before !== 0) {
    return `${what} leaves a tolerance of 0: no further failure is survived.`;
  }
  if (after < before) return `${what} lowers the tolerance from ${before} to ${after}.`;
  return undefined;
}

/** However many vote: while the only one that may lead is away, nobody does. */
function staticWarning({ description, now, target }: Change): string | undefined {
  const { staticLeader } = target;
  if (staticLeader === undefined || target.voters.length < 2) return undefined;
  const name = callOf(description, staticLeader);
  if (staticLeader === now.staticLeader && now.voters.length > 1) {
    if (sameVotes(now, target)) return undefined;
    return `${name} is the static leader and stays a single point of failure, whoever else votes.`;
  }
  return `As the static leader ${name} is a single point of failure: without it nothing is written, nor can this be taken back. If it is lost for good, only \`flotilla member recover\` helps. Softer: \`flotilla member prefer ${name}\`, and it leads whenever it can.`;
}

/** An even total tolerates no more than one vote less, and two halves can block each other. */
function evenWarning({ description, now, target }: Change): string | undefined {
  const total = totalVotes(target);
  if (total % 2 !== 0 || total === totalVotes(now)) return undefined;
  const data = target.voters.filter(({ id }) => !isWitness(target, id));
  const both = listed(data.map(({ id }) => callOf(description, id)).sort());
  const advice =
    data.length === 2 && target.voters.length === 2
      ? `A witness as the tie-breaker lets either of ${both} fail: \`flotilla member add NAME --peer-urls=URL --witness\`.`
      : "One vote more or one less is better.";
  return `${total} votes are an even total: half of them is no majority. ${advice}`;
}

function aloneWarning({ description, now, target }: Change): string | undefined {
  if (target.voters.length < 2 || sameVotes(now, target)) return undefined;
  const quorum = quorumVotes(target);
  const alone = target.voters.find(({ votes }) => votes >= quorum);
  if (alone === undefined) return undefined;
  const name = callOf(description, alone.id);
  return `${name} has a majority by itself (${alone.votes} of ${totalVotes(target)} votes): nothing works without it, and what only it holds counts as safe.`;
}

function onlyDataWarning({ description, target }: Change): string | undefined {
  const data = target.voters.filter(({ id }) => !isWitness(target, id));
  const [only] = data;
  if (only === undefined || data.length > 1 || target.voters.length === 1) return undefined;
  return `${callOf(description, only.id)} is the only voter with data: without it nothing can be read or written.`;
}

function emptyVoterWarning({ changes, now, target }: Change): string | undefined {
  const empty = changes.filter(
    (change) => change.kind === "add" && change.votes > 0 && change.witness !== true,
  );
  if (empty.length === 0) return undefined;
  const names = listed(empty.map((change) => (change.kind === "add" ? change.id : "")));
  const fact = isSecondVoter(now, target)
    ? `Nothing can be written from now until ${names} runs and has caught up.`
    : `${names} will vote before holding any data, and counts as failed until it has caught up.`;
  return `${fact} Safer: add it with --learner, and promote it then.`;
}

function silentWarning({ description, target }: Change): string | undefined {
  const kept = new Set([...target.voters.map(({ id }) => id), ...target.learners]);
  const silent = description.members.filter(
    ({ id, isActive, isLearner, name }) =>
      !isActive && kept.has(nodeIdOf(id)) && !(isLearner && name === ""), // Not started yet.
  );
  if (silent.length === 0) return undefined;
  const names = listed(silent.map(({ id }) => callOf(description, nodeIdOf(id))));
  const fact = `${names} ${silent.length === 1 ? "does" : "do"} not answer the leader`;
  const alive = new Set(answering(description));
  const spare = spareOf(target, alive);
  if (spare < 0 || spare === tolerance(target)) return `${fact}.`;
  const count = spare === 0 ? "no further failure is" : `only ${spare} more can be`;
  return `${fact}: as long as that lasts, ${count} survived.`;
}

function answering({ members }: MembershipDescription): NodeId[] {
  return members.filter(({ isActive }) => isActive).map(({ id }) => nodeIdOf(id));
}

/** Members that run now must be able to go on by themselves. */
function dangerOf({ description, now, target }: Change): string | undefined {
  const alive = (id: NodeId): boolean => isAlive(description, id);
  if (suffices(target, alive) || sameVotes(now, target) || isSecondVoter(now, target)) {
    return undefined;
  }
  const present = target.voters.filter(({ id }) => alive(id));
  const votes = present.reduce((sum, voter) => sum + voter.votes, 0);
  const who =
    present.length === 0 ? "nobody" : listed(present.map(({ id }) => callOf(description, id)));
  const counted = `Of the voters then, ${who} would answer, with ${votes} of ${totalVotes(target)} votes where ${quorumVotes(target)} are needed`;
  const canLead = present.some(({ id }) => isElectable(target, id));
  return `${counted}${canLead ? "" : ", and none that can lead"}: nothing could be written until others are back.`;
}

function sameVotes(now: Configuration, target: Configuration): boolean {
  const text = ({ voters, staticLeader }: Configuration): string =>
    JSON.stringify([[...voters].sort((a, b) => (a.id < b.id ? -1 : 1)), staticLeader]);
  return text(now) === text(target);
}

/** One member cannot become two in any other way. */
function isSecondVoter(now: Configuration, target: Configuration): boolean {
  return now.voters.length === 1 && target.voters.length === 2;
}

function inGerund(
  description: MembershipDescription,
  changes: readonly ConfigurationChange[],
): string {
  const [only] = changes;
  if (only === undefined || changes.length > 1) return "This change";
  const words = { add: "Adding", remove: "Removing", promote: "Promoting", demote: "Demoting" };
  if (!(only.kind in words) || !("id" in only) || only.id === undefined) return "This change";
  return `${words[only.kind as keyof typeof words]} ${callOf(description, only.id)}`;
}
