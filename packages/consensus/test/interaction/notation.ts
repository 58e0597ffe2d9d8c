/**
 * How the interaction scripts write what servers say and hold: one line for each thing, the same
 * words in a script's commands and in its output. README.md has the notation in a table. Pure.
 */
import { textOf } from "@flotilla/base";
import { decodeConfiguration } from "../../src/configuration-codec.ts";
import type {
  Configuration,
  Entry,
  HardState,
  Isolation,
  Message,
  NodeId,
  Persist,
  Voter,
} from "../../src/contract.ts";

/** A message without its sender and receiver. */
export function textOfMessage(message: Message): string {
  const head = `${message.kind} term ${message.term}`;
  const body = bodyOf(message);
  const parts = [head, ...(body === "" ? [] : [body])];
  if (message.epoch !== undefined && message.epoch > 0) parts.push(`epoch ${message.epoch}`);
  if (message.incarnation !== undefined && message.incarnation > 0) {
    parts.push(`incarnation ${message.incarnation}`);
  }
  return parts.join(" ");
}

function bodyOf(message: Message): string {
  switch (message.kind) {
    case "preVoteRequest":
      return `last ${message.lastIndex}/${message.lastTerm}`;
    case "voteRequest":
      return `last ${message.lastIndex}/${message.lastTerm}${message.transfer ? " transfer" : ""}`;
    case "preVoteResponse":
    case "voteResponse":
      return message.granted ? "granted" : "denied";
    case "appendRequest": {
      const { prevIndex, prevTerm, entries, commit } = message;
      const body = entries.length === 0 ? "" : ` ${textOfEntries(entries)}`;
      return `after ${prevIndex}/${prevTerm}${body} commit ${commit}`;
    }
    case "appendAccepted":
      return `match ${message.matchIndex}`;
    case "appendRejected":
      return `at ${message.rejectedIndex} hint ${message.hintIndex}/${message.hintTerm}`;
    case "heartbeat":
      return `commit ${message.commit} round ${message.readRound}`;
    case "heartbeatResponse":
      return `round ${message.readRound}`;
    case "installSnapshot": {
      const { index, term, configuration } = message.snapshot;
      return `to ${index}/${term} ${textOfConfiguration(configuration)}`;
    }
    case "dataLost":
      return `last ${message.lastIndex}`;
    case "refused":
      return message.reason;
    case "timeoutNow":
      return "";
    case "forwardedProposals":
      return message.data.map(textOfData).join(" ");
    case "readRequest":
      return `read ${message.requestId}`;
    case "readResponse":
      return `read ${message.requestId} index ${message.index}`;
  }
}

/** `[2/1 "a", 3/1 "b"]`: index, term, content. */
export function textOfEntries(entries: readonly Entry[]): string {
  return `[${entries.map(textOfEntry).join(", ")}]`;
}

export function textOfEntry(entry: Entry): string {
  return `${entry.index}/${entry.term} ${contentOf(entry)}`;
}

function contentOf(entry: Entry): string {
  if (entry.kind === "noop") return "noop";
  if (entry.kind === "command") return textOfData(entry.data);
  const configuration = decodeConfiguration(entry.data);
  return configuration === undefined ? "{?}" : textOfConfiguration(configuration);
}

/** As a script writes it: `"a"`, and `"a*100"` for a hundred of them. */
function textOfData(data: Uint8Array): string {
  const text = textOf(data);
  const isRun = text.length >= 10 && text === text.charAt(0).repeat(text.length);
  return isRun ? `"${text.charAt(0)}*${text.length}"` : `"${text}"`;
}

