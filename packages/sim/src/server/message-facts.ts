/** What a message weighs and what goes of it into the trace. Pure. */
import type { Message } from "@flotilla/consensus";
import type { TraceHash } from "../world/trace-hash.ts";

const headBytes = 40;
const entryBytes = 12;

/** About as many bytes as the message has when it is encoded. */
export function messageBytes(message: Message): number {
  let bytes = headBytes;
  if (message.kind === "appendRequest") {
    for (const { data } of message.entries) bytes += data.length + entryBytes;
  } else if (message.kind === "forwardedProposals") {
    for (const data of message.data) bytes += data.length + entryBytes;
  }
  return bytes;
}

/** Takes what a message says into the hash. */
export function mixMessage(hash: TraceHash, message: Message): void {
  hash.mix(message.term);
  switch (message.kind) {
    case "appendRequest":
      hash.mix(message.prevIndex);
      hash.mix(message.commit);
      hash.mix(message.entries.length);
      break;
    case "appendAccepted":
      hash.mix(message.matchIndex);
      break;
    case "appendRejected":
      hash.mix(message.hintIndex);
      break;
    case "heartbeat":
    case "heartbeatResponse":
      hash.mix(message.readRound);
      break;
    case "preVoteRequest":
    case "voteRequest":
      hash.mix(message.lastIndex);
      hash.mix(message.lastTerm);
      break;
    case "preVoteResponse":
    case "voteResponse":
      hash.mix(message.granted ? 1 : 2);
      break;
    case "readResponse":
      hash.mix(message.index);
      break;
    default:
      hash.mix(message.kind.length);
  }
}

/** One line for people: `voteRequest term 3 last 7/2`. */
export function messageText(message: Message): string {
  const { kind, term } = message;
  switch (message.kind) {
    case "appendRequest": {
      const { prevIndex, prevTerm, entries, commit } = message;
      const last = entries.at(-1);
      const what = last === undefined ? "nothing" : `${prevIndex + 1}..${last.index}`;
      return `${kind} term ${term} after ${prevIndex}/${prevTerm}: ${what}, commit ${commit}`;
    }
    case "appendAccepted":
      return `${kind} term ${term} match ${message.matchIndex}`;
    case "appendRejected":
      return `${kind} term ${term} at ${message.rejectedIndex} hint ${message.hintIndex}/${message.hintTerm}`;
    case "heartbeat":
      return `${kind} term ${term} commit ${message.commit} round ${message.readRound}`;
    case "heartbeatResponse":
      return `${kind} term ${term} round ${message.readRound}`;
    case "preVoteRequest":
    case "voteRequest":
      return `${kind} term ${term} last ${message.lastIndex}/${message.lastTerm}`;
    case "preVoteResponse":
    case "voteResponse":
      return `${kind} term ${term} ${message.granted ? "granted" : "refused"}`;
    case "installSnapshot":
      return `${kind} term ${term} at ${message.snapshot.index}/${message.snapshot.term}`;
    case "dataLost":
      return `${kind} term ${term} last ${message.lastIndex}`;
    case "refused":
      return `${kind}: ${message.reason}`;
    case "forwardedProposals":
      return `${kind} term ${term} count ${message.data.length}`;
    case "readRequest":
      return `${kind} term ${term} id ${message.requestId}`;
    case "readResponse":
      return `${kind} term ${term} id ${message.requestId} index ${message.index}`;
    case "timeoutNow":
      return `${kind} term ${term}`;
  }
}
