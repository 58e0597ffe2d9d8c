/** Starts one member. */
import { MemberError } from "./errors.ts";
import type { MemberOptions, RunningMember } from "./options.ts";

/** Starts a member and resolves once it takes part; it need not have a leader then. */
export function startMember(options: MemberOptions): Promise<RunningMember> {
  return Promise.reject(new MemberError("stopped", `Cannot start ${options.name}`));
}
