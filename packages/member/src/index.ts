export type * from "./contract.ts";
export { makeDurableDirectory } from "./durable-directory.ts";
export { MemberError, type MemberErrorCode } from "./errors.ts";
export { memberIdOf, nodeIdOf } from "./identity.ts";
export type { InitialMember, MemberOptions, RunningMember } from "./options.ts";
export {
  type RecoverOptions,
  type RecoverOutcome,
  type RecoveryPlan,
  recoverMember,
} from "./recover-member.ts";
export { type RestoreOptions, type RestoreOutcome, restoreMember } from "./restore-member.ts";
export { startMember } from "./start-member.ts";
