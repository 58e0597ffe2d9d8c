export {
  configurationServers,
  isBlank,
  isElectable,
  isJoint,
  isVoter,
  isWitness,
  nodeIdLengthMax,
  removedMax,
  serverRecord,
  serversMax,
  soleVoter,
  urlLengthMax,
  urlsMax,
  votesMax,
} from "./configuration.ts";
export {
  type ChangePlan,
  changeStepsMax,
  jointOf,
  leaveJoint,
  planChange,
} from "./configuration-change.ts";
export { decodeConfiguration, encodeConfiguration } from "./configuration-codec.ts";
export type * from "./contract.ts";
export { quorumVotes, suffices, tolerance, totalVotes } from "./fault-tolerance.ts";
export { forcedRecovery, recoveredConfiguration } from "./forced-recovery.ts";
export { isSamePromise } from "./hard-state.ts";
export { decodeMessage, encodeMessage } from "./message-codec.ts";
export { committedIndex, hasQuorum, tallyVotes, type VoteOutcome } from "./quorum.ts";
export { createRaft } from "./raft/raft.ts";
export {
  decodeEntry,
  decodeHardState,
  encodeEntry,
  encodeHardState,
  writeEntry,
} from "./record.ts";
