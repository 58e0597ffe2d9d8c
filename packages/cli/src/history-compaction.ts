/**
 * Forgets old revisions, as kube-apiserver has etcd do: every five minutes, what is older than five
 * minutes. Runs in the leader; bound to its term. Source: Kubernetes `--etcd-compaction-interval`.
 */
import type { Logger } from "@flotilla/base";
import type { Member } from "@flotilla/member";
import { systemTimers } from "./system.ts";

const intervalMs = 5 * 60_000;

/** Starts with this call; returns how to stop. A fresh leader keeps everything for one interval more. */
export function compactHistory(member: Member, term: number, logger: Logger): { stop(): void } {
  let keepFrom = member.store.revision;
  let cancel = systemTimers.after(intervalMs, compact);
  let stopped = false;

  function compact(): void {
    const revision = keepFrom;
    keepFrom = member.store.revision;
    if (revision > Math.max(member.store.compactRevision, 1)) void propose(revision);
    if (!stopped) cancel = systemTimers.after(intervalMs, compact);
  }

  async function propose(revision: number): Promise<void> {
    const command = { kind: "compact", revision, physical: false } as const;
    const outcome = await member.propose(command, { onlyInTerm: term, principal: "cluster" });
    logger.info("old revisions compacted", { revision, outcome: outcome.kind });
  }

  return {
    stop() {
      stopped = true;
      cancel();
    },
  };
}
