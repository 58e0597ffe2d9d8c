/** What a member does beside answering: compaction, comparison with the others, backups. */
import { type BackupDeps, startBackups } from "./backup/backups.ts";
import { startAutoCompaction } from "./compaction/auto-compactor.ts";
import type { EtcdApiOptions } from "./context.ts";
import { startCorruptionChecks } from "./corruption/checks.ts";
import { startCorruptionRepair } from "./corruption/repair.ts";

/** Begins all that the options ask for; returns how to stop it. */
export function startChores(
  deps: BackupDeps,
  options: Pick<
    EtcdApiOptions,
    | "autoCompaction"
    | "compactHashCheckMs"
    | "corruptCheckMs"
    | "initialCorruptCheck"
    | "corruptRepair"
    | "backups"
  >,
): () => void {
  const stops = [
    startAutoCompaction(deps, options.autoCompaction),
    startCorruptionChecks(deps, options),
    startCorruptionRepair(deps, options),
    startBackups(deps, options.backups),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}
