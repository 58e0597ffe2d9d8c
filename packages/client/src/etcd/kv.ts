/**
 * `etcdserverpb.KV` in the words of a program.
 *
 * Reads are repeatable. Writes are not: when it is not known whether one happened, it fails with
 * `outcomeUnknown`, and the caller looks before it tries again.
 */
import {
  type DeleteRangeResult,
  deleteRequest,
  encodeDeleteRangeRequest,
  encodePutRequest,
  encodeRangeRequest,
  encodeTxnRequest,
  type KeyValue,
  type PutResult,
  putRequest,
  type RangeOptions,
  type RangeResult,
  rangeRequest,
  type TxnRequest,
  type TxnResult,
} from "@flotilla/store";
import type { Channel } from "./channel.ts";
import { decodeWith } from "./codec/header.ts";
import {
  encodeCompaction,
  readDeleteRangeResponse,
  readPutResponse,
  readRangeResponse,
  readTxnResponse,
} from "./codec/kv.ts";
import { EtcdError } from "./errors.ts";
import type { KeySpace } from "./key-space.ts";
import { type Bytes, bytesOf, isSingleKey, type Keys, rangeOf } from "./keys.ts";
import { pageSizeDefault } from "./limits.ts";
import type { DeleteOptions, PutOptions } from "./operations.ts";
import type { CallOptions } from "./options.ts";

/** A read: where to stop, in which order, as of when, and whether the member may answer alone (`serializable`). */
export type ReadOptions = RangeOptions & CallOptions;

export interface ScanOptions extends CallOptions {
  /** As of this revision. Default: that of the first page. */
  readonly revision?: number;
  /** Keys of one request. Default 1,000. */
  readonly pageSize?: number;
  readonly keysOnly?: boolean;
  readonly serializable?: boolean;
}

export class Kv {
  readonly #channel: Channel;
  readonly #space: KeySpace;

  constructor(channel: Channel, space: KeySpace) {
    this.#channel = channel;
    this.#space = space;
  }

  async get(key: Bytes, options: ReadOptions): Promise<KeyValue | undefined> {
    const { kvs } = await this.range(key, options);
    return kvs[0];
  }

  async range(keys: Keys, { signal, timeoutMs, ...options }: ReadOptions): Promise<RangeResult> {
    const request = rangeRequest(this.#space.into(rangeOf(keys)), options);
    const call = { ...callOf(signal, timeoutMs), isRepeatable: true };
    const answer = await this.#channel.unary(
      "/etcdserverpb.KV/Range",
      encodeRangeRequest(request),
      call,
    );
    return this.#space.outOfResult(decodeWith(answer, readRangeResponse));
  }

  /** Page by page, all of one revision. Throws `compacted` when that is compacted meanwhile. */
  async *scan(keys: Keys, options: ScanOptions): AsyncGenerator<KeyValue, void, undefined> {
    const { pageSize = pageSizeDefault, revision = 0, ...rest } = options;
    const { key, rangeEnd } = rangeOf(keys);
    if (isSingleKey({ key, rangeEnd })) {
      throw new EtcdError("badArgument", "A scan is over a range of keys: use get() for one");
    }
    let page = { from: key, revision };
    for (;;) {
      const read = { ...rest, revision: page.revision, limit: pageSize };
      const result = await this.range({ from: page.from, to: rangeEnd }, read);
      yield* result.kvs;
      const last = result.kvs.at(-1);
      if (!result.more || last === undefined) return;
      // The next key there can be: the last one and a zero byte.
      const from = new Uint8Array(last.key.length + 1);
      from.set(last.key);
      page = { from, revision: page.revision === 0 ? result.revision : page.revision };
    }
  }

  async put(key: Bytes, value: Bytes, options: PutOptions & CallOptions): Promise<PutResult> {
    const { signal, timeoutMs, ...rest } = options;
    const request = this.#space.intoKey(putRequest(bytesOf(key), bytesOf(value), rest));
    const call = { ...callOf(signal, timeoutMs), isRepeatable: false };
    const answer = await this.#channel.unary(
      "/etcdserverpb.KV/Put",
      encodePutRequest(request),
      call,
    );
    return this.#space.outOfResult(decodeWith(answer, readPutResponse));
  }

  async delete(keys: Keys, options: DeleteOptions & CallOptions): Promise<DeleteRangeResult> {
    const { signal, timeoutMs, prevKv = false } = options;
    const { key, rangeEnd } = this.#space.into(rangeOf(keys));
    const request = encodeDeleteRangeRequest(deleteRequest(key, { rangeEnd, prevKv }));
    const call = { ...callOf(signal, timeoutMs), isRepeatable: false };
    const answer = await this.#channel.unary("/etcdserverpb.KV/DeleteRange", request, call);
    return this.#space.outOfResult(decodeWith(answer, readDeleteRangeResponse));
  }

  /** `isRepeatable`: the transaction is such that a second one does nothing more than the first. */
  async txn(
    request: TxnRequest,
    options: CallOptions & { readonly isRepeatable?: boolean },
  ): Promise<TxnResult> {
    const ops = [...request.success, ...request.failure];
    const isRepeatable = options.isRepeatable ?? ops.every(({ kind }) => kind === "range");
    const bytes = encodeTxnRequest(this.#space.intoTxn(request));
    const call = { ...options, isRepeatable };
    const answer = await this.#channel.unary("/etcdserverpb.KV/Txn", bytes, call);
    return this.#space.outOfResult(decodeWith(answer, readTxnResponse));
  }

  async compact(
    revision: number,
    { physical = false, ...options }: CallOptions & { readonly physical?: boolean },
  ): Promise<void> {
    const request = encodeCompaction(revision, physical);
    const call = { ...options, isRepeatable: false };
    await this.#channel.unary("/etcdserverpb.KV/Compact", request, call);
  }
}

/** With `exactOptionalPropertyTypes` what is undefined must not be there. */
function callOf(signal: AbortSignal | undefined, timeoutMs: number | undefined): CallOptions {
  return {
    ...(signal === undefined ? {} : { signal }),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  };
}
