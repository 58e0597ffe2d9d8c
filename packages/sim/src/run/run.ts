/**
 * Runs a scenario: a pure function of it and of the options.
 */
import type { LeaseHistory, Operation, StoreHistory, WatchHistory } from "../checkers/index.ts";
import { Ledger } from "../clients/ledger.ts";
import { Workload } from "../clients/workload.ts";
import {
  ConductOracle,
  createInvariantOracle,
  type InvariantOracle,
  judgeLiveness,
} from "../oracles/index.ts";
import type { Fault, Scenario } from "../scenario/scenario.ts";
import type { Fact } from "../story/fact.ts";
import { Recorder } from "../story/recorder.ts";
import { streamOf } from "../streams.ts";
import type { EventTarget } from "../world/event-heap.ts";
import { eventKind } from "../world/event-kind.ts";
import { World } from "../world/world.ts";
import { Aftermath } from "./aftermath.ts";
import { checkHistories, lastLeaseDueMs } from "./check-histories.ts";
import { Cluster, foundingConfiguration, isFounder } from "./cluster.ts";
import { FaultDriver } from "./fault-driver.ts";
import { ClusterOperator } from "./membership.ts";
import { Referee, type RunViolation } from "./referee.ts";
import { Trace, type TraceLine } from "./trace.ts";

export interface RunOptions {
  /** Lines of the trace to keep, from the end; 0 for none. Default 0. */
  readonly traceLines?: number;
  /** Keep the facts that a story is told from. Default false. */
  readonly isRecorded?: boolean;
  /** Search a linearization of the history. Default true. */
  readonly isLinearizabilityChecked?: boolean;
  /** Stop after so many events, and judge nothing that comes at the end. */
  readonly untilEvent?: number;
}

export interface RunResult {
  /** Of everything that happened: the same whenever the scenario is run again. */
  readonly hash: string;
  readonly events: number;
  readonly simulatedMs: number;
  /** How often each fault was really done. */
  readonly faults: Readonly<Record<string, number>>;
  /** How changes of who takes part ended. */
  readonly changes: Readonly<Record<string, number>>;
  readonly histories: {
    readonly operations: readonly Operation[];
    readonly watches: readonly WatchHistory[];
    readonly leases: readonly LeaseHistory[];
    readonly store: StoreHistory;
  };
  /** A key whose history was too much for the search of a linearization; the first of them. */
  readonly unjudgedKey: string | undefined;
  readonly violation: RunViolation | undefined;
  readonly trace: readonly TraceLine[];
  /** Empty unless recorded. */
  readonly facts: readonly Fact[];
}

/**
 * In election timeouts: until all follow one leader after the heal, and until a request is served. What
 * storage makes of a snapshot comes on top of that.
 */
const leaderTimeouts = 20;
const probeTimeouts = 20;
/** Watchers have been told everything so long after all servers are alike. */
const settleMs = 200;

/** Runs it. Never throws on what the servers do: that is a violation. */
export function runScenario(scenario: Scenario, options: RunOptions = {}): RunResult {
  return new Run(scenario, options).result();
}

type Step = Scenario["faults"][number] | Scenario["operations"][number];

class Run implements EventTarget {
  readonly #scenario: Scenario;
  readonly #options: RunOptions;
  readonly #world: World;
  readonly #oracle: InvariantOracle;
  readonly #ledger: Ledger = new Ledger();
  readonly #trace: Trace | undefined;
  readonly #recorder: Recorder | undefined;
  readonly #referee: Referee;
  readonly #cluster: Cluster;
  readonly #faults: FaultDriver;
  readonly #workload: Workload;
  #unjudgedKey: string | undefined;

