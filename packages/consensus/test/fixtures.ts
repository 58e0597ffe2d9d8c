/** Small notations for tests of single parts. */
import type { Configuration, Message, Voter } from "../src/contract.ts";
import type { AppendDecision, AppendProposal, LogView } from "../src/raft/append-decision.ts";
import { RaftLog } from "../src/raft/log.ts";
import { entriesOf } from "./cluster.ts";

/** The messages of one kind. */
export type MessageOf<Kind extends Message["kind"]> = Extract<Message, { kind: Kind }>;

/** A log from its terms ("112": index 1 to 3); entries up to `compacted` are dropped. */
export function raftLogOf(terms: string, compacted = 0): RaftLog {
  const log = new RaftLog(0, 0, entriesOf(terms));
  if (compacted > 0) log.compactTo(compacted);
  return log;
}

export function viewOf(log: RaftLog, commitIndex: number): LogView {
  return {
    lastIndex: log.lastIndex,
    compactedIndex: log.compactedIndex,
    commitIndex,
    termAt: (index) => log.termAt(index),
    lastIndexWithin: (index, term) => log.lastIndexWithin(index, term),
  };
}

/** An append after `prev` = [index, term] whose entries have these terms. */
export function request(prev: readonly [number, number], terms: string): AppendProposal {
  return { prevIndex: prev[0], prevTerm: prev[1], entries: entriesOf(terms, prev[0] + 1) };
}

/** A decision as one line. */
export function format(decision: AppendDecision): string {
  switch (decision.kind) {
    case "accept": {
      const terms = decision.append.map((entry) => entry.term).join("");
      return `accept ${terms === "" ? "-" : terms} match=${decision.matchIndex}`;
    }
    case "reject":
      return `reject hint=${decision.hintIndex}/${decision.hintTerm}`;
    case "diverged":
      return `diverged at ${decision.index}`;
  }
}

/** Messages of one kind among `messages`, with their type. */
export function only<Kind extends Message["kind"]>(
  messages: readonly Message[],
  kind: Kind,
): MessageOf<Kind>[] {
  return messages.filter((message): message is MessageOf<Kind> => message.kind === kind);
}

/**
 * A configuration as one line: `a b2 c* -> a b learners d prefer a static b epoch 1 removed x`. A number
 * is a weight other than 1, a star marks a witness; before the arrow are the outgoing voters.
 */
export function show(configuration: Configuration): string {
  const { voters, learners, outgoing, witnesses = [], preferred = [] } = configuration;
  const half = (some: readonly Voter[]): string =>
    some.map(({ id, votes }) => id + (votes === 1 ? "" : votes) + star(id)).join(" ");
  const star = (id: string): string => (witnesses.includes(id) ? "*" : "");
  const list = (name: string, ids: readonly (string | number)[]): string =>
    ids.length === 0 ? "" : ` ${name} ${ids.join(" ")}`;
  return [
    outgoing.length === 0 ? "" : `${half(outgoing)} -> `,
    half(voters),
    list("learners", learners),
    list("prefer", preferred),
    list("static", configuration.staticLeader === undefined ? [] : [configuration.staticLeader]),
    list("epoch", configuration.epoch === undefined ? [] : [configuration.epoch]),
    list("removed", configuration.removed ?? []),
  ].join("");
}
