/**
 * Witnesses vote by the places and terms of entries, without their data (etcd and others call the idea
 * so; Paris, "Voting with Witnesses", 1986).
 *
 * An entry that only one data server and the witness hold is safe, but available only while that data
 * server is. So the witness gets an entry only once the data servers that keep up have it: it helps to
 * commit when one of them is gone, and not before.
 */
import { emptyBytes } from "@flotilla/base";
import type { Entry, LogIndex, Voter } from "../contract.ts";
import type { Leadership } from "./leadership.ts";
import type { Progress } from "./progress.ts";
import type { Server } from "./server.ts";

/** The last entry that witnesses may get now. */
export function witnessLimit(server: Server, leadership: Leadership): LogIndex {
  const { outgoing, voters } = server.configuration;
  return Math.min(
    durableOnAllThatKeepUp(server, leadership, [...voters, ...outgoing]),
    durableOnAny(server, leadership, voters),
  );
}

function durableOnAllThatKeepUp(
  server: Server,
  leadership: Leadership,
  voters: readonly Voter[],
): LogIndex {
  let least = server.log.lastIndex;
  for (const { id } of voters) {
    const progress = server.roster.isWitness(id) ? undefined : leadership.progress.get(id);
    if (progress !== undefined && keepsUp(server, leadership, progress)) {
      least = Math.min(least, progress.matchIndex);
    }
  }
  return least;
}

/**
 * Durable on one data server at least that stays. Witnesses would otherwise end up with a longer log
 * than everybody who needs their votes: after a crash of a leader that had not written yet, or that
 * leaves the configuration. Nobody could ever be elected then.
 */
function durableOnAny(server: Server, leadership: Leadership, voters: readonly Voter[]): LogIndex {
  let most = 0;
  for (const { id } of voters) {
    if (server.roster.isWitness(id)) continue;
    const isSelf = id === server.id;
    const { durableIndex } = server.persistence;
    const held = isSelf ? durableIndex : (leadership.progress.get(id)?.matchIndex ?? 0);
    most = Math.max(most, held);
  }
  return most;
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
