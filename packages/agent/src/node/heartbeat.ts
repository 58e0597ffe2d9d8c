/**
 * The node's sign of life: its Lease in kube-node-lease, renewed every second.
 *
 * The server keeps renewals out of the log and deletes the object when they stop; that deletion is how
 * the control plane learns of a death. Two things follow. A renewal changes nothing but renewTime. And
 * a process that was paused may have been declared dead meanwhile, its pods given to others: before it
 * claims to live again it looks at its pods anew.
 */
import type { Clock, Logger, Timers } from "@flotilla/base";
import type { ObjectClient } from "@flotilla/client";
import { formatMicroTime, type Lease, leases } from "@flotilla/objects";
import { reasonOf } from "../errors.ts";
import { pause } from "../timers.ts";

/** Time to live of the lease. */
export const leaseDurationSeconds = 4;
/** Interval between renewals: three may be lost. */
export const renewMs = 1_000;
/** A renewal without an answer for so long is given up for the next one, which may reach another server. */
export const attemptMsMax = 1_500;
const leaseNamespace = "kube-node-lease";

export interface HeartbeatDeps {
  readonly client: ObjectClient;
  readonly nodeName: string;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly logger: Logger;
  wallNowMs(): number;
  /** Reads the node's pods from the API and stops what is not to run any more. Rejects when it cannot. */
  recheckPods(): Promise<void>;
  /** Called after the lease was created, at first and again. */
  onAlive(): void;
}

/** Beats until the signal aborts. */
export class Heartbeat {
  readonly #deps: HeartbeatDeps;
  #lease: Lease | undefined;
  /** When the last renewal that succeeded was sent: the server counts from no earlier. */
  #renewedAtMs: number | undefined;
  #attempt = 0;

  constructor(deps: HeartbeatDeps) {
    this.#deps = deps;
  }

  /** Resolves when the signal has aborted. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, timers } = this.#deps;
    while (!signal.aborted) {
      const startedAtMs = clock.nowMs();
      const patience = new AbortController();
      const stop = () => patience.abort();
      signal.addEventListener("abort", stop, { once: true });
      await Promise.race([this.#beat(), pause(timers, attemptMsMax, patience.signal)]);
      patience.abort();
      signal.removeEventListener("abort", stop);
      const leftMs = renewMs - (clock.nowMs() - startedAtMs);
      await pause(timers, Math.max(0, leftMs), signal);
    }
  }

  /** Ends the lease: the control plane need not wait to learn that the node is gone. */
  async release(): Promise<void> {
    const name = { namespace: leaseNamespace, name: this.#deps.nodeName };
    await this.#deps.client.delete(leases, name);
  }

  async #beat(): Promise<void> {
    const attempt = ++this.#attempt;
    try {
      if (this.#hasLapsed()) this.#lease = undefined;
      if (this.#lease === undefined) await this.#createLease(attempt);
      else await this.#renew(attempt, this.#lease);
    } catch (error) {
      this.#deps.logger.debug("heartbeat failed", { reason: reasonOf(error) });
    }
  }

  #hasLapsed(): boolean {
    if (this.#renewedAtMs === undefined) return false;
    return this.#deps.clock.nowMs() - this.#renewedAtMs >= leaseDurationSeconds * 1000;
  }

  async #renew(attempt: number, lease: Lease): Promise<void> {
    const sentAtMs = this.#deps.clock.nowMs();
    const renewTime = formatMicroTime(this.#deps.wallNowMs());
    const spec = { ...lease.spec, renewTime };
    const outcome = await this.#deps.client.update(leases, { ...lease, spec });
    if (attempt !== this.#attempt) return; // Given up: a later attempt speaks for now.
    if (outcome.kind === "ok") this.#renewed(outcome.object, sentAtMs);
    else if (outcome.kind === "notFound") await this.#createLease(attempt);
    else this.#lease = undefined; // Read it again.
  }

  async #createLease(attempt: number): Promise<void> {
    const { client, nodeName, clock, wallNowMs, logger, onAlive } = this.#deps;
    // Only the first lease of this process needs no look at the pods: none was started by it yet.
    if (this.#renewedAtMs !== undefined) {
      logger.warn("heartbeat lapsed", { node: nodeName });
      await this.#deps.recheckPods();
    }
    const sentAtMs = clock.nowMs();
    const now = formatMicroTime(wallNowMs());
    const outcome = await client.create(leases, {
      apiVersion: "coordination.k8s.io/v1",
      kind: "Lease",
      metadata: { name: nodeName, namespace: leaseNamespace },
      spec: { holderIdentity: nodeName, leaseDurationSeconds, acquireTime: now, renewTime: now },
    });
    if (attempt !== this.#attempt) return;
    if (outcome.kind === "ok") {
      this.#renewed(outcome.object, sentAtMs);
      onAlive();
    } else if (outcome.kind === "alreadyExists") {
      // Of an earlier run of this node's agent, and not over yet.
      this.#lease = await client.get(leases, { namespace: leaseNamespace, name: nodeName });
      if (this.#lease !== undefined) await this.#renew(attempt, this.#lease);
    } else {
      throw new Error(outcome.message);
    }
  }

  #renewed(lease: Lease, sentAtMs: number): void {
    this.#lease = lease;
    this.#renewedAtMs = sentAtMs;
  }
}
