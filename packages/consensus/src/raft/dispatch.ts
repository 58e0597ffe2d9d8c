/** Routes an admitted message to its handler: by whether this server leads, and by kind. */
import { assertNever } from "@flotilla/base";
import type { Message } from "../contract.ts";
import {
  onPreVoteRequest,
  onPreVoteResponse,
  onTimeoutNow,
  onVoteRequest,
  onVoteResponse,
} from "./election.ts";
import { onAppendRequest, onHeartbeat, onInstallSnapshot } from "./follower.ts";
import { onHeartbeatResponse, proposeHere } from "./leader.ts";
import type { Leadership } from "./leadership.ts";
import { onReadRequest, onReadResponse } from "./read-index.ts";
import { onAppendAccepted, onAppendRejected, onDataLost } from "./replication.ts";
import type { Server } from "./server.ts";

/** Every message but the refusals, whose term means nothing. */
export type AdmittedMessage = Exclude<Message, { kind: "refused" }>;

/** A message in the present term, at a server that does not lead it. */
export function stepFollowing(server: Server, message: AdmittedMessage): void {
  switch (message.kind) {
    case "appendRequest":
      onAppendRequest(server, message);
      break;
    case "heartbeat":
      onHeartbeat(server, message);
      break;
    case "installSnapshot":
      onInstallSnapshot(server, message);
      break;
    case "preVoteRequest":
      onPreVoteRequest(server, message);
      break;
    case "preVoteResponse":
      onPreVoteResponse(server, message);
      break;
    case "voteRequest":
      onVoteRequest(server, message);
      break;
    case "voteResponse":
      onVoteResponse(server, message);
      break;
    case "timeoutNow":
      onTimeoutNow(server, message);
      break;
    case "readResponse":
      onReadResponse(server, message);
      break;
    case "appendAccepted":
    case "appendRejected":
    case "heartbeatResponse":
    case "dataLost":
    case "forwardedProposals":
    case "readRequest":
      break; // For a leader, which this server is not any more.
    default:
      assertNever(message);
  }
}

/** A message in the term that this server leads. */
export function stepLeading(
  server: Server,
  leadership: Leadership,
  message: AdmittedMessage,
): void {
  switch (message.kind) {
    case "appendAccepted":
      onAppendAccepted(server, leadership, message);
      break;
    case "appendRejected":
      onAppendRejected(server, leadership, message);
      break;
    case "heartbeatResponse":
      onHeartbeatResponse(server, leadership, message);
      break;
    case "forwardedProposals":
      proposeHere(server, leadership, message.data);
      break;
    case "readRequest":
      onReadRequest(leadership, message);
      break;
    case "preVoteRequest":
      onPreVoteRequest(server, message);
      break;
    case "voteRequest":
      onVoteRequest(server, message);
      break;
    case "dataLost":
      onDataLost(server, leadership, message);
      break;
    case "preVoteResponse":
    case "voteResponse":
    case "readResponse":
      break; // Late: the campaign or the question is over.
    case "appendRequest":
    case "heartbeat":
    case "installSnapshot":
    case "timeoutNow":
      break; // Only a leader sends these, and there is one in a term.
    default:
      assertNever(message);
  }
}
