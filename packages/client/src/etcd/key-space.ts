/**
 * The keys of a namespace: requests get its prefix, answers lose it (etcd client/v3/namespace). Pure.
 */
import { concatBytes, prefixEnd } from "@flotilla/base";
import {
  type Compare,
  type KeyRange,
  type KeyValue,
  openEnd,
  type RequestOp,
  type TxnRequest,
  type TxnResult,
  type WatchEvent,
} from "@flotilla/store";

type OpResult = TxnResult["responses"][number];

export class KeySpace {
  readonly #prefix: Uint8Array;

  /** An empty prefix is the whole store. */
  constructor(prefix: Uint8Array) {
    this.#prefix = prefix;
  }

  /** A namespace within this one. */
  within(prefix: Uint8Array): KeySpace {
    return new KeySpace(concatBytes([this.#prefix, prefix]));
  }

  key(key: Uint8Array): Uint8Array {
    return this.#prefix.length === 0 ? key : concatBytes([this.#prefix, key]);
  }

  /** The same request over keys with the prefix; an empty key stays one, to be refused as such. */
  into<T extends KeyRange>(request: T): T {
    if (this.#prefix.length === 0 || request.key.length === 0) return request;
    return { ...request, key: this.key(request.key), rangeEnd: this.#end(request.rangeEnd) };
  }

  /** The same request with the prefix, for one key. */
  intoKey<T extends { readonly key: Uint8Array }>(request: T): T {
    if (this.#prefix.length === 0 || request.key.length === 0) return request;
    return { ...request, key: this.key(request.key) };
  }

  /** All comparisons and operations, nested ones too. */
  intoTxn(request: TxnRequest): TxnRequest {
    if (this.#prefix.length === 0) return request;
    return {
      compare: request.compare.map((compare): Compare => this.into(compare)),
      success: request.success.map((op) => this.#intoOp(op)),
      failure: request.failure.map((op) => this.#intoOp(op)),
    };
  }

  outOfKey(key: Uint8Array): Uint8Array {
    return key.subarray(this.#prefix.length);
  }

  outOf(kv: KeyValue): KeyValue {
    return this.#prefix.length === 0 ? kv : { ...kv, key: this.outOfKey(kv.key) };
  }

  outOfAll(kvs: readonly KeyValue[]): readonly KeyValue[] {
    return this.#prefix.length === 0 ? kvs : kvs.map((kv) => this.outOf(kv));
  }

  outOfEvent(event: WatchEvent): WatchEvent {
    if (this.#prefix.length === 0) return event;
    const { previous } = event;
    return { ...event, kv: this.outOf(event.kv), previous: previous && this.outOf(previous) };
  }

  /** All results, nested ones too. */
  outOfResult<T extends OpResult>(result: T): T;
  outOfResult(result: OpResult): OpResult {
    if (this.#prefix.length === 0) return result;
    switch (result.kind) {
      case "range":
        return { ...result, kvs: this.outOfAll(result.kvs) };
      case "put":
        return { ...result, previous: result.previous && this.outOf(result.previous) };
      case "deleteRange":
        return { ...result, previous: this.outOfAll(result.previous) };
      case "txn":
        return { ...result, responses: result.responses.map((one) => this.outOfResult(one)) };
    }
  }

  #end(rangeEnd: Uint8Array): Uint8Array {
    if (rangeEnd.length === 0) return rangeEnd;
    const isOpen = rangeEnd.length === 1 && rangeEnd[0] === 0;
    // The end of everything is here the end of the namespace.
    return isOpen ? (prefixEnd(this.#prefix) ?? openEnd) : this.key(rangeEnd);
  }

  #intoOp(op: RequestOp): RequestOp {
    switch (op.kind) {
      case "range":
        return { ...op, request: this.into(op.request) };
      case "put":
        return { ...op, request: this.intoKey(op.request) };
      case "deleteRange":
        return { ...op, request: this.into(op.request) };
      case "txn":
        return { ...op, request: this.intoTxn(op.request) };
    }
  }
}
