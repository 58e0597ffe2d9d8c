/** Tells what is different about a server after an event. Pure. */
import type { Fact, ServerState } from "./fact.ts";
import type { Line } from "./line.ts";
import { configurationText, entriesText, positionsText } from "./notation.ts";
import { isSamePromise, promiseText } from "./promised.ts";

type StateFact = Extract<Fact, { kind: "state" }>;

/** Undefined when there is nothing in it for a reader. */
export function stateLine(fact: StateFact): Line | undefined {
  const { before, after, atMs, server: who } = fact;
  if (after.disk !== before.disk) {
    return { atMs, who, text: "what was on its disk is gone or of no use" };
  }
  if (before.isUp && !after.isUp) return { atMs, who, text: downText(after) };
  if (!before.isUp && after.isUp) return { atMs, who, text: upText(after) };
  const parts = [...roleParts(before, after), ...logParts(fact), ...commitParts(before, after)];
  if (parts.length > 0) return { atMs, who, text: parts.join(", ") };
  return routineLine(fact);
}

function downText({ log, durable }: ServerState): string {
  const isWritten = isSamePromise(log, durable);
  const rest = isWritten ? "" : `; of that its disk had ${promiseText(durable)}`;
  return `is down; it had ${promiseText(log)}${rest}`;
}

function upText(state: ServerState): string {
  const { log, commitIndex, appliedIndex, configuration } = state;
  return (
    `runs in term ${log.term} with ${promiseText(log)}, commit ${commitIndex}, ` +
    `applied ${appliedIndex}, ${configurationText(configuration)}`
  );
}

function roleParts(before: ServerState, after: ServerState): string[] {
  const { role, leader, log } = after;
  const parts: string[] = [];
  const isOther = before.role !== role || before.log.term !== log.term || before.leader !== leader;
  if (before.role === "leader" && role !== "leader") parts.push("STEPS DOWN");
  if (isOther) parts.push(roleText(after));
  const hasVoted =
    log.vote !== "" && (before.log.vote !== log.vote || before.log.term !== log.term);
  if (hasVoted && role === "follower") parts.push(`votes for ${log.vote}`);
  return parts;
}

function roleText({ role, leader, log }: ServerState): string {
  switch (role) {
    case "follower":
      return `${leader === "" ? "follows nobody" : `follows ${leader}`} in term ${log.term}`;
    case "preCandidate":
      return `asks for pre-votes for term ${log.term + 1}`;
    case "candidate":
      return `is candidate in term ${log.term}`;
    case "leader":
      return `IS LEADER of term ${log.term}`;
  }
}

function logParts({ before, after, log }: StateFact): string[] {
  const parts: string[] = [];
  if (log.dropped.length > 0) parts.push(`drops ${positionsText(log.dropped)}`);
  if (log.appended.length > 0) parts.push(`appends ${entriesText(log.appended)}`);
  const isReplaced = after.log.firstIndex > before.log.lastIndex + 1;
  if (isReplaced) parts.push(`replaces its log by a snapshot to ${after.log.firstIndex - 1}`);
  if (before.configuration !== after.configuration) {
    const now = configurationText(after.configuration);
    if (now !== configurationText(before.configuration)) parts.push(`is of ${now}`);
  }
  return parts;
}

function commitParts(before: ServerState, after: ServerState): string[] {
  if (before.commitIndex === after.commitIndex) return [];
  return [`commits to ${after.commitIndex}`];
}

/** What happens all the time. */
function routineLine({ before, after, atMs, server: who }: StateFact): Line | undefined {
  if (after.appliedIndex < before.appliedIndex) {
    return { atMs, who, text: `its state goes back to ${after.appliedIndex}` };
  }
  if (after.appliedIndex > before.appliedIndex) {
    return {
      atMs,
      who,
      text: `applies to ${after.appliedIndex}`,
      routine: ["slice applied", "slices applied"],
    };
  }
  if (after.log.firstIndex > before.log.firstIndex) {
    const text = `forgets its log to ${after.log.firstIndex - 1}`;
    return { atMs, who, text, routine: ["log compacted", "logs compacted"] };
  }
  if (isSamePromise(before.durable, after.durable)) return undefined;
  const text = `has on disk: ${promiseText(after.durable)}`;
  return { atMs, who, text, routine: ["write done", "writes done"] };
}
