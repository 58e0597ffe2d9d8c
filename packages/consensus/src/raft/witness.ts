/**
 * Witnesses vote by the places and terms of entries, without their data (etcd and others call the idea
 * so; Paris, "Voting with Witnesses", 1986).
 *
 * An entry that only one data server and the witness hold is safe, but available only while that data
 * server is. So the witness gets an entry only once the data servers that keep up have it: it helps to
 * commit when one of them is gone, and not before.
 */
import { emptyBytes } from "@flotilla/base";
import type { Entry, LogIndex } from "../contract.ts";
import type { Leadership } from "./leadership.ts";
import type { Progress } from "./progress.ts";
import type { Server } from "./server.ts";

/** The last entry that witnesses may get now. */
export function witnessLimit(server: Server, leadership: Leadership): LogIndex {
  const { configuration, roster } = server;
  let limit = server.log.lastIndex;
  for (const { id } of [...configuration.voters, ...configuration.outgoing]) {
    const progress = roster.isWitness(id) ? undefined : leadership.progress.get(id);
    if (progress !== undefined && keepsUp(server, leadership, progress)) {
      limit = Math.min(limit, progress.matchIndex);
    }
  }
  return limit;
}

/** It is there, and has by now what the leader had an election timeout ago. */
function keepsUp(server: Server, leadership: Leadership, progress: Progress): boolean {
  const { electionTicks, heartbeatTicks } = server.limits;
  // A server that was never heard of in this leadership gets the time for one answer.
  const isNew = server.tick - progress.sinceTick <= 2 * heartbeatTicks;
  return (
    (isNew || progress.isActive(server.tick, electionTicks)) &&
    progress.matchIndex >= leadership.levels.ago(electionTicks)
  );
}

/** The entries as a witness gets them: their places and terms, and whole configurations. */
export function withoutData(entries: readonly Entry[]): readonly Entry[] {
  return entries.map((entry) =>
    entry.kind === "command" ? { ...entry, kind: "noop", data: emptyBytes } : entry,
  );
}
