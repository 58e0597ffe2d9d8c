/**
 * Forced recovery: makes a cluster of its own out of one stopped member, when too many others are
 * lost for good. What only they had is lost with them, and they are refused when they come back.
 */
import { assert, type Logger, silentLogger } from "@flotilla/base";
import { decodeConfiguration, forcedRecovery } from "@flotilla/consensus";
import { appliedConfiguration } from "@flotilla/replica";
import type { Beginning } from "./beginning.ts";
import type { MemberInfo } from "./contract.ts";
import { type DataDirectory, logPath, openDataDirectory } from "./data-directory.ts";
import { MemberError } from "./errors.ts";
import { nodeIdOf } from "./identity.ts";
import { appendToLog, holdsLog } from "./log-directory.ts";
import { memberInfos } from "./membership.ts";

export interface RecoverOptions {
  /** Of a member that does not run. */
  readonly dataDir: string;
  /** Where its log lies, if not within `dataDir`. */
  readonly walDir?: string;
  readonly logger?: Logger;
  /** Asked once, before anything is changed and while nobody else can use the directory. Default: yes. */
  readonly confirm?: (plan: RecoveryPlan) => boolean | Promise<boolean>;
}

/** What a forced recovery does. */
export interface RecoveryPlan {
  readonly clusterId: bigint;
  /** Who is to be the only member, as it was until now. */
  readonly member: MemberInfo;
  /** Of the recovered cluster: servers of another one are refused. */
  readonly epoch: number;
  /**
   * Present when the cluster was recovered from another member already, in this epoch: what was
   * written there since is given up.
   */
  readonly replacedEpoch: number | undefined;
  /** Entries up to this one are kept, also those that were never acknowledged. */
  readonly keptIndex: number;
  /** How far this member knew of acknowledgements; others may have known of more. */
  readonly committedIndex: number;
  /** Who is left behind, until its data directory is emptied and it is added anew. */
  readonly superseded: readonly MemberInfo[];
}

export interface RecoverOutcome {
  /** `declined`: by `confirm`; nothing was changed. */
  readonly kind: "recovered" | "declined";
  readonly plan: RecoveryPlan;
}

/**
 * Recovers; the member leads alone when it is started. Throws `MemberError` `cannotRecover`, and what
 * opening the directory throws, `locked` among it.
 */
export async function recoverMember(options: RecoverOptions): Promise<RecoverOutcome> {
  const { dataDir, logger = silentLogger, confirm = () => true } = options;
  const nothing = (): MemberError => cannotRecover(dataDir, "it holds no member");
  if (!(await holdsLog(logPath(options)))) throw nothing(); // Before anything is made there.
  const existing: Beginning = { begin: () => Promise.reject(nothing()) };
  const data = await openDataDirectory(options, existing, logger);
  try {
    const { hardState, entry } = forcedRecovery(data.engineState, nodeIdOf(data.owner.id));
    const plan = planOf(data, entry, dataDir);
    if (!(await confirm(plan))) return { kind: "declined", plan };
    await appendToLog(data.wal, { hardState, entries: [entry], mustSync: true });
    return { kind: "recovered", plan };
  } finally {
    await data.close();
  }
}

function planOf(
  { owner, store, engineState }: DataDirectory,
  recovery: { readonly index: number; readonly data: Uint8Array },
  dataDir: string,
): RecoveryPlan {
  const { hardState } = engineState;
  const keptIndex = recovery.index - 1;
  const before = appliedConfiguration({ ...engineState, appliedIndex: keptIndex });
  const members = memberInfos(before, store.memberAttributes());
  const member = members.find(({ id }) => id === owner.id);
  if (member === undefined) {
    throw cannotRecover(dataDir, "its member was removed, or never took part");
  }
  if (member.isWitness) throw cannotRecover(dataDir, "its member is a witness and holds no data");
  const after = decodeConfiguration(recovery.data);
  assert(after !== undefined, "recovery: what the engine encodes is a configuration");
  return {
    clusterId: owner.clusterId,
    member,
    epoch: after.epoch ?? 0,
    replacedEpoch: hardState.supersededBy,
    keptIndex,
    committedIndex: hardState.commit,
    superseded: members.filter(({ id }) => id !== owner.id),
  };
}

function cannotRecover(dataDir: string, reason: string): MemberError {
  return new MemberError(
    "cannotRecover",
    `Cannot recover the cluster from the data directory "${dataDir}": ${reason}`,
  );
}
