/**
 * What servers owe each other beyond safety, so that a cluster works while something is broken and
 * not only after the heal: nobody unseats a leader that is heard, nobody campaigns without having
 * asked, and nobody leads whom no quorum answers or whose disk stands still (Raft thesis sections
 * 4.2.3, 6.2 and 9.6; Howard and Abraham, "Raft does not guarantee liveness in the face of network
 * faults").
 *
 * Counts in the ticks of each server, as it has only them to go by: a paused one does not know that
 * time passes. Pure.
 */
import type { Configuration, Message, NodeId, Term } from "@flotilla/consensus";
import { isQuorum } from "./naive-quorum.ts";
import type { ServerView } from "./view.ts";
import { type Violation, violation } from "./violation.ts";

/** A server may be that much late: it acts on a tick in the turn after it. */
const slackTicks = 2;

/** Something that was given to a disk to be made durable; told apart by identity. */
type Batch = object;

interface Heard {
  readonly leader: NodeId;
  readonly term: Term;
  readonly tick: number;
}

/** What is known about one start of one server. */
class Conduct {
  readonly start: number;
  ticks = 0;
  /** The leader that it heard last. */
  heard: Heard | undefined;
  /** The highest term of all messages that move a server's term. */
  toldTerm: Term = 0;
  /** A vote that it must not give: it heard a leader when it was asked. */
  denied: { readonly candidate: NodeId; readonly term: Term } | undefined;
  /** By candidate: how many requests it may grant, all of one term, that it has not answered yet. */
  readonly open: Map<NodeId, { readonly term: Term; readonly count: number }> = new Map();
  /** Who would vote for it in {@link softTerm}. */
  softVotes: Set<NodeId> = new Set();
  softTerm: Term = 0;
  /** A quorum would vote for it in this term. */
  allowedTerm: Term = 0;
  /** In which term it leads, and what it has heard in that. */
  leadTerm: Term = 0;
  leadTick = 0;
  readonly answers: Map<NodeId, number> = new Map();
  configuration: Configuration | undefined;
  configurationTick = 0;
  /** By what is being written: since when. */
  readonly writes: Map<Batch, number> = new Map();

  constructor(start: number) {
    this.start = start;
  }
}

/** Watches all servers of a run; every method returns the first violation that it sees. */
export class ConductOracle {
  readonly #electionTicks: number;
  readonly #conducts = new Map<NodeId, Conduct>();

  constructor(electionTicks: number) {
    this.#electionTicks = electionTicks;
  }

  /** To be called before the server acts on `message`. */
  received(view: ServerView, message: Message): void {
    const conduct = this.#of(view);
    const { from, term } = message;
    switch (message.kind) {
      case "appendRequest":
      case "heartbeat":
      case "installSnapshot":
        if (term >= view.term) conduct.heard = { leader: from, term, tick: conduct.ticks };
        break;
      case "preVoteRequest":
        this.#judgeRequest(conduct, view, message);
        return;
      case "voteRequest":
        if (this.#judgeRequest(conduct, view, message)) return;
        break;
      case "preVoteResponse":
        if (!message.granted) break;
        this.#wouldVote(conduct, view, message);
        return;
      case "refused":
        return;
      default:
        break;
    }
    conduct.toldTerm = Math.max(conduct.toldTerm, term);
    if (term === conduct.leadTerm) conduct.answers.set(from, conduct.ticks);
  }

  /** The server lets `message` go to the network. */
  sent(view: ServerView, message: Message): Violation | undefined {
    const conduct = this.#of(view);
    switch (message.kind) {
      case "voteResponse":
      case "preVoteResponse":
        if (closes(conduct, message) || !message.granted) return undefined;
        return checkDenied(conduct, view, message);
      case "voteRequest":
        return message.transfer ? undefined : checkCampaign(conduct, view, message.term);
      default:
        return undefined;
    }
  }

  /** The server has acted on a tick of its clock. */
  ticked(view: ServerView): Violation | undefined {
    const conduct = this.#of(view);
    conduct.ticks++;
    if (view.role !== "leader") {
      conduct.leadTerm = 0;
      return undefined;
    }
    if (conduct.leadTerm !== view.term) {
      conduct.leadTerm = view.term;
      conduct.leadTick = conduct.ticks;
      conduct.answers.clear();
    }
    if (conduct.configuration !== view.configuration) {
      conduct.configuration = view.configuration;
      conduct.configurationTick = conduct.ticks;
    }
    return this.#checkQuorum(conduct, view) ?? this.#checkDisk(conduct, view);
  }

  /** The server has given `batch` to its disk. */
  writes(view: ServerView, batch: Batch): void {
    const conduct = this.#of(view);
    conduct.writes.set(batch, conduct.ticks);
  }

  /** Its disk has finished `batch`. */
  wrote(view: ServerView, batch: Batch): void {
    this.#of(view).writes.delete(batch);
  }

  #of(view: ServerView): Conduct {
    let conduct = this.#conducts.get(view.id);
    if (conduct === undefined || conduct.start !== view.start) {
      conduct = new Conduct(view.start);
      this.#conducts.set(view.id, conduct);
    }
    return conduct;
  }

