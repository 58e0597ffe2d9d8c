/** One client with a lease: keeps it alive for a while, lets it go, and looks when its key goes. */
import type { Prng } from "@flotilla/base";
import { type EtcdClient, isEtcdError, type Lease, type Watch } from "@flotilla/client/etcd";
import { checkLeases, type LeaseCall } from "@flotilla/sim";
import { until } from "../harness/wait.ts";
import type { Ledger } from "./ledger.ts";
import { insisting } from "./window.ts";

const ttlSeconds = 3;
/** A lease that is due goes within this time of the last disturbance: elections, and a new leader's full time. */
const expiryMs = 30_000;
/** Clocks of one machine; what rounding there is. */
const driftRatio = 1.02;

export class LeaseHolder {
  readonly #client: EtcdClient;
  readonly #random: Prng;
  readonly #ledger: Ledger;
  readonly #number: number;

  constructor(client: EtcdClient, number: number, random: Prng, ledger: Ledger) {
    this.#client = client;
    this.#number = number;
    this.#random = random;
    this.#ledger = ledger;
  }

  /** One lease after the other, until the signal; the last one is let go at its end. */
  async run(signal: AbortSignal): Promise<void> {
    for (let round = 0; !signal.aborted; round++) {
      try {
        await this.#hold(`lease/${this.#number}/${round}`, signal);
      } catch (error) {
        this.#ledger.failed(error);
      }
    }
  }

  async #hold(key: string, signal: AbortSignal): Promise<void> {
    const grant = await this.#call(() => this.#client.grantLease(ttlSeconds));
    const lease = grant.result;
    if (lease === undefined) return;
    const put = await this.#call(() =>
      this.#client.put(key, this.#ledger.serial(), { lease: lease.id }),
    );
    if (put.result === undefined) return;
    let endedAtMs: number | undefined;
    const closing = new AbortController();
    void this.#watchEnd(key, put.result.revision, closing.signal).then(
      () => {
        endedAtMs = this.#ledger.nowMs;
      },
      (error: unknown) => {
        if (!closing.signal.aborted) this.#ledger.broken(`watch of ${key}: ${String(error)}`);
      },
    );
    const keepalives = await this.#keep(lease, () => endedAtMs !== undefined || signal.aborted);
    const attached = { key, atMs: put.call.returnedAtMs ?? 0, kind: "attached" } as const;
    await until("the end of a lease", expiryMs + 30_000, () => endedAtMs !== undefined).catch(
      () => {},
    );
    closing.abort();
    const ended = endedAtMs;
    const expired = ended === undefined ? [] : [{ key, atMs: ended, kind: "expired" } as const];
    const history = {
      lease: lease.id.toString(16),
      ttlMs: lease.ttlSeconds * 1000,
      grant: grant.call,
      keepalives,
      revokes: [],
      refusals: [],
      endedAtMs: ended,
      keys: [attached, ...expired],
    };
    this.#judge(history, ended ?? this.#ledger.nowMs);
  }

  /**
   * Resolves once the key is gone, which was there at `revision`. A watch that was interrupted may find
   * what it has to be told compacted, as windows do: then the key is read, and watched from there on.
   */
  async #watchEnd(key: string, revision: number, signal: AbortSignal): Promise<void> {
    let watch: Watch = this.#client.watch(key, { startRevision: revision + 1, signal });
    for (;;) {
      try {
        await watch.next();
        return;
      } catch (error) {
        if (!isEtcdError(error, "compacted")) throw error;
        this.#ledger.failed(error);
      } finally {
        watch.close();
      }
      const found = await insisting(() => this.#client.range(key, { signal }));
      if (found.kvs.length === 0) return;
      watch = this.#client.watch(key, { startRevision: found.revision + 1, signal });
    }
  }

  /** What was seen at `atMs` may have happened before: a key that goes early does so all the more. */
  #judge(history: Parameters<typeof checkLeases>[0][number], atMs: number): void {
    const before = this.#ledger.disturbances.filter((when) => when <= atMs);
    const violation = checkLeases([history], {
      driftRatio,
      healedAtMs: before.at(-1) ?? 0,
      nowMs: this.#ledger.nowMs,
      expiryMs,
      leadersAfterHeal: 2,
    });
    if (violation !== undefined) this.#ledger.broken(`${violation.oracle}: ${violation.message}`);
    this.#ledger.count("leases");
  }

  /** Renews for up to ten seconds. */
  async #keep(lease: Lease, isOver: () => boolean): Promise<LeaseCall[]> {
    const calls: LeaseCall[] = [];
    const rounds = this.#random.below(10);
    for (let round = 0; round < rounds && !isOver(); round++) {
      await new Promise((resolve) => setTimeout(resolve, 1000));
      const { call } = await this.#call(() => lease.renew({ timeoutMs: 3000 }));
      calls.push(call);
      if (call.returnedAtMs !== undefined && !call.isAcknowledged) break;
    }
    return calls;
  }

  async #call<T>(
    ask: () => Promise<T>,
  ): Promise<{ readonly call: LeaseCall; readonly result: T | undefined }> {
    const calledAtMs = this.#ledger.nowMs;
    try {
      const result = await ask();
      const returnedAtMs = this.#ledger.nowMs;
      return { call: { calledAtMs, returnedAtMs, isAcknowledged: true }, result };
    } catch (error) {
      this.#ledger.failed(error);
      const isGone = isEtcdError(error, "leaseLost") || isEtcdError(error, "leaseNotFound");
      const returnedAtMs = isGone ? this.#ledger.nowMs : undefined;
      return { call: { calledAtMs, returnedAtMs, isAcknowledged: false }, result: undefined };
    }
  }
}