  constructor(scenario: Scenario, options: RunOptions) {
    this.#scenario = scenario;
    this.#options = options;
    const { traceLines = 0 } = options;
    const world = new World(scenario.seed);
    this.#world = world;
    this.#oracle = createInvariantOracle({ configuration: foundingConfiguration(scenario) });
    this.#trace = traceLines > 0 ? new Trace(traceLines) : undefined;
    this.#recorder = options.isRecorded === true ? new Recorder(world) : undefined;
    const oracle = this.#oracle;
    this.#referee = new Referee(world, {
      conduct: new ConductOracle(scenario.options.electionTicks),
      oracle,
      ledger: this.#ledger,
      trace: this.#trace,
      recorder: this.#recorder,
    });
    this.#cluster = new Cluster(world, scenario, this.#referee);
    const operator = new ClusterOperator(this.#cluster);
    this.#faults = new FaultDriver(world, {
      cluster: this.#cluster,
      operator,
      oracle,
      note: (what) => this.#referee.note(undefined, what),
    });
    this.#workload = new Workload(
      {
        world,
        machines: this.#cluster.machines,
        random: streamOf(scenario.seed, "clients"),
        delayMs: scenario.options.clientDelayMs,
        patienceMs: scenario.options.requestMs + 4 * scenario.options.clientDelayMs,
      },
      operator,
      this.#ledger,
    );
    this.#schedule();
  }

  result(): RunResult {
    try {
      this.#play();
    } catch (error) {
      const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
      this.#referee.report({ oracle: "exception", message: text });
    }
    const { hash, events, nowMs } = this.#world;
    const { network } = this.#cluster;
    return {
      hash: hash.text,
      events,
      simulatedMs: nowMs,
      faults: { ...this.#faults.counts, ...network.counts },
      changes: this.#workload.changes,
      histories: {
        operations: this.#workload.operations(),
        watches: this.#workload.watches(0, () => false),
        leases: this.#workload.leases(),
        store: this.#ledger,
      },
      unjudgedKey: this.#unjudgedKey,
      violation: this.#referee.violation,
      trace: this.#trace?.lines ?? [],
      facts: this.#recorder?.facts ?? [],
    };
  }

  handle(kind: number, subject: unknown): void {
    const step = subject as Step;
    if ("fault" in step) this.#fault(step.fault);
    else {
      if (this.#trace !== undefined) {
        this.#referee.note(undefined, `client ${step.client}: ${JSON.stringify(step.operation)}`);
      }
      const { client, operation } = step;
      this.#recorder?.add("", { kind: "asked", client, operation });
      this.#workload.start(client, operation);
    }
    this.#world.hash.mix(kind);
  }

  #fault(fault: Fault): void {
    const { counts } = this.#faults;
    const before = counts[fault.kind] ?? 0;
    this.#faults.apply(fault);
    const isDone = (counts[fault.kind] ?? 0) > before;
    this.#recorder?.add("", { kind: "fault", fault, isDone });
  }

  #schedule(): void {
    const { faults, operations, servers } = this.#scenario;
    for (const step of faults) {
      this.#world.scheduleAt(step.atMs, eventKind.fault, this, step);
    }
    for (const step of operations) {
      this.#world.scheduleAt(step.atMs, eventKind.operation, this, step);
    }
    for (const [index, server] of servers.entries()) {
      if (isFounder(server)) this.#cluster.machine(index).startAfter(0);
    }
  }

  #play(): void {
    const { healAtMs, untilMs, options } = this.#scenario;
    const { untilEvent = Number.POSITIVE_INFINITY } = this.#options;
    const world = this.#world;
    const settle = (): boolean => this.#referee.settle() || world.events >= untilEvent;
    this.#world.run(healAtMs, settle);
    if (this.#isOver(untilEvent)) return;
    this.#faults.heal();
    this.#referee.note(undefined, "all faults end");
    this.#recorder?.add("", { kind: "note", what: "all faults end" });
    const electionMs = options.electionTicks * options.heartbeatMs;
    const aftermath = new Aftermath(world, {
      cluster: this.#cluster,
      workload: this.#workload,
      electionMs,
      queueEntriesMax: options.applyQueueEntriesMax,
    });
    // Whoever needs a snapshot first serves only once it has that: as late as storage makes it.
    const snapshotMs = Math.max(...this.#cluster.machines.map(({ state }) => state.snapshotMs));
    this.#world.run(untilMs + snapshotMs, () => settle() || aftermath.isConverged);
    const dueRevision = this.#ledger.revision;
    if (aftermath.isConverged) this.#world.run(this.#world.nowMs + settleMs, settle);
    if (this.#isOver(untilEvent)) return;
    this.#referee.report(
      judgeLiveness(aftermath.state(), {
        leaderMs: leaderTimeouts * electionMs,
        probeMs: probeTimeouts * electionMs + snapshotMs,
      }),
    );
    if (this.#isOver(untilEvent)) return;
    this.#outliveLeases(settle, aftermath.unhinderedAtMs);
    if (this.#isOver(untilEvent)) return;
    this.#referee.report(this.#oracle.finish());
    this.#referee.report(
      checkHistories({
        scenario: this.#scenario,
        workload: this.#workload,
        ledger: this.#ledger,
        dueRevision: aftermath.isConverged ? dueRevision : 0,
        mustServe: (server) => aftermath.mustServe(server),
        unhinderedAtMs: aftermath.unhinderedAtMs,
        nowMs: this.#world.nowMs,
        isLinearizabilityChecked: this.#options.isLinearizabilityChecked ?? true,
        onUnjudged: (key) => {
          this.#unjudgedKey = key;
        },
      }),
    );
  }

  /** Nobody renews them any more: each has to go, and takes its time. */
  #outliveLeases(settle: () => boolean, unhinderedAtMs: number): void {
    const { livingLeases } = this.#ledger;
    const dueMs = lastLeaseDueMs(this.#scenario, this.#workload, unhinderedAtMs);
    if (livingLeases.size === 0 || dueMs <= this.#world.nowMs) return;
    this.#world.run(dueMs + 1, () => settle() || livingLeases.size === 0);
  }

  #isOver(untilEvent: number): boolean {
    return this.#referee.violation !== undefined || this.#world.events >= untilEvent;
  }
}
