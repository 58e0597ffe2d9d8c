/**
 * A place in a queue of keys under a prefix, in the order in which they were created: what locks and
 * elections are made of (etcd client/v3/concurrency). The key is that of the lease that holds it.
 *
 * The place is a revision, which only grows: whoever writes elsewhere in the name of the place sends
 * it along, and whatever is written refuses a lower one (a fencing token).
 */
import { equalBytes } from "@flotilla/base";
import type { Compare, KeyValue } from "@flotilla/store";
import { abortable, linkSignals, onAborted } from "./abort.ts";
import type { EtcdClient } from "./client.ts";
import { EtcdError } from "./errors.ts";
import { type Bytes, bytesOf } from "./keys.ts";
import type { Lease } from "./lease.ts";
import { sessionTtlSecondsDefault } from "./limits.ts";
import { compare, op } from "./operations.ts";
import type { CallOptions } from "./options.ts";

export interface ClaimOptions {
  /**
   * A lease of the caller's, kept alive and ended by him. The place is the lease's: asked for twice
   * with the same one, it is the same place. Default: a lease of its own.
   */
  readonly lease?: Lease;
  /** Of the lease of its own: how long a place is held by a program that is gone. Default 10. */
  readonly ttlSeconds?: number;
  /** Ends the wait; the place in the queue is given up. */
  readonly signal?: AbortSignal;
}

export class Claim {
  /** The key that stands for the place. */
  readonly key: string;
  /** The revision at which it was made: greater than that of every earlier holder. */
  readonly token: number;
  readonly lease: Lease;
  readonly #client: EtcdClient;
  readonly #ownsLease: boolean;
  readonly #prefix: string;
  readonly #losing = new AbortController();
  readonly #forgetLease: () => void;

  constructor(
    client: EtcdClient,
    place: { readonly prefix: string; readonly key: string; readonly token: number },
    session: { readonly lease: Lease; readonly isOwn: boolean },
  ) {
    this.#client = client;
    this.#prefix = place.prefix;
    this.key = place.key;
    this.token = place.token;
    this.lease = session.lease;
    this.#ownsLease = session.isOwn;
    const { lost } = session.lease;
    this.#forgetLease = onAborted(lost, () => this.#losing.abort(lost.reason));
  }

  /** Aborts when the lease is lost, unless the place was given up before. */
  get lost(): AbortSignal {
    return this.#losing.signal;
  }

  /** Takes a place and waits until it is the first. Rejects with `leaseLost`, or the signal's reason. */
  static async first(
    client: EtcdClient,
    prefix: string,
    { value, ...options }: ClaimOptions & { readonly value: Bytes },
  ): Promise<Claim> {
    const session = await openSession(client, options);
    const { lease } = session;
    const link = linkSignals(options.signal, lease.lost);
    const { signal } = link;
    // Without the signal: a place that is taken after all has to be known, to be given up.
    const enqueued = Claim.#enqueue(client, prefix, { ...session, value });
    enqueued.catch(() => {}); // Whoever waits for it is told.
    try {
      const claim = await abortable(enqueued, signal);
      await claim.#wait(signal);
      return claim;
    } catch (error) {
      // Nobody is told of the place, so it must not stay.
      const given = session.isOwn ? lease.revoke() : enqueued.then((claim) => claim.release());
      await given.catch(() => {});
      throw error;
    } finally {
      link.release();
    }
  }

  /** Holds exactly as long as the place does: for the transactions of whoever is in it. */
  isHeld(): Compare {
    return compare.createRevision(this.key, "=", this.token);
  }

  /** Writes the value of the place. Rejects with `notOwner` when it is lost. */
  async write(value: Bytes, options: CallOptions): Promise<number> {
    const put = op.put(this.key, value, { lease: this.lease.id });
    const { succeeded, revision } = await this.#client
      .txn()
      .if(this.isHeld())
      .then(put)
      .commit(options);
    if (succeeded) return revision;
    throw new EtcdError("notOwner", `The place ${this.key} is not held any more`);
  }

  /** Gives the place to the next. One that is lost already is no error. */
  async release(options: CallOptions = {}): Promise<void> {
    this.#forgetLease();
    // The place goes with its lease, which is renewed no more whatever becomes of this.
    if (this.#ownsLease) return this.lease.revoke(options);
    const request = this.#client.txn().if(this.isHeld()).then(op.delete(this.key)).request();
    // Fenced by its own token: done twice it is done once.
    await this.#client.commit(request, { ...options, isRepeatable: true });
  }

  static async #enqueue(
    client: EtcdClient,
    prefix: string,
    own: {
      readonly lease: Lease;
      readonly isOwn: boolean;
      readonly value: Bytes;
    },
  ): Promise<Claim> {
    const { lease, value } = own;
    const key = `${prefix}${BigInt.asUintN(64, lease.id).toString(16)}`;
    const request = client
      .txn()
      .if(compare.missing(key))
      .then(op.put(key, value, { lease: lease.id }))
      .else(op.range(key))
      .request();
    // Whoever finds his own key has it: asking again changes nothing.
    const result = await client.commit(request, { isRepeatable: true });
    const [answer] = result.responses;
    const found = answer?.kind === "range" ? answer.kvs[0] : undefined;
    const token = result.succeeded ? result.revision : found?.createRevision;
    if (token === undefined) throw new EtcdError("badResponse", "A key that exists was not read");
    const claim = new Claim(client, { prefix, key, token }, own);
    const isSaid = found === undefined || equalBytes(found.value, bytesOf(value));
    if (!isSaid) await claim.write(value, {});
    return claim;
  }

  async #wait(signal: AbortSignal): Promise<void> {
    for (;;) {
      const { kvs, revision } = await this.#client.range(
        { prefix: this.#prefix },
        {
          maxCreateRevision: this.token - 1,
          sortTarget: "create",
          sortOrder: "descend",
          limit: 1,
          signal,
        },
      );
      const [ahead] = kvs;
      if (ahead === undefined) break;
      await deletionOf(this.#client, ahead, revision + 1, signal);
    }
    // The wait may have outlived the lease without anybody having noticed.
    const own = await this.#client.get(this.key, { signal });
    if (own?.createRevision === this.token) return;
    throw new EtcdError("leaseLost", `The place ${this.key} was lost while waiting for it`);
  }
}

async function openSession(
  client: EtcdClient,
  { lease, ttlSeconds = sessionTtlSecondsDefault, signal }: ClaimOptions,
): Promise<{ readonly lease: Lease; readonly isOwn: boolean }> {
  if (lease !== undefined) return { lease, isOwn: false };
  const own = await client.grantLease(ttlSeconds, signal === undefined ? {} : { signal });
  own.keepAlive();
  return { lease: own, isOwn: true };
}

/** Resolves once the key is gone, or there is no telling: whoever waits looks again. */
async function deletionOf(
  client: EtcdClient,
  kv: KeyValue,
  startRevision: number,
  signal: AbortSignal,
): Promise<void> {
  const watch = client.watch(kv.key, { startRevision, noPut: true, signal });
  try {
    for await (const { events } of watch) if (events.length > 0) return;
  } catch (error) {
    if (!(error instanceof EtcdError && error.code === "compacted")) throw error;
  } finally {
    watch.close();
  }
}
