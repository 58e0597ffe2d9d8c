/** SIGTERM now, SIGKILL when the grace is over: the containers of one pod that are being stopped. */
import type { Clock, Timers } from "@flotilla/base";
import type { ProcessIdentity } from "../runtimes/process-identity.ts";
import type { Runtime } from "../runtimes/runtime.ts";

export interface GracefulStopsDeps {
  readonly runtime: Runtime;
  readonly clock: Clock;
  readonly timers: Timers;
}

/** By container name. */
export class GracefulStops {
  readonly #deps: GracefulStopsDeps;
  readonly #pending = new Map<string, { readonly killAtMs: number; readonly cancel: () => void }>();

  constructor(deps: GracefulStopsDeps) {
    this.#deps = deps;
  }

  /** Stops a container; a shorter grace than before replaces it. Returns false when it was stopping already. */
  stop(name: string, process: ProcessIdentity, graceMs: number): boolean {
    const { runtime, clock, timers } = this.#deps;
    const killAtMs = clock.nowMs() + graceMs;
    const before = this.#pending.get(name);
    if (before !== undefined && before.killAtMs <= killAtMs) return false;
    before?.cancel();
    const cancel = timers.after(graceMs, () => runtime.signal(process, "SIGKILL"));
    this.#pending.set(name, { killAtMs, cancel });
    if (before === undefined) runtime.signal(process, "SIGTERM");
    return before === undefined;
  }

  /** The container has ended. */
  ended(name: string): void {
    this.#pending.get(name)?.cancel();
    this.#pending.delete(name);
  }

  /** Forgets everything; nothing is killed any more. */
  close(): void {
    for (const { cancel } of this.#pending.values()) cancel();
    this.#pending.clear();
  }
}
