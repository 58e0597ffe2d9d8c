/** What holds for one server between any two inputs; simulations call it after each step. Pure. */
import { assert } from "@flotilla/base";
import type { Server } from "./server.ts";

/** Throws `InvariantError` when the state of `server` contradicts itself. O(servers). */
export function validate(server: Server): void {
  const { log, commitIndex, appliedIndex, releasedIndex } = server;
  assert(log.compactedIndex <= commitIndex, "validate: compacted beyond the commit index");
  assert(commitIndex <= log.lastIndex, "validate: committed beyond the log");
  assert(appliedIndex <= releasedIndex, "validate: applied beyond what was released");
  assert(
    releasedIndex <= commitIndex || server.hasLostEntries,
    "validate: released beyond the commit index",
  );
  assert(log.lastTerm <= server.term, "validate: an entry from a term to come");
  assert(
    server.persistence.durableIndex <= log.lastIndex,
    "validate: more is durable than there is",
  );
  assert(
    (server.role === "leader") === (server.leadership !== undefined),
    "validate: leadership without the role, or the role without it",
  );
  for (const [id, progress] of server.leadership?.progress ?? []) {
    assert(progress.matchIndex < progress.nextIndex, () => `validate: ${id} is sent what it has`);
    assert(progress.matchIndex <= log.lastIndex, () => `validate: ${id} has more than the leader`);
    assert(progress.nextIndex <= log.lastIndex + 1, () => `validate: ${id} is sent a gap`);
  }
}
