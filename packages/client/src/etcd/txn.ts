/** A transaction, said as it is read: if all of these hold, then these, else those. */
import type { Compare, RequestOp, TxnRequest, TxnResult } from "@flotilla/store";
import { EtcdError } from "./errors.ts";
import type { CallOptions } from "./options.ts";

/** Sends a transaction; the client that the builder came from. */
export type CommitTxn = (request: TxnRequest, options: CallOptions) => Promise<TxnResult>;

/** Gathers; nothing happens before {@link commit}. Each method may be called several times. */
export class TxnBuilder {
  readonly #commit: CommitTxn;
  readonly #compare: Compare[] = [];
  readonly #success: RequestOp[] = [];
  readonly #failure: RequestOp[] = [];

  constructor(commit: CommitTxn) {
    this.#commit = commit;
  }

  /** All have to hold; without any, they do. */
  if(...compare: readonly Compare[]): this {
    this.#compare.push(...compare);
    return this;
  }

  // biome-ignore lint/suspicious/noThenProperty: the word that etcd's clients have; see below.
  then(...operations: readonly RequestOp[]): this {
    // A builder that is awaited, or returned by an async function, is asked for its result here.
    const [resolve, reject] = operations as readonly unknown[];
    if (typeof resolve === "function") {
      const error = new EtcdError("badArgument", "A transaction is no promise: call commit()");
      if (typeof reject === "function") reject(error);
      return this;
    }
    this.#success.push(...operations);
    return this;
  }

  else(...operations: readonly RequestOp[]): this {
    this.#failure.push(...operations);
    return this;
  }

  /** What was gathered: to nest it in another one with `op.txn`. */
  request(): TxnRequest {
    return {
      compare: [...this.#compare],
      success: [...this.#success],
      failure: [...this.#failure],
    };
  }

  /** Does it, all or nothing, at one revision. */
  commit(options: CallOptions = {}): Promise<TxnResult> {
    return this.#commit(this.request(), options);
  }
}
