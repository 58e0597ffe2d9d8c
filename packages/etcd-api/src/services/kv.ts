/**
 * `etcdserverpb.KV`: check, replicate or wait for the barrier, answer.
 *
 * A handler holds no state and no policy: it checks what can be judged from the request alone, hands
 * one command to the member, and translates the outcome.
 */
import {
  type Command,
  type CommandResult,
  type DeleteRangeRequest,
  decodeDeleteRangeRequest,
  decodePutRequest,
  decodeRangeRequest,
  decodeTxnRequest,
  type PutRequest,
  type RangeRequest,
  type RangeResult,
  type TxnRequest,
} from "@flotilla/store";
import {
  type CompactionRequest,
  decodeCompactionRequest,
  writeDeleteRangeResponse,
  writePutResponse,
  writeRangeResponse,
  writeTxnResponse,
} from "../codec/kv.ts";
import type { Methods, ServiceContext } from "../context.ts";
import { RpcError, rpcErrorOf, wrongResult } from "../errors.ts";
import { requestBytesMax } from "../limits.ts";
import {
  allSerializable,
  checkDeleteRange,
  checkPut,
  checkRange,
  checkTxn,
  readsOnly,
} from "./kv-checks.ts";

/** The methods of the KV service. */
export function kvMethods(context: ServiceContext): Methods {
  const service = new KvService(context);
  return [
    [
      "/etcdserverpb.KV/Range",
      context.unary(decodeRangeRequest, (request) => service.range(request)),
    ],
    [
      "/etcdserverpb.KV/Put",
      context.unaryForClients(decodePutRequest, (r, bytes) => service.put(r, bytes)),
    ],
    [
      "/etcdserverpb.KV/DeleteRange",
      context.unaryForClients(decodeDeleteRangeRequest, (request, bytes) =>
        service.deleteRange(request, bytes),
      ),
    ],
    [
      "/etcdserverpb.KV/Txn",
      context.unaryForClients(decodeTxnRequest, (r, bytes) => service.txn(r, bytes)),
    ],
    [
      "/etcdserverpb.KV/Compact",
      context.unaryForClients(decodeCompactionRequest, (request, bytes) =>
        service.compact(request, bytes),
      ),
    ],
  ];
}

class KvService {
  readonly #context: ServiceContext;

  constructor(context: ServiceContext) {
    this.#context = context;
  }

  range(request: RangeRequest): Uint8Array | Promise<Uint8Array> {
    checkRange(request);
    if (request.serializable) {
      this.#context.checkHasData();
      return this.#readRange(request);
    }
    this.#context.checkServesClients();
    return this.#context.afterBarrier(() => this.#readRange(request));
  }

  put(request: PutRequest, bytes: Uint8Array): Promise<Uint8Array> {
    checkPut(request);
    return this.#propose(bytes, { kind: "put", request });
  }

  deleteRange(request: DeleteRangeRequest, bytes: Uint8Array): Promise<Uint8Array> {
    checkDeleteRange(request);
    return this.#propose(bytes, { kind: "deleteRange", request });
  }

  txn(request: TxnRequest, bytes: Uint8Array): Uint8Array | Promise<Uint8Array> {
    checkTxn(request);
    if (!readsOnly(request)) return this.#propose(bytes, { kind: "txn", request });
    if (allSerializable(request)) return this.#readTxn(request);
    return this.#context.afterBarrier(() => this.#readTxn(request));
  }

  compact(request: CompactionRequest, bytes: Uint8Array): Promise<Uint8Array> {
    return this.#propose(bytes, { kind: "compact", ...request });
  }

  #readRange(request: RangeRequest): Uint8Array {
    const result = this.#context.member.store.range(request);
    if (result.kind === "refused") throw rpcErrorOf(result);
    return this.#answer(result);
  }

  #readTxn(request: TxnRequest): Uint8Array {
    const result = this.#context.member.store.readTxn(request);
    if (result.kind === "refused") throw rpcErrorOf(result);
    return this.#answer(result);
  }

  /**
   * The member is not told when the client gives up: the command is in the log by then, and the
   * member bounds the wait itself.
   */
  async #propose(bytes: Uint8Array, command: Command): Promise<Uint8Array> {
    if (bytes.length > requestBytesMax) throw new RpcError("requestTooLarge");
    const outcome = await this.#context.member.propose(command);
    if (outcome.kind !== "applied") throw rpcErrorOf(outcome);
    if (outcome.result.kind === "refused") throw rpcErrorOf(outcome.result);
    return this.#answer(outcome.result);
  }

  #answer(result: Exclude<CommandResult, { kind: "refused" }> | RangeResult): Uint8Array {
    const context = this.#context;
    switch (result.kind) {
      case "range":
        return context.answer(result.revision, (writer) => writeRangeResponse(writer, result));
      case "put":
        return context.answer(result.revision, (writer) => writePutResponse(writer, result));
      case "deleteRange":
        return context.answer(result.revision, (w) => writeDeleteRangeResponse(w, result));
      case "txn":
        return context.answer(result.revision, (writer) => writeTxnResponse(writer, result));
      case "compact":
        return context.answer(result.revision);
      default:
        throw wrongResult("a KV command", result.kind);
    }
  }
}
