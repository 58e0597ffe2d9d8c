/**
 * The probes of one running container: startup first, then liveness and readiness side by side.
 *
 * Attempts are spaced by `probe-state.ts`; what follows from a failure is the pod's business.
 */
import type { Clock, Timers } from "@flotilla/base";
import type { Container, Probe } from "@flotilla/objects";
import type { ContainerHealth } from "../pods/pod-record.ts";
import { checkOnce, type ProbeTarget } from "./check.ts";
import { afterAttempt, newProbeState, type ProbeState, settingsOf } from "./probe-state.ts";

export interface ProberDeps {
  readonly clock: Clock;
  readonly timers: Timers;
}

/** What the pod is told. */
export interface ProberEvents {
  /** The container's health has changed. */
  onHealth(health: ContainerHealth): void;
  /** One failed attempt that counts: worth an event. */
  onUnhealthy(probe: ProbeKind, message: string): void;
  /** The container has to be stopped, and restarted by its policy. Called once. */
  onFailed(probe: ProbeKind): void;
}

export type ProbeKind = "Startup" | "Liveness" | "Readiness";

/** The health of a container at its start: what has no probe counts as passed. */
export function initialHealth(container: Container): ContainerHealth {
  const isStarted = container.startupProbe === undefined;
  return { isStarted, isReady: isStarted && container.readinessProbe === undefined };
}

/** Probes `container` until it is stopped. */
export class Prober {
  readonly #deps: ProberDeps;
  readonly #container: Container;
  readonly #target: ProbeTarget;
  readonly #events: ProberEvents;
  readonly #abort = new AbortController();
  readonly #cancels = new Map<ProbeKind, () => void>();
  #health: ContainerHealth;

  constructor(
    deps: ProberDeps,
    subject: { container: Container; target: ProbeTarget; health: ContainerHealth },
    events: ProberEvents,
  ) {
    this.#deps = deps;
    this.#container = subject.container;
    this.#target = subject.target;
    this.#health = subject.health;
    this.#events = events;
  }

  start(): void {
    const { startupProbe } = this.#container;
    if (startupProbe === undefined || this.#health.isStarted) this.#startOthers();
    else this.#begin("Startup", startupProbe, false);
  }

  stop(): void {
    this.#abort.abort();
    for (const cancel of this.#cancels.values()) cancel();
    this.#cancels.clear();
  }

  #startOthers(): void {
    const { livenessProbe, readinessProbe } = this.#container;
    if (livenessProbe !== undefined) this.#begin("Liveness", livenessProbe, true);
    if (readinessProbe !== undefined) {
      this.#begin("Readiness", readinessProbe, this.#health.isReady);
    }
  }

  #begin(kind: ProbeKind, probe: Probe, hasSucceeded: boolean): void {
    const state = newProbeState(settingsOf(probe), this.#deps.clock.nowMs(), hasSucceeded);
    // Liveness starts as passed, but not before its initial delay.
    const delayMs = kind === "Liveness" ? settingsOf(probe).initialDelayMs : 0;
    this.#schedule(kind, probe, { ...state, nextAtMs: state.nextAtMs + delayMs });
  }

  #schedule(kind: ProbeKind, probe: Probe, state: ProbeState): void {
    if (this.#abort.signal.aborted) return;
    const waitMs = Math.max(0, state.nextAtMs - this.#deps.clock.nowMs());
    const cancel = this.#deps.timers.after(waitMs, () => {
      void this.#attempt(kind, probe, state);
    });
    this.#cancels.set(kind, cancel);
  }

  async #attempt(kind: ProbeKind, probe: Probe, state: ProbeState): Promise<void> {
    const settings = settingsOf(probe);
    const { signal } = this.#abort;
    const outcome = await checkOnce(probe, this.#target, settings.timeoutMs, signal);
    if (signal.aborted) return;
    const next = afterAttempt(state, settings, {
      hasSucceeded: outcome.kind === "success",
      nowMs: this.#deps.clock.nowMs(),
    });
    if (outcome.kind === "failure" && next.failures > state.failures) {
      this.#events.onUnhealthy(kind, outcome.message);
    }
    this.#judge(kind, next);
    const isPassed = kind === "Startup" && next.result === "success";
    if (!isPassed) this.#schedule(kind, probe, next);
  }

  #judge(kind: ProbeKind, { result }: ProbeState): void {
    if (kind === "Readiness") {
      this.#setHealth({ isStarted: true, isReady: result === "success" });
      return;
    }
    if (result === "failure") {
      this.stop();
      this.#events.onFailed(kind);
    } else if (kind === "Startup" && result === "success") {
      this.#setHealth({
        isStarted: true,
        isReady: this.#container.readinessProbe === undefined,
      });
      this.#startOthers();
    }
  }

  #setHealth(health: ContainerHealth): void {
    const { isStarted, isReady } = this.#health;
    if (isStarted === health.isStarted && isReady === health.isReady) return;
    this.#health = health;
    this.#events.onHealth(health);
  }
}
