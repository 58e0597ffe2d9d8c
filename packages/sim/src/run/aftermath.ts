/**
 * After the heal: watches until the cluster serves again and all are alike, or time is up.
 *
 * Looks now and then; whatever it needs to know it writes down for the judgement of liveness.
 */
import type { Configuration, NodeId } from "@flotilla/consensus";
import type { Workload } from "../clients/workload.ts";
import type { FinalServer, FinalState, Probe } from "../oracles/index.ts";
import type { Machine } from "../server/machine.ts";
import type { EventTarget } from "../world/event-heap.ts";
import { eventKind } from "../world/event-kind.ts";
import type { World } from "../world/world.ts";
import type { Cluster } from "./cluster.ts";
import { hasStateSource } from "./state-source.ts";

const lookMs = 25;
/** In election timeouts: a replacement that nobody can help with by then is given up. */
const hopelessTimeouts = 3;

type OpenProbe = { -readonly [Field in keyof Probe]: Probe[Field] };

export class Aftermath implements EventTarget {
  readonly #world: World;
  readonly #cluster: Cluster;
  readonly #workload: Workload;
  readonly #healedAtMs: number;
  readonly #hopelessMs: number;
  readonly #probes: OpenProbe[] = [];
  readonly #queueEntriesMax: number;
  #leaderAtMs: number | undefined;
  #unhinderedAtMs: number;
  #isConverged = false;

  constructor(
    world: World,
    parts: {
      readonly cluster: Cluster;
      readonly workload: Workload;
      readonly electionMs: number;
      /** What waits to be applied, at most, where a store is held. */
      readonly queueEntriesMax: number;
    },
  ) {
    const { cluster, workload, electionMs, queueEntriesMax } = parts;
    this.#hopelessMs = world.nowMs + hopelessTimeouts * electionMs;
    this.#world = world;
    this.#cluster = cluster;
    this.#workload = workload;
    this.#queueEntriesMax = queueEntriesMax;
    this.#healedAtMs = world.nowMs;
    this.#unhinderedAtMs = world.nowMs;
    world.schedule(lookMs, eventKind.probe, this, undefined);
  }

  /** Everybody serves, and all are alike. */
  get isConverged(): boolean {
    return this.#isConverged;
  }

  /**
   * From here on nothing hinders a write any more: since the heal, or since a quorum no longer needs
   * servers that acknowledge nothing before they have the state of another one. That takes as long as
   * storage makes it, which probes are judged by.
   */
  get unhinderedAtMs(): number {
    return this.#unhinderedAtMs;
  }

  /** It takes part and has data. */
  mustServe(id: NodeId): boolean {
    const isWitness = this.#newest()?.witnesses?.includes(id) === true;
    return !isWitness && this.#expected().some((machine) => machine.id === id);
  }

