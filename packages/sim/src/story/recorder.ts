/**
 * Writes down what happens in a run, for its story: messages as they pass, and of servers what is
 * different after each event.
 */
import type { Entry, NodeId } from "@flotilla/consensus";
import type { LogView, ServerView } from "../oracles/index.ts";
import type { World } from "../world/world.ts";
import type { Fact, Happening, LogChange, LogState, ServerState } from "./fact.ts";

/** The latest facts that are kept, about; a usual run has some ten thousand. */
export const factsMax = 200_000;

/** What is known of a server. */
interface Known {
  state: ServerState;
  version: number;
  /** By index; those that a snapshot covers are as they were. */
  readonly terms: number[];
}

const nothing: LogState = { firstIndex: 1, lastIndex: 0, lastTerm: 0, term: 0, vote: "" };
const unborn: ServerState = {
  isUp: false,
  disk: 1,
  role: "follower",
  leader: "",
  commitIndex: 0,
  appliedIndex: 0,
  configuration: { voters: [], learners: [], outgoing: [] },
  log: nothing,
  durable: nothing,
};

export class Recorder {
  readonly #world: World;
  readonly #servers: Map<NodeId, Known> = new Map<NodeId, Known>();
  #facts: Fact[] = [];

  constructor(world: World) {
    this.#world = world;
  }

  /** In the order in which they happened. */
  get facts(): readonly Fact[] {
    return this.#facts.slice(-factsMax);
  }

  add(server: NodeId, happening: Happening): void {
    const { nowMs, events } = this.#world;
    this.#facts.push({ ...happening, atMs: nowMs, event: events, server });
    if (this.#facts.length >= 2 * factsMax) this.#facts = this.#facts.slice(-factsMax);
  }

  /** Looks what is different about a server since it was looked at last. */
  observe(view: ServerView): void {
    const known = this.#known(view.id);
    const before = known.state;
    const log = view.log.version === known.version ? noChange : changeOf(known.terms, view.log);
    const after = stateOf(view);
    known.state = after;
    known.version = view.log.version;
    if (isSame(before, after) && log.appended.length === 0) return;
    this.add(view.id, { kind: "state", before, after, log });
  }

  #known(id: NodeId): Known {
    let known = this.#servers.get(id);
    if (known === undefined) {
      known = { state: unborn, version: -1, terms: [] };
      this.#servers.set(id, known);
    }
    return known;
  }
}

const noChange: LogChange = { dropped: [], appended: [] };

function stateOf(view: ServerView): ServerState {
  const { isUp, disk, role, leader, commitIndex, appliedIndex, configuration } = view;
  const log = { ...logStateOf(view.log), term: view.term, vote: view.vote };
  const { term, vote } = view.durable;
  const durable = { ...logStateOf(view.durable), term, vote };
  return { isUp, disk, role, leader, commitIndex, appliedIndex, configuration, log, durable };
}

function logStateOf(log: LogView): Pick<LogState, "firstIndex" | "lastIndex" | "lastTerm"> {
  const { firstIndex, lastIndex } = log;
  return { firstIndex, lastIndex, lastTerm: log.termAt(lastIndex) ?? 0 };
}

/** Brings `terms` to what `log` has, and says what that changes. */
function changeOf(terms: number[], log: LogView): LogChange {
  const dropped: { index: number; term: number }[] = [];
  const appended: Entry[] = [];
  for (let index = log.firstIndex; index <= log.lastIndex; index++) {
    const term = log.termAt(index);
    const old = terms[index];
    if (term === undefined || old === term) continue;
    if (old !== undefined) dropped.push({ index, term: old });
    terms[index] = term;
    const entry = log.entryAt(index);
    if (entry !== undefined) appended.push(entry);
  }
  for (let index = log.lastIndex + 1; index < terms.length; index++) {
    const term = terms[index];
    if (term !== undefined) dropped.push({ index, term });
  }
  terms.length = Math.min(terms.length, log.lastIndex + 1);
  return { dropped, appended };
}

function isSame(left: ServerState, right: ServerState): boolean {
  return (
    left.isUp === right.isUp &&
    left.disk === right.disk &&
    left.role === right.role &&
    left.leader === right.leader &&
    left.commitIndex === right.commitIndex &&
    left.appliedIndex === right.appliedIndex &&
    left.configuration === right.configuration &&
    isSameLog(left.log, right.log) &&
    isSameLog(left.durable, right.durable)
  );
}

function isSameLog(left: LogState, right: LogState): boolean {
  return (
    left.firstIndex === right.firstIndex &&
    left.lastIndex === right.lastIndex &&
    left.lastTerm === right.lastTerm &&
    left.term === right.term &&
    left.vote === right.vote
  );
}
