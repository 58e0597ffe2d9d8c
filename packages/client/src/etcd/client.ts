/** The etcd client: everything a program needs of a store, over any of its members. */
import type {
  DeleteRangeResult,
  KeyValue,
  PutResult,
  RangeResult,
  TxnRequest,
  TxnResult,
} from "@flotilla/store";
import { Channel } from "./channel.ts";
import type { ClaimOptions } from "./claim.ts";
import { Cluster } from "./cluster.ts";
import { Election } from "./election.ts";
import { EtcdError } from "./errors.ts";
import { KeySpace } from "./key-space.ts";
import { type Bytes, bytesOf, type Keys, rangeOf } from "./keys.ts";
import { Kv, type ReadOptions, type ScanOptions } from "./kv.ts";
import { type GrantOptions, Lease } from "./lease.ts";
import { Lock } from "./lock.ts";
import { Maintenance } from "./maintenance.ts";
import type { DeleteOptions, PutOptions } from "./operations.ts";
import {
  type CallOptions,
  type EtcdClientDeps,
  type EtcdClientOptions,
  systemDeps,
} from "./options.ts";
import { TxnBuilder } from "./txn.ts";
import { Watch, type WatchOptions } from "./watch.ts";

/** Connects lazily to any of `options.endpoints`. Throws `EtcdError` `badArgument`. */
export function createEtcdClient(
  options: EtcdClientOptions,
  deps: EtcdClientDeps = systemDeps,
): EtcdClient {
  const prefix = bytesOf(options.namespace ?? "");
  return new EtcdClient(new Channel(options, deps), new KeySpace(prefix));
}

/** All of a store, or what is under a prefix. Made by {@link createEtcdClient}. */
export class EtcdClient {
  readonly cluster: Cluster;
  readonly maintenance: Maintenance;
  readonly #channel: Channel;
  readonly #space: KeySpace;
  readonly #kv: Kv;

  constructor(channel: Channel, space: KeySpace) {
    this.#channel = channel;
    this.#space = space;
    this.#kv = new Kv(channel, space);
    this.cluster = new Cluster(channel);
    this.maintenance = new Maintenance(channel);
  }

  /** Whom calls go to. */
  get endpoints(): readonly string[] {
    return this.#channel.endpoints;
  }

  /** From now on these members; what runs at others is taken up at them. */
  setEndpoints(urls: readonly string[]): void {
    this.#channel.setEndpoints(urls);
  }

  /** Undefined when there is no such key. */
  get(key: Bytes, options: ReadOptions = {}): Promise<KeyValue | undefined> {
    return this.#kv.get(key, options);
  }

  range(keys: Keys, options: ReadOptions = {}): Promise<RangeResult> {
    return this.#kv.range(keys, options);
  }

  /** Any number of keys, in order, page by page and all of one revision. */
  scan(keys: Keys, options: ScanOptions = {}): AsyncGenerator<KeyValue, void, undefined> {
    return this.#kv.scan(keys, options);
  }

  put(key: Bytes, value: Bytes, options: PutOptions & CallOptions = {}): Promise<PutResult> {
    return this.#kv.put(key, value, options);
  }

  delete(keys: Keys, options: DeleteOptions & CallOptions = {}): Promise<DeleteRangeResult> {
    return this.#kv.delete(keys, options);
  }

  /** `txn().if(...).then(...).else(...).commit()`. */
  txn(): TxnBuilder {
    return new TxnBuilder((request, options) => this.#kv.txn(request, options));
  }

  /** A transaction as data. `isRepeatable`: a second one would do nothing more than the first. */
  commit(
    request: TxnRequest,
    options: CallOptions & { readonly isRepeatable?: boolean } = {},
  ): Promise<TxnResult> {
    return this.#kv.txn(request, options);
  }

  /** Forgets history below `revision`; `physical` waits until its space is free. */
  compact(
    revision: number,
    options: CallOptions & { readonly physical?: boolean } = {},
  ): Promise<void> {
    return this.#kv.compact(revision, options);
  }

  /** What happens to these keys, from now or from an earlier revision on. Throws `badArgument` without a key. */
  watch(keys: Keys, options: WatchOptions = {}): Watch {
    const { noPut = false, noDelete = false, prevKv = false } = options;
    const range = rangeOf(keys);
    // Unlike a read, etcd takes it: for the first key of all, outside of every namespace.
    if (range.key.length === 0) throw new EtcdError("badArgument", "A watch needs a key");
    const subject = { ...this.#space.into(range), noPut, noDelete, prevKv };
    const outOf = this.#space.outOfEvent.bind(this.#space);
    return new Watch({ channel: this.#channel, outOf }, subject, options);
  }

  /** A lease, not kept alive: see `Lease.keepAlive`. */
  grantLease(ttlSeconds: number, options: GrantOptions = {}): Promise<Lease> {
    return Lease.grant(this.#channel, ttlSeconds, options);
  }

  /** Ends a lease of which only the id is known. */
  revokeLease(id: bigint, options: CallOptions = {}): Promise<void> {
    return Lease.revoke(this.#channel, id, options);
  }

  /** All leases there are. */
  leases(options: CallOptions = {}): Promise<readonly bigint[]> {
    return Lease.list(this.#channel, options);
  }

  /** Waits for the lock `name` and holds it. */
  lock(name: string, options: ClaimOptions = {}): Promise<Lock> {
    return Lock.acquire(this, name, options);
  }

  election(name: string): Election {
    return new Election(this, name);
  }

  /**
   * A call that there is no method for, in bytes: `path` is `/package.Service/Method`. `isRepeatable`:
   * a second one would do nothing more than the first.
   */
  call(
    path: string,
    request: Uint8Array,
    options: CallOptions & { readonly isRepeatable?: boolean } = {},
  ): Promise<Uint8Array> {
    return this.#channel.unary(path, request, { isRepeatable: false, ...options });
  }

  /** The same members, only what is under `prefix`, and keys without it. Closed with this client. */
  namespace(prefix: Bytes): EtcdClient {
    return new EtcdClient(this.#channel, this.#space.within(bytesOf(prefix)));
  }

  /** Ends connections, calls and watches, and those of all its namespaces. */
  close(): void {
    this.#channel.close();
  }

  /** For `using`. */
  [Symbol.dispose](): void {
    this.close();
  }
}
