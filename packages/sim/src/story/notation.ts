/**
 * How a story writes what servers say and hold; nearly as the interaction scripts of the consensus
 * package do. Pure.
 */
import { textOf } from "@flotilla/base";
import {
  type Configuration,
  decodeConfiguration,
  type Entry,
  type Message,
  type NodeId,
} from "@flotilla/consensus";
import { type Command, decodeProposal, type TxnRequest } from "@flotilla/store";

/** Entries of one message or write that are spelled out; of more only the first and the last. */
const entriesMax = 6;

/** A message without its sender and receiver: `voteRequest term 3 last 7/2`. */
export function messageText(message: Message): string {
  const body = messageBody(message);
  const head = message.kind === "refused" ? message.kind : `${message.kind} term ${message.term}`;
  const epoch = message.epoch === undefined || message.epoch === 0 ? "" : ` epoch ${message.epoch}`;
  return `${head}${body === "" ? "" : ` ${body}`}${epoch}`;
}

function messageBody(message: Message): string {
  switch (message.kind) {
    case "preVoteRequest":
      return `last ${message.lastIndex}/${message.lastTerm}`;
    case "voteRequest":
      return `last ${message.lastIndex}/${message.lastTerm}${message.transfer ? " transfer" : ""}`;
    case "preVoteResponse":
    case "voteResponse":
      return message.granted ? "granted" : "refused";
    case "appendRequest": {
      const { prevIndex, prevTerm, entries, commit } = message;
      const body = entries.length === 0 ? "" : ` ${entriesText(entries)}`;
      return `after ${prevIndex}/${prevTerm}${body} commit ${commit}`;
    }
    case "appendAccepted":
      return `match ${message.matchIndex}${message.standsBack === true ? " stands back" : ""}`;
    case "appendRejected":
      return `at ${message.rejectedIndex} hint ${message.hintIndex}/${message.hintTerm}`;
    case "heartbeat":
      return `commit ${message.commit} round ${message.readRound}`;
    case "heartbeatResponse":
      return `round ${message.readRound}${message.standsBack === true ? " stands back" : ""}`;
    case "installSnapshot": {
      const { index, term, configuration } = message.snapshot;
      return `to ${index}/${term} ${configurationText(configuration)}`;
    }
    case "dataLost":
      return `last ${message.lastIndex}`;
    case "refused":
      return message.reason;
    case "timeoutNow":
      return "";
    case "forwardedProposals":
      return message.data.map(proposalText).join(", ");
    case "readRequest":
      return `read ${message.requestId}`;
    case "readResponse":
      return `read ${message.requestId} index ${message.index}`;
  }
}

/** `[5/3 put c=17, 6/3 noop]`: index, term, content. */
export function entriesText(entries: readonly Entry[]): string {
  if (entries.length <= entriesMax) return `[${entries.map(entryText).join(", ")}]`;
  const [first] = entries;
  const last = entries.at(-1);
  if (first === undefined || last === undefined) return "[]";
  return `[${entryText(first)}, … ${entries.length - 2} more, ${entryText(last)}]`;
}

/** `5/3 put c=17`. */
export function entryText(entry: Entry): string {
  return `${entry.index}/${entry.term} ${contentText(entry)}`;
}

/** `5/2 6/2`, or `5/2 to 9/3` where there are many. */
export function positionsText(
  positions: readonly { readonly index: number; readonly term: number }[],
): string {
  const texts = positions.map(({ index, term }) => `${index}/${term}`);
  return texts.length <= entriesMax ? texts.join(" ") : `${texts[0]} to ${texts.at(-1)}`;
}

/** `{a1 a2*3 a3:witness a4:learner; leaving a1 a2}`. */
export function configurationText(configuration: Configuration): string {
  const { voters, learners, outgoing, witnesses = [], preferred = [] } = configuration;
  const voterText = ({ id, votes }: { readonly id: NodeId; readonly votes: number }): string =>
    `${id}${votes === 1 ? "" : `*${votes}`}${witnesses.includes(id) ? ":witness" : ""}`;
  const taking = [...voters.map(voterText), ...learners.map((id) => `${id}:learner`)];
  const parts = [taking.length === 0 ? "nobody" : taking.join(" ")];
  if (outgoing.length > 0) parts.push(`leaving ${outgoing.map(voterText).join(" ")}`);
  if (preferred.length > 0) parts.push(`prefers ${preferred.join(" ")}`);
  if (configuration.staticLeader !== undefined) parts.push(`led by ${configuration.staticLeader}`);
  if (configuration.epoch !== undefined && configuration.epoch > 0) {
    parts.push(`epoch ${configuration.epoch}`);
  }
  return `{${parts.join("; ")}}`;
}

function contentText(entry: Entry): string {
  if (entry.kind === "noop") return "noop";
  if (entry.kind === "command") return proposalText(entry.data);
  const configuration = decodeConfiguration(entry.data);
  return configuration === undefined ? "{?}" : configurationText(configuration);
}

function proposalText(data: Uint8Array): string {
  if (data.length === 0) return "(no data)"; // Witnesses are told no more.
  try {
    return commandText(decodeProposal(data).command);
  } catch {
    return `(${data.length} bytes)`; // A bug may be what wrote them: that is for the oracles.
  }
}

function commandText(command: Command): string {
  switch (command.kind) {
    case "put": {
      const { key, value, lease } = command.request;
      return `put ${textOf(key)}=${textOf(value)}${lease === 0n ? "" : ` lease ${lease}`}`;
    }
    case "deleteRange":
      return `delete ${textOf(command.request.key)}`;
    case "txn":
      return `cas ${transactionText(command.request)}`;
    case "compact":
      return `compact ${command.revision}`;
    case "leaseGrant":
      return `grant lease ${command.id} for ${command.ttlSeconds} s`;
    case "leaseRevoke":
      return `revoke lease ${command.id}`;
    case "memberAttributes":
      return "attributes";
    default:
      return command.kind; // No scenario has them.
  }
}

function transactionText({ success }: TxnRequest): string {
  return success
    .map((request) =>
      request.kind === "put"
        ? `${textOf(request.request.key)}=${textOf(request.request.value)}`
        : request.kind,
    )
    .join(" ");
}
