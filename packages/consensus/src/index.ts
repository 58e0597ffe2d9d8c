export {
  configurationServers,
  decodeConfiguration,
  encodeConfiguration,
  isVoter,
  serversMax,
  soleVoter,
  votesMax,
} from "./configuration.ts";
export type * from "./contract.ts";
export { decodeMessage, encodeMessage } from "./message-codec.ts";
export { committedIndex, hasQuorum, tallyVotes, type VoteOutcome } from "./quorum.ts";
export { createRaft } from "./raft/raft.ts";
export { decodeEntry, decodeHardState, encodeEntry, encodeHardState } from "./record.ts";
