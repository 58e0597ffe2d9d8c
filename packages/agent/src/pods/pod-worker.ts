/**
 * One pod on this node: starts, watches, restarts and stops its containers.
 *
 * A thin loop: whatever happens (the API's copy changes, a process ends, a probe fails, time passes)
 * only wakes it; what to do is decided anew from the record by `decide.ts`. One step at a time.
 */
import { type Container, type Pod, pods } from "@flotilla/objects";
import { reasonOf } from "../errors.ts";
import type { EventText } from "../events.ts";
import { initialHealth, type ProbeKind, Prober } from "../probes/prober.ts";
import type { Exit } from "../runtimes/runtime.ts";
import { ContainerPreparation } from "./container-preparation.ts";
import { decidePod } from "./decide.ts";
import { GracefulStops } from "./graceful-stops.ts";
import type { PodDeps } from "./pod-deps.ts";
import type { ContainerHealth, ContainerRecord, PastRun, PodRecord } from "./pod-record.ts";
import { backOffOf, withStatus } from "./pod-status.ts";
import { RecordKeeper } from "./record-keeper.ts";
import { nextDelay } from "./restart-delay.ts";
import { nameOf, StatusPublisher } from "./status-publisher.ts";

/** A step that failed for a reason outside the pod (disk, API) is repeated after so long. */
export const stepRetryMs = 1_000;
/** What could not be started for a reason that time may mend is tried again after so long. */
export const holdBackMs = 10_000;
/** The pod is gone from the API: whoever removed it does not wait, so neither do we for long. */
export const vanishedGraceMs = 2_000;
/** What is said of a pod at the shutdown of its node may take so long. */
const lastWordMs = 1_000;
const defaultGraceSeconds = 30;

/** See the file's header. */
export class PodWorker {
  readonly #deps: PodDeps;
  readonly #onGone: () => void;
  readonly #keeper: RecordKeeper;
  readonly #preparation: ContainerPreparation;
  readonly #publisher: StatusPublisher;
  readonly #stops: GracefulStops;
  readonly #probers = new Map<string, Prober>();
  #mode: "run" | "shutDown" | "closed" = "run";
  #hasVanished = false;
  #isRunning = false;
  #isDirty = false;
  #cancelAgain: (() => void) | undefined;
  #onShutDown: (() => void) | undefined;

