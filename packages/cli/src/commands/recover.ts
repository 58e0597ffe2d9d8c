/** `flotilla member recover`: offline, when a majority of the votes is lost for good. */
import { resolve } from "node:path";
import { type RecoveryPlan, recoverMember } from "@flotilla/member";
import { recoverLocally } from "../cluster/former-members.ts";
import { confirm } from "../confirm.ts";
import { CommandError, reasonOf } from "../exit.ts";
import { recovered, recoveryPlanned } from "../membership/recovery-text.ts";

export interface RecoverOptions {
  readonly dataDir: string;
  readonly yes: boolean;
}

/** What the recovery does is decided under the directory's lock, so that nothing changes while a person thinks. */
export async function recover(options: RecoverOptions): Promise<void> {
  const dataDir = resolve(options.dataDir);
  const { plan } = await recoverMember({
    dataDir,
    confirm: async (planned: RecoveryPlan) => {
      process.stdout.write(`${recoveryPlanned(planned)}\n`);
      await confirm("recover the cluster by force", options);
      return true;
    },
  }).catch((error: unknown) => {
    if (error instanceof CommandError) throw error;
    throw new CommandError(
      "refused",
      reasonOf(error),
      "It has to be the data directory of one stopped member, like ./.flotilla/m1.",
      error,
    );
  });
  process.stdout.write(`${recoverLocally(dataDir) ?? recovered(plan, dataDir)}\n`);
}