/** `{m1 m2*3 m3:witness m4:learner; leaving m1 m2}`: see {@link textOfServer}. */
export function textOfConfiguration(configuration: Configuration): string {
  const { voters, learners, outgoing, witnesses = [], preferred = [] } = configuration;
  const { staticLeader, epoch = 0, servers = [], removed = [] } = configuration;
  const voterText = (voter: Voter): string => textOfServer(voter, witnesses);
  const taking = [...voters.map(voterText), ...learners.map((id) => `${id}:learner`)];
  const parts = [taking.length === 0 ? "nobody" : taking.join(" ")];
  if (outgoing.length > 0) parts.push(`leaving ${outgoing.map(voterText).join(" ")}`);
  if (preferred.length > 0) parts.push(`prefers ${preferred.join(" ")}`);
  if (staticLeader !== undefined) parts.push(`led by ${staticLeader}`);
  if (epoch > 0) parts.push(`epoch ${epoch}`);
  const known = servers.filter((server) => server.incarnation > 0);
  if (known.length > 0) {
    parts.push(`incarnations ${known.map((each) => `${each.id}=${each.incarnation}`).join(" ")}`);
  }
  const reachable = servers.filter((server) => server.urls.length > 0);
  if (reachable.length > 0) {
    parts.push(`urls ${reachable.map((each) => `${each.id}=${each.urls.join(",")}`).join(" ")}`);
  }
  if (removed.length > 0) parts.push(`removed ${removed.join(" ")}`);
  return `{${parts.join("; ")}}`;
}

function textOfServer(voter: Voter, witnesses: readonly NodeId[]): string {
  const votes = voter.votes === 1 ? "" : `*${voter.votes}`;
  return `${voter.id}${votes}${witnesses.includes(voter.id) ? ":witness" : ""}`;
}

/** A server as a script writes it: `m1`, `m1*3`, `m1:witness`, `m1:learner`. */
export interface ServerWord {
  readonly id: NodeId;
  readonly votes: number;
  readonly role: "voter" | "witness" | "learner";
}

export function serverOf(word: string): ServerWord {
  const match = /^([a-z]\w*)(?:\*(\d+))?(?::(witness|learner))?$/.exec(word);
  if (match === null) throw new Error(`not a server: "${word}"`);
  const [, id = "", votes = "1", role = "voter"] = match;
  return { id, votes: Number(votes), role: role as ServerWord["role"] };
}

/** The configuration of these servers, with nothing else in it. */
export function configurationOf(servers: readonly ServerWord[]): Configuration {
  const voters = servers.filter((server) => server.role !== "learner");
  const witnesses = servers.filter((server) => server.role === "witness");
  const learners = servers.filter((server) => server.role === "learner");
  return {
    voters: voters.map(({ id, votes }) => ({ id, votes })),
    learners: learners.map((server) => server.id),
    outgoing: [],
    ...(witnesses.length === 0 ? {} : { witnesses: witnesses.map((server) => server.id) }),
  };
}

/** What a write holds: `term 1 vote m1 commit 0 [1/1 noop]`. */
export function textOfPersist(persist: Persist): string {
  const parts: string[] = [];
  if (persist.hardState !== undefined) parts.push(textOfHardState(persist.hardState));
  if (persist.snapshot !== undefined) {
    const { index, term, configuration } = persist.snapshot;
    parts.push(`snapshot to ${index}/${term} ${textOfConfiguration(configuration)}`);
  }
  if (persist.entries.length > 0) parts.push(textOfEntries(persist.entries));
  return parts.join(" ");
}

export function textOfHardState(hardState: HardState): string {
  const { term, vote, commit, supersededBy, epoch, lostUntil, lacksData } = hardState;
  const parts = [`term ${term} vote ${nameOf(vote)} commit ${commit}`];
  if (epoch !== undefined) parts.push(`epoch ${epoch}`);
  if (supersededBy !== undefined) parts.push(`superseded by epoch ${supersededBy}`);
  if (lostUntil !== undefined) parts.push(`lost until ${lostUntil}`);
  if (lacksData !== undefined) parts.push("without data");
  return parts.join(" ");
}

export function textOfIsolation(isolation: Isolation): string {
  return isolation.kind === "lostEntries"
    ? `isolated: lost entries, until ${isolation.until}`
    : `isolated: ${isolation.kind}, says ${nameOf(isolation.by)}`;
}

/** A server, or nobody. */
export function nameOf(id: NodeId): string {
  return id === "" ? "-" : id;
}