  handle(): void {
    if (this.#world.nowMs >= this.#hopelessMs) this.#giveUpReplacements();
    if (this.#isHeldUp()) this.#unhinderedAtMs = this.#world.nowMs + lookMs;
    if (this.#leaderAtMs === undefined && this.#hasLeader()) {
      this.#leaderAtMs = this.#world.nowMs;
      this.#ask();
    }
    const isServed = this.#probes.every(
      ({ server, servedAtMs }) => servedAtMs !== undefined || !this.mustServe(server),
    );
    this.#isConverged = this.#leaderAtMs !== undefined && isServed && this.#areAlike();
    if (!this.#isConverged) this.#world.schedule(lookMs, eventKind.probe, this, undefined);
  }

  /** How it all stands now. */
  state(): FinalState {
    return {
      healedAtMs: this.#healedAtMs,
      nowMs: this.#world.nowMs,
      leaderAtMs: this.#leaderAtMs,
      servers: this.#cluster.machines
        .filter(({ view }) => view.start > 0)
        .map((machine) => finalServer(machine, this.#isMember(machine))),
      // A change that was under way may have taken a server out since it was asked.
      probes: this.#probes.filter(({ server }) => this.mustServe(server)),
    };
  }

  /** All that are expected follow one of them. */
  #hasLeader(): boolean {
    const expected = this.#expected();
    const leader = expected.find(({ view }) => view.role === "leader");
    if (leader === undefined) return false;
    return expected.every(
      ({ view }) => view.leader === leader.id && view.term === leader.view.term,
    );
  }

  /** As an operator does where nobody can send a state: those who want one go on with what they have. */
  #giveUpReplacements(): void {
    const { machines } = this.#cluster;
    const wanting = machines.filter(({ isReplacingState }) => isReplacingState);
    const configuration = this.#newest();
    if (wanting.length === 0 || configuration === undefined) return;
    if (hasStateSource(machines, wanting, configuration)) return;
    for (const machine of wanting) machine.giveUpReplacement();
  }

  /** No quorum without servers that need a state first. */
  #isHeldUp(): boolean {
    const leader = this.#newestLeader();
    if (leader === undefined) return false;
    const waiting = this.#expected().filter((machine) => this.#needsState(machine, leader));
    return waiting.length > 0 && !this.#cluster.survivesWithout(waiting);
  }

  /** The leader has no entries for it any more, or it has had as many as may wait while its store is held. */
  #needsState({ view, isReplacingState }: Machine, leader: Machine): boolean {
    const { durable, commitIndex, appliedIndex } = view;
    const isBehindLog = durable.lastIndex + 1 < leader.view.log.firstIndex;
    const isInstalling = appliedIndex + 1 < durable.firstIndex;
    const isFull = isReplacingState && commitIndex - appliedIndex >= this.#queueEntriesMax;
    return isBehindLog || isInstalling || isFull;
  }

  #ask(): void {
    for (const machine of this.#expected()) {
      if (!this.mustServe(machine.id)) continue;
      for (const kind of ["write", "read"] as const) {
        const askedAtMs = this.#world.nowMs;
        const probe: OpenProbe = { kind, server: machine.id, askedAtMs, servedAtMs: undefined };
        this.#probes.push(probe);
        this.#workload.probe(kind, machine.index, () => {
          probe.servedAtMs = this.#world.nowMs;
        });
      }
    }
  }

  #areAlike(): boolean {
    const [first, ...others] = this.#expected();
    if (first === undefined) return true;
    const { lastIndex } = first.view.log;
    const isDone = ({ view, isReplacingState }: Machine): boolean =>
      view.isUp &&
      !isReplacingState &&
      view.log.lastIndex === lastIndex &&
      view.commitIndex === lastIndex &&
      view.appliedIndex === lastIndex &&
      view.configuration.outgoing.length === 0;
    return isDone(first) && others.every(isDone);
  }

  #expected(): Machine[] {
    return this.#cluster.machines.filter((machine) => this.#isMember(machine));
  }

  /** By the newest configuration of a leader: it has a place there, and can run. */
  #isMember(machine: Machine): boolean {
    if (machine.end !== undefined || machine.view.start === 0) return false;
    const { voters, learners } = this.#newest() ?? machine.view.configuration;
    return voters.some(({ id }) => id === machine.id) || learners.includes(machine.id);
  }

  #newest(): Configuration | undefined {
    return this.#newestLeader()?.view.configuration;
  }

  #newestLeader(): Machine | undefined {
    let newest: Machine | undefined;
    for (const other of this.#cluster.machines) {
      if (other.view.role !== "leader" || !other.isUp) continue;
      if (newest === undefined || other.view.term > newest.view.term) newest = other;
    }
    return newest;
  }
}

function finalServer(machine: Machine, isExpected: boolean): FinalServer {
  const { view } = machine;
  const status = machine.process?.replica?.status();
  const content = machine.isWitness ? undefined : machine.state.store.hash(0);
  return {
    id: machine.id,
    isExpected,
    isUp: machine.isUp,
    isolation: status?.isolation?.kind,
    isWitness: machine.isWitness,
    isReplacingState: machine.isReplacingState,
    role: view.role,
    term: view.term,
    leader: view.leader,
    commitIndex: view.commitIndex,
    appliedIndex: view.appliedIndex,
    lastIndex: view.log.lastIndex,
    lastTerm: view.log.termAt(view.log.lastIndex) ?? 0,
    configuration: view.configuration,
    stateHash: content?.kind === "hash" ? content.hash : undefined,
  };
}
