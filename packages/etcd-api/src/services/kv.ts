/**
 * `etcdserverpb.KV`: check, replicate or wait for the barrier, answer.
 *
 * A handler holds no state and no policy: it checks what can be judged from the request alone, hands
 * one command to the member, and translates the outcome.
 */
import type { Call, Message, Method, WriterCall } from "@flotilla/grpc";
import {
  type Command,
  type CommandResult,
  type DeleteRangeRequest,
  decodeDeleteRangeRequest,
  decodePutRequest,
  decodeRangeRequest,
  decodeTxnRequest,
  type Principal,
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
import { decoded, type Methods, type ServiceContext } from "../context.ts";
import { RpcError, rpcErrorOf, wrongResult } from "../errors.ts";
import { entryOverheadBytes } from "../limits.ts";
import { checkRangeBytes, checkTxnBytes, withFirstFault } from "./first-fault.ts";
import {
  allSerializable,
  checkDeleteRange,
  checkPut,
  checkRange,
  checkRangeStream,
  checkTxn,
  readsOnly,
} from "./kv-checks.ts";
import { RangeReader } from "./range-reader.ts";

/** The methods of the KV service. */
export function kvMethods(context: ServiceContext): Methods {
  const service = new KvService(context);
  const { maxTxnOps } = context.options;
  const decodeRange = withFirstFault(decodeRangeRequest, checkRangeBytes);
  const decodeTxn = withFirstFault(decodeTxnRequest, (bytes) => checkTxnBytes(bytes, maxTxnOps));
  const stream: Method = {
    kind: "serverStream",
    handle: (call, bytes) => service.rangeStream(decoded(decodeRange, bytes), call),
  };
  return [
    [
      "/etcdserverpb.KV/Range",
      context.unary(decodeRange, (request, _, call) => service.range(request, call)),
    ],
    ["/etcdserverpb.KV/RangeStream", stream],
    [
      "/etcdserverpb.KV/Put",
      context.unaryForClients(decodePutRequest, (request, bytes, call) =>
        service.put(request, bytes, call),
      ),
    ],
    [
      "/etcdserverpb.KV/DeleteRange",
      context.unaryForClients(decodeDeleteRangeRequest, (request, bytes, call) =>
        service.deleteRange(request, bytes, call),
      ),
    ],
    [
      "/etcdserverpb.KV/Txn",
      context.unaryForClients(decodeTxn, (request, bytes, call) =>
        service.txn(request, bytes, call),
      ),
    ],
    [
      "/etcdserverpb.KV/Compact",
      context.unaryForClients(decodeCompactionRequest, (request, bytes, call) =>
        service.compact(request, bytes, call),
      ),
    ],
  ];
}

class KvService {
  readonly #context: ServiceContext;
  readonly #ranges: RangeReader;

  constructor(context: ServiceContext) {
    this.#context = context;
    this.#ranges = new RangeReader(context);
  }

  range(request: RangeRequest, call: Call): Message | Promise<Message> {
    checkRange(request);
    if (request.serializable) this.#context.checkHasData();
    else this.#context.checkServesClients();
    this.#context.counts.ranges.add();
    if (request.serializable) return this.#rangeFor(request, call);
    return this.#context.afterBarrier(() => this.#rangeFor(request, call));
  }

  async rangeStream(request: RangeRequest, call: WriterCall): Promise<void> {
    await this.#context.leaderFor(call);
    this.#context.checkServesClients(); // etcd's learners know no exception for it.
    checkRangeStream(request);
    if (!request.serializable) await this.#context.afterBarrier(() => {});
    const { authority } = this.#context;
    await authority.principal(call); // A token may have to be waited for, which takes nobody's place.
    // What the caller may read is judged when it is his turn: that can be long after he asked.
    await this.#ranges.inPlace(async () =>
      authority.read(call, { kind: "range", request }, () => this.#ranges.stream(request, call)),
    );
  }

  put(request: PutRequest, bytes: Uint8Array, call: Call): Promise<Uint8Array> {
    checkPut(request);
    return this.#propose(bytes, { kind: "put", request }, call);
  }

  deleteRange(request: DeleteRangeRequest, bytes: Uint8Array, call: Call): Promise<Uint8Array> {
    checkDeleteRange(request);
    return this.#propose(bytes, { kind: "deleteRange", request }, call);
  }

  txn(request: TxnRequest, bytes: Uint8Array, call: Call): Uint8Array | Promise<Uint8Array> {
    checkTxn(request, this.#context.options.maxTxnOps);
    if (!readsOnly(request)) return this.#propose(bytes, { kind: "txn", request }, call);
    if (allSerializable(request)) return this.#readTxnFor(request, call);
    return this.#context.afterBarrier(() => this.#readTxnFor(request, call));
  }

  /** `physical`: answered once the rows are gone, too. */
  async compact(request: CompactionRequest, bytes: Uint8Array, call: Call): Promise<Uint8Array> {
    const answer = await this.#propose(bytes, { kind: "compact", ...request }, call);
    if (request.physical) await this.#compacted(call);
    return answer;
  }

  #compacted(call: Call): Promise<void> | undefined {
    const { store } = this.#context.member;
    if (!store.isCompacting) return undefined;
    return new Promise((resolve) => {
      const done = (): void => {
        stop();
        call.signal.removeEventListener("abort", done);
        resolve();
      };
      const stop = store.onCompacted(done);
      call.signal.addEventListener("abort", done);
    });
  }

  /** Judged only now: while it waited for the barrier, authentication may have come into force. */
  #rangeFor(request: RangeRequest, call: Call): Message | Promise<Message> {
    const read = (): Message | Promise<Message> => this.#readRange(request, call);
    return this.#context.authority.read(call, { kind: "range", request }, read);
  }

  /** As above. */
  #readTxnFor(request: TxnRequest, call: Call): Uint8Array | Promise<Uint8Array> {
    const read = (): Uint8Array => this.#readTxn(request);
    return this.#context.authority.read(call, { kind: "txn", request }, read);
  }

  #readRange(request: RangeRequest, call: Call): Message | Promise<Message> {
    return isOfOneKey(request) ? this.#readKey(request) : this.#ranges.read(request, call);
  }

  #readKey(request: RangeRequest): Uint8Array {
    const result = this.#context.member.store.range(request);
    if (result.kind === "refused") throw rpcErrorOf(result);
    return this.#answer(result);
  }

  #readTxn(request: TxnRequest): Uint8Array {
    const result = this.#context.member.store.readTxn(request);
    if (result.kind === "refused") throw rpcErrorOf(result);
    return this.#answer(result);
  }

  #propose(bytes: Uint8Array, command: Command, call: Call): Promise<Uint8Array> {
    if (bytes.length + entryOverheadBytes > this.#context.options.maxRequestBytes) {
      throw new RpcError("requestTooLarge");
    }
    if (!this.#context.authority.isEnabled) return this.#proposeAs(undefined, command);
    return this.#context.authority
      .author(call, command)
      .then((principal) => this.#proposeAs(principal, command));
  }

  /**
   * The member is not told when the client gives up: the command is in the log by then, and the
   * member bounds the wait itself.
   */
  async #proposeAs(principal: Principal | undefined, command: Command): Promise<Uint8Array> {
    const outcome = await this.#context.member.propose(command, principal && { principal });
    if (outcome.kind !== "applied") throw rpcErrorOf(outcome, "timeoutNotProposed");
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

/** So small an answer that it is given at once, without slices. */
function isOfOneKey(request: RangeRequest): boolean {
  return request.rangeEnd.length === 0;
}
