/** What a leader does whose store is wrong, as `packages/member` does it. */
import { isElectable } from "@flotilla/consensus";
import type { Replica } from "@flotilla/replica";

/** It cannot apply what it would commit: another one in each term, for there may be others like it. */
export function giveLeadershipAway(replica: Replica): void {
  const { role, term, configuration, progress, transferTarget } = replica.status();
  if (role !== "leader" || transferTarget !== "") return;
  const able = configuration.voters.filter(
    ({ id }) => progress.get(id)?.state === "replicate" && isElectable(configuration, id),
  );
  const next = able[term % Math.max(1, able.length)];
  if (next !== undefined) replica.transferLeadership(next.id);
}
