/**
 * What Lock and Election ask of the member, in the name of one call: small requests as any client could
 * send them, judged by the rights of the caller each time.
 */
import { emptyBytes } from "@flotilla/base";
import { type Call, GrpcError, statusCode } from "@flotilla/grpc";
import {
  deleteRequest,
  type RangeRequest,
  type RangeResult,
  type TxnRequest,
  type TxnResult,
  type WatchEvent,
} from "@flotilla/store";
import type { ServiceContext } from "../context.ts";
import { RpcError, rpcErrorOf, wrongResult } from "../errors.ts";
import { sessionTtlSeconds, watchTurnBytes } from "../limits.ts";
import { checkDeleteRange, checkTxn } from "../services/kv-checks.ts";
import { chooseLeaseId } from "../services/lease-ids.ts";

/** What a watch of the caller gives: an event, and the store's revision when it was taken. */
export interface Seen {
  readonly event: WatchEvent;
  readonly revision: number;
}

/** Requests of one call. All of them throw {@link GrpcError}. */
export class Caller {
  readonly #context: ServiceContext;
  readonly #call: Call;

  constructor(context: ServiceContext, call: Call) {
    this.#context = context;
    this.#call = call;
  }

  /** A linearizable read. */
  async get(request: RangeRequest): Promise<RangeResult> {
    await this.#context.afterBarrier(() => {});
    const { authority, member } = this.#context;
    return authority.read(this.#call, { kind: "range", request }, () => {
      const result = member.store.range(request);
      if (result.kind === "refused") throw rpcErrorOf(result);
      return result;
    });
  }

  async txn(request: TxnRequest): Promise<TxnResult> {
    checkTxn(request, Number.POSITIVE_INFINITY); // Of two operations at most.
    const result = await this.#context.propose(this.#call, { kind: "txn", request });
    if (result.kind !== "txn") throw wrongResult("txn", result.kind);
    return result;
  }

  /** The revision of the store afterwards; a key that is not there is no error. */
  async delete(key: Uint8Array): Promise<number> {
    const command = { kind: "deleteRange", request: deleteRequest(key) } as const;
    checkDeleteRange(command.request);
    const result = await this.#context.propose(this.#call, command);
    return result.revision;
  }

  /** `id`, or when that is 0 a new lease; nobody keeps it alive. */
  async session(id: bigint): Promise<bigint> {
    if (id !== 0n) return id;
    const grant = {
      kind: "leaseGrant",
      id: chooseLeaseId(this.#context.random),
      ttlSeconds: Math.max(sessionTtlSeconds, this.#context.member.leaseTtlMinSeconds),
    } as const;
    await this.#context.propose(this.#call, grant);
    return grant.id;
  }

  /**
   * What happens to `range` from `startRevision` on, until the iteration is left. Ends in an error when
   * the call does, or when history is gone before it was given.
   */
  async *watch(
    range: { readonly key: Uint8Array; readonly rangeEnd: Uint8Array },
    startRevision: number,
  ): AsyncGenerator<Seen, never> {
    const { member, authority } = this.#context;
    authority.check(await authority.principal(this.#call), { kind: "read", range });
    let wake: () => void = () => {};
    const watcher = member.store.watch(
      { ...range, startRevision, prevKv: false, noPut: false, noDelete: false },
      () => wake(),
    );
    const { signal } = this.#call;
    const onAbort = (): void => wake();
    signal.addEventListener("abort", onAbort);
    try {
      for (;;) {
        if (this.hasLeft) throw new GrpcError(statusCode.cancelled, "context canceled");
        const woken = new Promise<void>((resolve) => {
          wake = resolve;
        });
        const batch = watcher.take(watchTurnBytes);
        if (batch === undefined) await woken;
        else if (batch.kind === "compacted") throw new RpcError("compacted");
        else for (const event of batch.events) yield { event, revision: batch.revision };
      }
    } finally {
      signal.removeEventListener("abort", onAbort);
      watcher.close();
    }
  }

  /** Waits until the key is deleted, at `fromRevision` or later. */
  async deletionOf(key: Uint8Array, fromRevision: number): Promise<void> {
    for await (const { event } of this.watch({ key, rangeEnd: emptyBytes }, fromRevision)) {
      if (event.kind === "delete") return;
    }
  }

  /** Nobody waits for the answer any more. */
  get hasLeft(): boolean {
    return this.#call.ended || this.#call.signal.aborted;
  }
}

/**
 * etcd serves Lock and Election by a client of its own, whose errors come out without their codes: the
 * texts are those of the table, the code is UNKNOWN.
 */
export async function withoutCodes<T>(serve: () => Promise<T>): Promise<T> {
  try {
    return await serve();
  } catch (error) {
    // Only the end of a context is known to grpc-go without a code.
    if (!(error instanceof RpcError) || error.code === statusCode.deadlineExceeded) throw error;
    throw new GrpcError(statusCode.unknown, error.message);
  }
}