  /** True when the answer must be no. The same request may come again when it need not be any more. */
  #judgeRequest(conduct: Conduct, view: ServerView, message: Message): boolean {
    const { from: candidate, term } = message;
    const isWish = message.kind === "voteRequest" && message.transfer; // The leader's own.
    const isDenied = !isWish && this.#hears(conduct, view, message);
    const isSame = conduct.denied?.candidate === candidate && conduct.denied.term === term;
    if (isDenied) conduct.denied = { candidate, term };
    else {
      if (isSame) conduct.denied = undefined;
      const open = conduct.open.get(candidate);
      conduct.open.set(candidate, { term, count: (open?.term === term ? open.count : 0) + 1 });
    }
    return isDenied;
  }

  /** It follows a leader of its term that it has heard lately, and nobody has told of a later one. */
  #hears(conduct: Conduct, view: ServerView, { from, term }: Message): boolean {
    const { heard } = conduct;
    return (
      heard !== undefined &&
      heard.leader !== from &&
      heard.leader === view.leader &&
      heard.term === view.term &&
      conduct.toldTerm <= heard.term &&
      term > heard.term &&
      conduct.ticks - heard.tick < this.#electionTicks - slackTicks
    );
  }

  #wouldVote(conduct: Conduct, view: ServerView, { from, term }: Message): void {
    if (term < conduct.softTerm) return; // It comes late, and takes nothing back.
    if (conduct.softTerm !== term) {
      conduct.softTerm = term;
      conduct.softVotes.clear();
    }
    conduct.softVotes.add(from);
    if (wouldWin(conduct, view, term)) conduct.allowedTerm = term;
  }

  #checkQuorum(conduct: Conduct, view: ServerView): Violation | undefined {
    const limit = this.#electionTicks + slackTicks;
    const since = Math.max(conduct.leadTick, conduct.configurationTick);
    if (conduct.ticks - since < limit) return undefined;
    const hears = (id: NodeId): boolean =>
      id === view.id || conduct.ticks - (conduct.answers.get(id) ?? since) < limit;
    if (isQuorum(view.configuration, hears)) return undefined;
    return violation(
      "quorumCheck",
      `${view.id} leads term ${view.term}, and no quorum has said anything for ${limit} of its ticks`,
    );
  }

  #checkDisk(conduct: Conduct, view: ServerView): Violation | undefined {
    const limit = this.#electionTicks + slackTicks;
    for (const since of conduct.writes.values()) {
      if (conduct.ticks - Math.max(since, conduct.leadTick) <= limit) break; // The oldest comes first.
      return violation(
        "stalledDisk",
        `${view.id} leads term ${view.term}, and its disk has not ended a write for ${limit} of its ticks`,
      );
    }
    return undefined;
  }
}

/**
 * True when the answer is to a request that came before the leader was heard. The same one may have
 * come again after that, in the same turn: answers leave in the order of what they answer.
 */
function closes({ open }: Conduct, { to, term }: Message): boolean {
  const { count, term: openTerm } = open.get(to) ?? { count: 0, term };
  if (count === 0 || openTerm !== term) return false;
  open.set(to, { term, count: count - 1 });
  return true;
}

function checkDenied(
  { denied }: Conduct,
  view: ServerView,
  { kind, to, term }: Message,
): Violation | undefined {
  if (denied?.candidate !== to || denied.term !== term) return undefined;
  return violation(
    "stickiness",
    `${view.id} grants ${to} a ${kind} in term ${term}, though it heard ${view.leader || "a leader"} when it was asked`,
  );
}

function checkCampaign(conduct: Conduct, view: ServerView, term: Term): Violation | undefined {
  if (conduct.allowedTerm >= term || wouldWin(conduct, view, term)) return undefined;
  return violation(
    "preVote",
    `${view.id} campaigns in term ${term}, and no quorum has said that it would vote for it`,
  );
}

function wouldWin(conduct: Conduct, view: ServerView, term: Term): boolean {
  const hasVotes = conduct.softTerm === term;
  return isQuorum(
    view.configuration,
    (id) => id === view.id || (hasVotes && conduct.softVotes.has(id)),
  );
}
