/**
 * A lease: what is attached to it goes when it goes.
 *
 * Renewals are single calls, repeatable and so sent to the next member when one fails. Time is
 * counted from when a renewal was sent: a lease is taken for lost here before it can be lost there.
 */
import { emptyBytes } from "@flotilla/base";
import { linkSignals, onAborted, sleep } from "./abort.ts";
import type { Channel } from "./channel.ts";
import { decodeWith } from "./codec/header.ts";
import {
  encodeLeaseGrant,
  encodeLeaseId,
  type LeaseAnswer,
  readLeaseAnswer,
  readLeaseIds,
} from "./codec/lease.ts";
import { EtcdError, isEtcdError } from "./errors.ts";
import { renewalsPerTtl, silenceMs } from "./limits.ts";
import type { CallOptions } from "./options.ts";

export interface GrantOptions extends CallOptions {
  /** Chosen by the member unless given. */
  readonly id?: bigint;
}

export interface KeepAliveOptions {
  /** Ends the renewals: the lease then lives for what is left of its time. */
  readonly signal?: AbortSignal;
  /** Called once when the lease is lost, with why; not for one's own `revoke`. */
  readonly onLost?: (error: EtcdError) => void;
}

/** How long a lease has, as the leader counts. */
export interface LeaseLife {
  readonly ttlSeconds: number;
  readonly grantedTtlSeconds: number;
  /** Only when asked for. */
  readonly keys: readonly Uint8Array[];
}

export class Lease {
  /** For the option `lease` of puts. */
  readonly id: bigint;
  /** As granted; members raise a very short one. */
  readonly ttlSeconds: number;
  readonly #channel: Channel;
  readonly #losing = new AbortController();
  readonly #ending = new AbortController();
  /** On the client's clock; before it no member gives the lease up. */
  #expiresMs: number;
  #isKept = false;

  constructor(channel: Channel, answer: LeaseAnswer, askedMs: number) {
    this.#channel = channel;
    this.id = answer.id;
    this.ttlSeconds = answer.ttlSeconds;
    this.#expiresMs = askedMs + answer.ttlSeconds * 1000;
  }

  /** Asks for a lease. */
  static async grant(
    channel: Channel,
    ttlSeconds: number,
    { id = 0n, ...options }: GrantOptions,
  ): Promise<Lease> {
    const askedMs = channel.deps.clock.nowMs();
    const request = encodeLeaseGrant(ttlSeconds, id);
    const call = { ...options, isRepeatable: false };
    const answer = await channel.unary("/etcdserverpb.Lease/LeaseGrant", request, call);
    return new Lease(channel, decodeWith(answer, readLeaseAnswer), askedMs);
  }

  /** Ends a lease by its id. One that is gone already is no error. */
  static async revoke(channel: Channel, id: bigint, options: CallOptions): Promise<void> {
    // Ids are not used twice: revoking again does nothing more.
    const call = { ...options, isRepeatable: true };
    try {
      await channel.unary("/etcdserverpb.Lease/LeaseRevoke", encodeLeaseId(id), call);
    } catch (error) {
      if (!isEtcdError(error, "leaseNotFound")) throw error;
    }
  }

  /** Ids of all leases. */
  static async list(channel: Channel, options: CallOptions): Promise<readonly bigint[]> {
    const call = { ...options, isRepeatable: true };
    const answer = await channel.unary("/etcdserverpb.Lease/LeaseLeases", emptyBytes, call);
    return decodeWith(answer, readLeaseIds);
  }

  /**
   * Aborts when the lease is lost, or revoked here; its reason is an {@link EtcdError} `leaseLost`. Of
   * what happens elsewhere only a lease that is kept alive finds out.
   */
  get lost(): AbortSignal {
    return this.#losing.signal;
  }

  /** Renews three times in each time to live, until the signal aborts, the lease is lost or revoked. */
  keepAlive(options: KeepAliveOptions = {}): void {
    if (this.#isKept) throw new EtcdError("badArgument", "The lease is kept alive already");
    this.#isKept = true;
    const { onLost } = options;
    if (onLost !== undefined) {
      onAborted(this.lost, () => {
        if (!this.#ending.signal.aborted) onLost(this.lost.reason);
      });
    }
    const { closing } = this.#channel;
    const link = linkSignals(options.signal, this.#ending.signal, this.lost, closing);
    this.#renewals(link.signal).catch(() => {
      // One of the signals. Whoever aborted it knows, but for a client that another part closes.
      link.release();
      this.#isKept = false;
      if (closing.aborted) this.#lose("the client was closed");
    });
  }

  /** Renews once. Its time to live from now on, in seconds. Rejects with `leaseLost` when it is gone. */
  async renew(options: CallOptions = {}): Promise<number> {
    const askedMs = this.#channel.deps.clock.nowMs();
    const request = encodeLeaseId(this.id);
    // A member that hangs must not use up the time of a short lease.
    const shortMs = Math.min(silenceMs, (this.ttlSeconds * 1000) / renewalsPerTtl);
    const call = { ...options, isRepeatable: true, silenceMs: shortMs };
    // A stream of one question, which is a call like any other.
    const answer = await this.#channel.unary("/etcdserverpb.Lease/LeaseKeepAlive", request, call);
    const { ttlSeconds } = decodeWith(answer, readLeaseAnswer);
    if (ttlSeconds <= 0) throw this.#lose("it expired or was revoked");
    this.#expiresMs = askedMs + ttlSeconds * 1000;
    return ttlSeconds;
  }

  /** What is left of it; undefined when it is gone. */
  async timeToLive(
    options: CallOptions & { readonly keys?: boolean } = {},
  ): Promise<LeaseLife | undefined> {
    const request = encodeLeaseId(this.id, options.keys ?? false);
    const call = { ...options, isRepeatable: true };
    const answer = await this.#channel.unary("/etcdserverpb.Lease/LeaseTimeToLive", request, call);
    const { ttlSeconds, grantedTtlSeconds, keys } = decodeWith(answer, readLeaseAnswer);
    return ttlSeconds < 0 ? undefined : { ttlSeconds, grantedTtlSeconds, keys };
  }

  /**
   * Ends it, and with it all keys attached to it. One that is gone already is no error. {@link lost}
   * aborts at once: before any member can give the lease up.
   */
  async revoke(options: CallOptions = {}): Promise<void> {
    this.#ending.abort();
    this.#lose("it was revoked here");
    await Lease.revoke(this.#channel, this.id, options);
  }

  /** Rejects with the reason of `signal`. */
  async #renewals(signal: AbortSignal): Promise<void> {
    const { clock, timers } = this.#channel.deps;
    const pauseMs = (this.ttlSeconds * 1000) / renewalsPerTtl;
    for (;;) {
      const leftMs = this.#expiresMs - clock.nowMs();
      if (leftMs <= 0) throw this.#lose("it could not be renewed in time");
      try {
        await this.renew({ signal, timeoutMs: leftMs });
      } catch (error) {
        signal.throwIfAborted();
        if (isEtcdError(error, "leaseLost")) throw error;
        // A refusal may pass as well, such as that of a token: its time decides.
      }
      await sleep(timers, Math.min(pauseMs, Math.max(1, this.#expiresMs - clock.nowMs())), signal);
    }
  }

  #lose(why: string): EtcdError {
    if (this.lost.aborted) return this.lost.reason;
    const error = new EtcdError("leaseLost", `Lease ${this.id.toString(16)} is lost: ${why}`);
    this.#losing.abort(error);
    return error;
  }
}
