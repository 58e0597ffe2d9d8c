/**
 * What forbids somebody something: the one place that says what a request touches. Pure apart from
 * the backend that it is given.
 *
 * Sources: etcd server/etcdserver/apply/auth.go, api/v3rpc/auth.go, v3_server.go. Commands are judged
 * here where they are applied, everything else where it is served. A new kind of command does not
 * compile without a row.
 */
import { assertNever, emptyBytes } from "@flotilla/base";
import type {
  BackendReader,
  Command,
  DeleteRangeRequest,
  KeyRange,
  PutRequest,
  RequestOp,
  TxnRequest,
} from "../contract.ts";
import { firstKeyOfLease } from "../leases.ts";
import type { AuthState, KeyUse } from "./auth-state.ts";
import type { AuthError, Principal, ReadAccess, Requester } from "./contract.ts";

/** What forbids `command` to whoever asked for it; undefined: nothing does. */
export function commandRefusal(
  reader: BackendReader,
  state: AuthState,
  command: Command,
  requester: Requester | undefined,
): AuthError | undefined {
  if (!state.isEnabled || requester === "cluster") return undefined;
  const judge = new Judge(reader, state, requester);
  switch (command.kind) {
    case "put":
      return judge.put(command.request);
    case "deleteRange":
      return judge.deleteRange(command.request);
    case "txn":
      return judge.txn(command.request);
    case "leaseGrant":
      return requester === undefined ? "userEmpty" : undefined;
    case "leaseRevoke":
      return requester === undefined ? "userEmpty" : judge.leaseKeys(command.id, "write");
    case "authenticate":
      return undefined; // Who asks for a token has none yet.
    case "memberAttributes":
    case "compact":
    case "alarm":
    case "downgrade":
    case "authEnable":
    case "authDisable":
    case "userAdd":
    case "userDelete":
    case "userChangePassword":
    case "userGrantRole":
    case "userRevokeRole":
    case "roleAdd":
    case "roleDelete":
    case "roleGrantPermission":
    case "roleRevokePermission":
      return state.adminRefusal(requester);
    default:
      return assertNever(command);
  }
}

/** What forbids `access`, which changes nothing, to whoever asked for it. */
export function accessRefusal(
  reader: BackendReader,
  state: AuthState,
  access: ReadAccess,
  principal: Principal | undefined,
): AuthError | undefined {
  if (!state.isEnabled) return undefined;
  const judge = new Judge(reader, state, principal);
  switch (access.kind) {
    case "range":
      return judge.keys(access.request, "read");
    case "txn":
      return judge.txn(access.request);
    case "read":
      return judge.keys(access.range, "read");
    case "leaseKeys":
      if (principal === undefined) return "userEmpty";
      return judge.leaseKeys(access.id, "read") ?? judge.named(access.keys ?? [], "read");
    case "leaseRenew":
      return principal === undefined ? "userEmpty" : judge.leaseKeys(access.id, "write");
    case "admin":
      return state.adminRefusal(principal);
    default:
      return assertNever(access);
  }
}

/** Judges all that one principal asks for in one request. */
class Judge {
  readonly #reader: BackendReader;
  readonly #state: AuthState;
  readonly #principal: Principal | undefined;

  constructor(reader: BackendReader, state: AuthState, principal: Principal | undefined) {
    this.#reader = reader;
    this.#state = state;
    this.#principal = principal;
  }

  keys(range: KeyRange, use: KeyUse): AuthError | undefined {
    return this.#state.keyRefusal(this.#principal, range, use);
  }

  put(request: PutRequest): AuthError | undefined {
    const key = keyOnly(request.key);
    return (
      this.keys(key, "write") ??
      // Who cannot revoke a lease may not tie more to it.
      (request.lease === 0n ? undefined : this.leaseKeys(request.lease, "write")) ??
      (request.prevKv ? this.keys(key, "read") : undefined)
    );
  }

  deleteRange(request: DeleteRangeRequest): AuthError | undefined {
    return this.keys(request, "write") ?? (request.prevKv ? this.keys(request, "read") : undefined);
  }

  /** Both branches, whichever is taken, and all that is nested in them. */
  txn({ compare, success, failure }: TxnRequest): AuthError | undefined {
    for (const range of compare) {
      const refusal = this.keys(range, "read");
      if (refusal !== undefined) return refusal;
    }
    for (const op of [...success, ...failure]) {
      const refusal = this.#operation(op);
      if (refusal !== undefined) return refusal;
    }
    return undefined;
  }

  /**
   * The keys attached to a lease; one that does not exist has none. From the end of one range that may be
   * used to the next key: there may be very many, and every put with the lease asks.
   */
  leaseKeys(id: bigint, use: KeyUse): AuthError | undefined {
    if (this.#state.adminRefusal(this.#principal) === undefined) return undefined;
    const reach = this.#state.reachOf(this.#principal, use);
    for (let from: Uint8Array | undefined = emptyBytes; from !== undefined; ) {
      const key = firstKeyOfLease(this.#reader, id, from);
      if (key === undefined || reach === "everything") return undefined;
      if (typeof reach === "string") return reach;
      const interval = reach.around(key);
      if (interval === undefined) return "permissionDenied";
      from = interval.end;
    }
    return undefined;
  }

  /** Keys of a lease, as somebody else knows them. */
  named(keys: readonly Uint8Array[], use: KeyUse): AuthError | undefined {
    if (this.#state.adminRefusal(this.#principal) === undefined) return undefined;
    for (const key of keys) {
      const refusal = this.keys(keyOnly(key), use);
      if (refusal !== undefined) return refusal;
    }
    return undefined;
  }

  #operation(op: RequestOp): AuthError | undefined {
    switch (op.kind) {
      case "range":
        return this.keys(op.request, "read");
      case "put":
        return this.put(op.request);
      case "deleteRange":
        return this.deleteRange(op.request);
      case "txn":
        return this.txn(op.request);
      default:
        return assertNever(op);
    }
  }
}

function keyOnly(key: Uint8Array): KeyRange {
  return { key, rangeEnd: emptyBytes };
}