  /** `onGone` is called once, when nothing of the pod is left here. */
  constructor(deps: PodDeps, record: PodRecord, onGone: () => void) {
    this.#deps = deps;
    this.#onGone = onGone;
    this.#keeper = new RecordKeeper(deps, record);
    this.#preparation = new ContainerPreparation(deps);
    this.#stops = new GracefulStops(deps);
    this.#publisher = new StatusPublisher(deps, record.pod, (present) =>
      withStatus(present, {
        record: this.#keeper.current,
        address: deps.address,
        scheme: deps.runtime.scheme,
        nowMs: deps.wallNowMs(),
      }),
    );
  }

  get pod(): Pod {
    return this.#keeper.current.pod;
  }

  /** True when `id` is a start that the record takes for running. */
  knows(id: string): boolean {
    return Object.values(this.#keeper.current.containers).some(
      ({ state }) => (state.kind === "running" || state.kind === "starting") && state.id === id,
    );
  }

  /** After a restart of the agent: takes over what still runs and notes what ended unseen. */
  adopt(): void {
    for (const port of Object.values(this.#keeper.current.ports)) this.#deps.ports.reserve(port);
    const { spec } = this.pod;
    for (const container of [...(spec.initContainers ?? []), ...spec.containers]) {
      this.#adoptContainer(container);
    }
    this.wake();
  }

  /** The API's copy as it was seen last. */
  update(pod: Pod): void {
    this.#keeper.set({ pod });
    this.#publisher.observe(pod);
    this.wake();
  }

  /** The API has the pod no more. */
  vanish(): void {
    this.#hasVanished = true;
    this.wake();
  }

  /** Looks again soon. */
  wake(): void {
    this.#isDirty = true;
    if (!this.#isRunning && this.#mode !== "closed") void this.#run();
  }

  /** The agent ends, the processes go on. Resolves when the record is on disk. */
  async detach(): Promise<void> {
    this.#close();
    await this.#keeper.settled();
  }

  /** Stops the processes, says so, and keeps the record: a later agent starts them again. */
  async shutDown(): Promise<void> {
    this.#mode = "shutDown";
    await new Promise<void>((resolve) => {
      this.#onShutDown = resolve;
      this.wake();
    });
    await this.#publisher.settle(lastWordMs);
    await this.detach();
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    while (this.#isDirty && this.#mode !== "closed") {
      this.#isDirty = false;
      try {
        await this.#step();
      } catch (error) {
        const { name } = this.pod.metadata;
        this.#deps.logger.warn("pod step failed", { pod: name, reason: reasonOf(error) });
        this.#again(stepRetryMs);
      }
    }
    this.#isRunning = false;
  }

  async #step(): Promise<void> {
    if (this.#mode === "shutDown") {
      if (this.#hasStoppedAll()) this.#onShutDown?.();
      return;
    }
    if (this.#isEnding()) {
      if (this.#hasStoppedAll()) await this.#end();
      return;
    }
    if (this.#keeper.current.finished === undefined) await this.#advance();
    this.#publisher.publish();
  }

  #isEnding(): boolean {
    return this.#hasVanished || this.pod.metadata.deletionTimestamp !== undefined;
  }

  async #advance(): Promise<void> {
    const { finished, againMs, start } = decidePod(this.#keeper.current, this.#deps.wallNowMs());
    if (finished !== undefined) {
      this.#keeper.set({ finished });
      await this.#keeper.write();
      return;
    }
    if (againMs !== undefined) this.#again(againMs);
    if (!this.#deps.services.isReady) return; // Woken when it is.
    for (const container of start) await this.#start(container);
  }

  /** True when nothing runs; what still does is told to stop, and wakes us when it has. */
  #hasStoppedAll(): boolean {
    const running = Object.entries(this.#keeper.current.containers).filter(
      ([, { state }]) => state.kind === "running",
    );
    for (const [name] of running) this.#stop(name, `Stopping container ${name}`);
    return running.length === 0;
  }

  async #end(): Promise<void> {
    const { uid, ...name } = nameOf(this.pod);
    // Any refusal means that this very pod is not there any more.
    if (!this.#hasVanished) {
      await this.#deps.client.delete(pods, name, { uid, gracePeriodSeconds: 0 });
    }
    this.#close();
    await this.#keeper.settled();
    for (const port of Object.values(this.#keeper.current.ports)) this.#deps.ports.release(port);
    await this.#deps.records.remove(uid);
    this.#onGone();
  }

  async #start(container: Container): Promise<void> {
    const prepared = await this.#preparation.prepare(container, this.#keeper.current);
    if (prepared.kind === "failed") {
      this.#holdBack(container, prepared.reason, prepared.message);
      return;
    }
    const { launch, ports } = prepared;
    const own = this.#keeper.of(container);
    const startedAtMs = this.#deps.wallNowMs();
    this.#keeper.set({ ports });
    this.#keeper.setContainer(container, startingRecord(own, launch.id, startedAtMs));
    try {
      await this.#keeper.write(); // The intent: a crash from here on leaves a trace to find it by.
    } catch (error) {
      this.#keeper.setContainer(container, own);
      throw error;
    }
    const outcome = await this.#deps.runtime.launch(launch, (exit) =>
      this.#onExit(container, exit),
    );
    if (outcome.kind === "failed") {
      this.#tell("Warning", "Failed", `Error: ${outcome.message}`);
      this.#onExit(container, { exitCode: 128, reason: "StartError", message: outcome.message });
      return;
    }
    const present = this.#keeper.of(container);
    if (present.state.kind !== "starting") return; // It has ended already.
    this.#tell("Normal", "Started", `Started container ${container.name}`);
    this.#running(container, present, {
      kind: "running",
      id: launch.id,
      process: outcome.process,
      startedAtMs,
      health: initialHealth(container),
    });
  }

  #adoptContainer(container: Container): void {
    const own = this.#keeper.of(container);
    const { state } = own;
    if (state.kind !== "running" && state.kind !== "starting") return;
    const known = state.kind === "running" ? state.process : undefined;
    const logPath = this.#preparation.logPathOf(this.pod, container, own.starts - 1);
    const process = this.#deps.runtime.adopt(state.id, known, logPath, (exit) =>
      this.#onExit(container, exit),
    );
    if (process === undefined) {
      this.#onExit(container, { exitCode: 255, reason: "Unknown" });
      return;
    }
    const health = state.kind === "running" ? state.health : initialHealth(container);
    const { id, startedAtMs } = state;
    this.#running(container, own, { kind: "running", id, process, startedAtMs, health });
  }

  #running(
    container: Container,
    own: ContainerRecord,
    state: ContainerRecord["state"] & { kind: "running" },
  ): void {
    this.#keeper.setContainer(container, { ...own, state });
    this.#keeper.writeLater();
    const isInit = this.pod.spec.initContainers?.some(({ name }) => name === container.name);
    if (isInit !== true && this.#mode !== "closed") this.#probe(container, state.health);
  }

  #probe(container: Container, health: ContainerHealth): void {
    const target = this.#preparation.probeTarget(container, () => this.#keeper.current);
    const prober = new Prober(
      this.#deps,
      { container, target, health },
      {
        onHealth: (changed) => this.#onHealth(container, changed),
        onUnhealthy: (probe, message) => {
          this.#tell("Warning", "Unhealthy", `${probe} probe failed: ${message}`);
        },
        onFailed: (probe) => this.#onProbeFailed(container, probe),
      },
    );
    this.#probers.set(container.name, prober);
    prober.start();
  }

  #onHealth(container: Container, health: ContainerHealth): void {
    const own = this.#keeper.of(container);
    if (own.state.kind !== "running") return;
    this.#keeper.setContainer(container, { ...own, state: { ...own.state, health } });
    this.#keeper.writeLater();
    this.#publisher.publish();
  }

  #onProbeFailed({ name }: Container, probe: ProbeKind): void {
    this.#stop(name, `Container ${name} failed ${probe.toLowerCase()} probe, will be restarted`);
  }

  #onExit(container: Container, exit: Exit): void {
    const own = this.#keeper.of(container);
    if (own.state.kind !== "running" && own.state.kind !== "starting") return;
    const { id, startedAtMs } = own.state;
    const run: PastRun = { id, startedAtMs, finishedAtMs: this.#deps.wallNowMs(), ...exit };
    this.#probers.get(container.name)?.stop();
    this.#probers.delete(container.name);
    this.#stops.ended(container.name);
    const delay = nextDelay(own.delay, run.finishedAtMs);
    const next: ContainerRecord = { ...own, state: { kind: "exited", run }, delay };
    this.#keeper.setContainer(container, next);
    this.#keeper.writeLater();
    const isRestarted = this.#mode === "run" && !this.#isEnding();
    if (delay.delayMs > 0 && isRestarted) {
      const { message } = backOffOf(container, next, this.pod);
      this.#tell("Warning", "BackOff", message.replace("back-off", "Back-off"));
    }
    this.wake();
  }

  #stop(name: string, message: string): void {
    const state = this.#keeper.current.containers[name]?.state;
    if (state?.kind !== "running") return;
    this.#probers.get(name)?.stop();
    const isFirst = this.#stops.stop(name, state.process, this.#graceMs());
    if (isFirst) this.#tell("Normal", "Killing", message);
  }

  #graceMs(): number {
    const { metadata, spec } = this.pod;
    const ownMs = (spec.terminationGracePeriodSeconds ?? defaultGraceSeconds) * 1000;
    if (this.#hasVanished) return Math.min(ownMs, vanishedGraceMs);
    const askedSeconds = metadata.deletionGracePeriodSeconds;
    return askedSeconds === undefined ? ownMs : askedSeconds * 1000;
  }

  #holdBack(container: Container, reason: string, message: string): void {
    this.#tell("Warning", "Failed", `Error: ${message}`);
    this.#keeper.setContainer(container, {
      ...this.#keeper.of(container),
      state: { kind: "waiting", reason, message },
      delay: { delayMs: holdBackMs, sinceMs: this.#deps.wallNowMs() },
    });
    this.#keeper.writeLater();
    this.wake();
  }

  #again(afterMs: number): void {
    this.#cancelAgain?.();
    this.#cancelAgain = this.#deps.timers.after(afterMs, () => this.wake());
  }

  #close(): void {
    this.#mode = "closed";
    this.#cancelAgain?.();
    this.#publisher.stop();
    this.#stops.close();
    for (const prober of this.#probers.values()) prober.stop();
  }

  #tell(type: EventText["type"], reason: string, message: string): void {
    this.#deps.events.record(this.pod, { type, reason, message });
  }
}

function startingRecord(own: ContainerRecord, id: string, startedAtMs: number): ContainerRecord {
  const { delay, previous, ...rest } = own;
  const last = own.state.kind === "exited" ? own.state.run : previous;
  return {
    ...rest,
    state: { kind: "starting", id, startedAtMs },
    starts: own.starts + 1,
    ...(last === undefined ? {} : { previous: last }),
    // What held back a start that was never made says nothing about crashes.
    ...(delay === undefined || own.state.kind === "waiting" ? {} : { delay }),
  };
}
