/** What of an engine's state a script shows when it changes. Pure. */
import type { Entry } from "../../src/contract.ts";
import type { Raft } from "../../src/raft/raft.ts";
import { nameOf, textOfConfiguration, textOfIsolation } from "./notation.ts";

/** The shown state, each part as the text that says it; and the log, to see what it loses. */
export interface View {
  readonly parts: Readonly<Record<string, string>>;
  readonly entries: readonly Entry[];
  readonly firstIndex: number;
}

export function viewOf(raft: Raft): View {
  const { server } = raft;
  const { log } = server;
  const status = raft.status();
  const { isolation, diverged, transferTarget } = status;
  return {
    parts: {
      role: status.role,
      term: `term ${status.term}`,
      vote: `vote ${nameOf(server.vote)}`,
      leader: status.leader === status.id ? "" : followingText(status.leader),
      commit: `commit ${status.commitIndex}`,
      first: `log from ${status.firstIndex}`,
      configuration: textOfConfiguration(status.configuration),
      isolation: isolation === undefined ? "not isolated" : textOfIsolation(isolation),
      diverged: diverged === undefined ? "" : `diverged at ${diverged}`,
      transfer: transferTarget === "" ? "keeps leadership" : `hands over to ${transferTarget}`,
    },
    entries: log.slice(log.firstIndex, log.lastIndex),
    firstIndex: log.firstIndex,
  };
}

function followingText(leader: string): string {
  return leader === "" ? "no leader" : `follows ${leader}`;
}

/** The texts of the parts that differ. */
export function changesBetween(before: View, after: View): string[] {
  const changed = Object.entries(after.parts).filter(([name, text]) => before.parts[name] !== text);
  return changed.map(([, text]) => text).filter((text) => text !== "");
}

/** The entries that were in the log and are not any more, other than by compaction. */
export function forgottenBetween(before: View, after: View): string {
  const terms = new Map(after.entries.map((entry) => [entry.index, entry.term]));
  const isForgotten = ({ index, term }: Entry): boolean =>
    index >= after.firstIndex && terms.get(index) !== term;
  const forgotten = before.entries.filter(isForgotten);
  return forgotten.map(({ index, term }) => `${index}/${term}`).join(" ");
}

/** All of it in one line, for whoever asks. */
export function statusText(raft: Raft): string {
  const status = raft.status();
  const { id, role, term, leader, firstIndex, lastIndex, commitIndex, appliedIndex } = status;
  const following = leader === id || role === "leader" ? "" : ` ${followingText(leader)}`;
  const log = `log ${firstIndex}..${lastIndex} commit ${commitIndex} applied ${appliedIndex}`;
  const isCommitted = status.isConfigurationCommitted ? "" : " uncommitted";
  const configuration = `${textOfConfiguration(status.configuration)}${isCommitted}`;
  const extra = [
    status.transferTarget === "" ? "" : `hands over to ${status.transferTarget}`,
    status.isolation === undefined ? "" : textOfIsolation(status.isolation),
    status.diverged === undefined ? "" : `diverged at ${status.diverged}`,
  ].filter((text) => text !== "");
  return [`${id} ${role} term ${term}${following}`, log, configuration, ...extra].join("; ");
}

/** What a leader knows about each other server, one line each. */
export function progressLines(raft: Raft): string[] {
  const { leadership, id } = raft.server;
  if (leadership === undefined) return [`${id} does not lead`];
  const known = raft.status().progress;
  return [...leadership.progress].map(([to, progress]) => {
    const { matchIndex, nextIndex, state, inflight, paused } = progress;
    const words = [`match ${matchIndex} next ${nextIndex} ${state}`];
    if (inflight.count > 0)
      words.push(`${inflight.count} in flight${inflight.full ? ", full" : ""}`);
    if (paused) words.push("paused");
    if (known.get(to)?.recentlyActive === true) words.push("active");
    if (known.get(to)?.hasLostEntries === true) words.push("has lost entries");
    return `${id} about ${to}: ${words.join(", ")}`;
  });
}
