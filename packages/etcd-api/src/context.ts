/** What every service works with. */
import { type Logger, MetricRegistry, type Random, type WireWriter } from "@flotilla/base";
import type { Call, Message, Method, Timers } from "@flotilla/grpc";
import type { Member } from "@flotilla/member";
import type { Command, CommandResult } from "@flotilla/store";
import { Authority } from "./auth/authority.ts";
import { createTokens } from "./auth/tokens.ts";
import type { BackupSchedule } from "./backup/schedule.ts";
import { encode } from "./codec/encoding.ts";
import { HeaderEncoder } from "./codec/header.ts";
import type { AutoCompaction } from "./compaction/mode.ts";
import {
  decodingErrorOf,
  type RequestForm,
  RpcError,
  type RpcErrorKey,
  rpcErrorOf,
} from "./errors.ts";
import { FirstLeader } from "./first-leader.ts";
import { LeaderMonitor } from "./leader-monitor.ts";
import {
  authTokenTtlMs,
  bcryptCostDefault,
  compactHashCheckMs,
  progressIntervalMs,
  requestBytesMax,
  txnOpsMax,
  warnUnaryMs,
} from "./limits.ts";
import { OwnRole } from "./membership/own-role.ts";
import { ServiceMetrics } from "./metrics/service-metrics.ts";

/** What the server says of itself. */
export interface Versions {
  /** `3.x.y`; clients decide by it which requests they may use. */
  readonly server: string;
  /** `3.x.0`. */
  readonly cluster: string;
}

/** Options of the API; each has etcd's default. */
export interface EtcdApiOptions {
  readonly versions: Versions;
  /** `--election-timeout`, as the member has it. */
  readonly electionMs: number;
  /** `--watch-progress-notify-interval`. */
  readonly progressIntervalMs: number;
  /** `--max-learners`. Default no limit, where etcd's is 1. */
  readonly learnersMax: number;
  /** `--max-txn-ops`: operations, or comparisons, of a transaction; nested ones share it. */
  readonly maxTxnOps: number;
  /** `--max-request-bytes`: a request that goes into the log. */
  readonly maxRequestBytes: number;
  /** `--quota-backend-bytes`: 0 is etcd's default of 2 GiB, below 0 there is no quota. */
  readonly quotaBackendBytes: number;
  /** `--auto-compaction-mode` and `-retention`; see `parseAutoCompaction`. */
  readonly autoCompaction: AutoCompaction;
  /** `--feature-gates InitialCorruptCheck`: compare with the other members before clients are served. */
  readonly initialCorruptCheck: boolean;
  /** `--corrupt-check-time`: how often all history is compared; 0 is never. */
  readonly corruptCheckMs: number;
  /** `--compact-hash-check-time`: how often what a compaction has left is compared; 0 is never. */
  readonly compactHashCheckMs: number;
  /** `--corrupt-repair`: a member whose data is not that of a quorum replaces it by the leader's. */
  readonly corruptRepair: boolean;
  /** `--backup-dir`, `--backup-interval`, `--backup-retention`: snapshots by the clock. */
  readonly backups: BackupSchedule | undefined;
  /** `--cors`: origins whose pages may ask; `*` is any. */
  readonly corsOrigins: readonly string[];
  /** `--host-whitelist`: names by which plaintext HTTP may ask for this server; `*` is any. */
  readonly hostWhitelist: readonly string[];
  /** `--enable-grpc-gateway`: JSON over HTTP/1 at `/v3/`. */
  readonly enableGateway: boolean;
  /** `--metrics extensive`: how long each call took, too. */
  readonly extensiveMetrics: boolean;
  /** `--warning-unary-request-duration`: a call that takes longer is logged. */
  readonly warnUnaryMs: number;
  /** `--auth-token`; see `parseAuthToken`. */
  readonly authToken: string;
  /** `--auth-token-ttl`, of simple tokens. */
  readonly authTokenTtlMs: number;
  /** `--bcrypt-cost`, 4 to 31. */
  readonly bcryptCost: number;
}

/** Collaborators of the API. */
export interface EtcdApiDeps {
  readonly member: Member;
  readonly logger: Logger;
  /** What the whole process counts in, shown at `/metrics`; one of the API's own unless given. */
  readonly metrics?: MetricRegistry;
  readonly timers: Timers;
  /** For the ids of leases whose client does not choose one. */
  readonly random: Random;
  /** The time of day, in whole seconds since 1970: for the ids of members that are added. */
  unixSeconds(): number;
}

/** What a command that was not refused gives. */
export type Applied = Exclude<CommandResult, { readonly kind: "refused" }>;

/** Answers one request, of which `bytes` is the encoded form. */
type Serve<T> = (request: T, bytes: Uint8Array, call: Call) => Message | Promise<Message>;

/** Collaborators and options, and the answers that only they can give. */
export class ServiceContext {
  readonly member: Member;
  readonly logger: Logger;
  readonly metrics: MetricRegistry;
  /** What the services count. */
  readonly counts: ServiceMetrics;
  readonly timers: Timers;
  readonly random: Random;
  readonly unixSeconds: () => number;
  readonly options: EtcdApiOptions;
  /** Who asks, and whether he may. */
  readonly authority: Authority;
  readonly #headers: HeaderEncoder;
  readonly #role: OwnRole;
  readonly #firstLeader: FirstLeader;
  readonly #leaderMonitor: LeaderMonitor;
  readonly #closing: (() => void)[] = [];

  constructor(deps: EtcdApiDeps, options: EtcdApiOptions) {
    this.member = deps.member;
    this.logger = deps.logger;
    this.metrics = deps.metrics ?? new MetricRegistry();
    this.counts = new ServiceMetrics(this.metrics);
    this.timers = deps.timers;
    this.random = deps.random;
    this.unixSeconds = () => deps.unixSeconds();
    this.options = options;
    this.authority = new Authority({
      member: deps.member,
      timers: deps.timers,
      tokens: createTokens({ ...deps, clock: deps.timers }, options),
    });
    this.#role = new OwnRole(deps.member, deps.timers);
    const { timers } = deps;
    const { electionMs } = options;
    const hasLeader = (): boolean => this.hasLeader;
    this.#firstLeader = new FirstLeader({ timers, electionMs, hasLeader });
    this.#leaderMonitor = new LeaderMonitor(timers, hasLeader, electionMs);
    this.#headers = new HeaderEncoder({
      clusterId: deps.member.clusterId,
      memberId: deps.member.id,
    });
  }

  /** Ends what services keep running beside calls. */
  close(): void {
    this.authority.close();
    this.#firstLeader.close();
    for (const close of this.#closing.splice(0)) close();
  }

  /** Has `close` called when the API is closed. */
  onClose(close: () => void): void {
    this.#closing.push(close);
  }

  get hasLeader(): boolean {
    return this.member.status().leaderId !== 0n;
  }

  /** A response: the header at `revision`, then what `body` writes. */
  answer(revision: number, body?: (writer: WireWriter) => void): Uint8Array {
    const { term } = this.member;
    return encode((writer) => {
      this.#headers.write(writer, { revision, term });
      body?.(writer);
    });
  }

  /** Waits until local reads are linearizable, then reads. Ends in an {@link RpcError} when that cannot be. */
  async afterBarrier<T>(
    read: () => T | Promise<T>,
    withoutLeader: RpcErrorKey = "timeout",
  ): Promise<T> {
    const outcome = await this.member.readBarrier();
    if (outcome.kind !== "ready") throw rpcErrorOf(outcome, withoutLeader);
    return read();
  }

  /** The same for what etcd answers from its log, and tells so who has waited for a leader in vain. */
  afterLog<T>(read: () => T | Promise<T>): Promise<T> {
    return this.afterBarrier(read, "timeoutNotProposed");
  }

  /** Replicates what a client asks for, in its name. Ends in an {@link RpcError} when it is not applied. */
  async propose(call: Call, command: Command): Promise<Applied> {
    const { authority, member } = this;
    const outcome = authority.isEnabled
      ? await member.propose(command, { principal: await authority.author(call, command) })
      : await member.propose(command);
    if (outcome.kind !== "applied") throw rpcErrorOf(outcome, "timeoutNotProposed");
    if (outcome.result.kind === "refused") throw rpcErrorOf(outcome.result);
    return outcome.result;
  }

  /** A unary method: the demand for a leader, decoding and its errors, then `serve`. */
  unary<T>(decode: (bytes: Uint8Array) => T, serve: Serve<T>): Method {
    return {
      kind: "unary",
      handle: (call, bytes) => {
        const waiting = this.leaderFor(call);
        if (waiting === undefined) return serve(decoded(decode, bytes, "unary"), bytes, call);
        return waiting.then(() => serve(decoded(decode, bytes, "unary"), bytes, call));
      },
    };
  }

  /** The same, where only members that serve clients answer: no learner, no witness. */
  unaryForClients<T>(decode: (bytes: Uint8Array) => T, serve: Serve<T>): Method {
    return this.unary(decode, (request, bytes, call) => {
      this.checkServesClients();
      return serve(request, bytes, call);
    });
  }

  /** Refuses what etcd's learners refuse, and witnesses with them. */
  checkServesClients(): void {
    if (this.#role.present !== "voter") throw new RpcError("notForLearner");
  }

  /** Refuses at a witness: it cannot even say what was true once. */
  checkHasData(): void {
    if (this.#role.present === "witness") throw new RpcError("notForLearner");
  }

  /**
   * `hasleader: true` asks for an error instead of a wait when there is no leader. Only the first one since
   * the start is waited for: then there is a promise.
   */
  leaderFor(call: Call): Promise<void> | undefined {
    if (!asksForLeader(call) || this.hasLeader) return undefined;
    if (this.#firstLeader.isAwaited) return this.#firstLeader.forCall(call);
    throw new RpcError("noLeader");
  }

  /** The same of a stream that goes on: it is given up when the leader has been missing for too long. */
  async whileLed(call: Call, stream: Promise<void>): Promise<void> {
    if (!asksForLeader(call)) return stream;
    let stop: (() => void) | undefined;
    const leaderLost = new Promise<never>((_, reject) => {
      stop = this.#leaderMonitor.watch(() => reject(new RpcError("noLeader")));
    });
    try {
      await Promise.race([stream, leaderLost]);
    } finally {
      stop?.();
    }
  }
}

function asksForLeader(call: Call): boolean {
  return call.metadata.get("hasleader") === "true";
}

/** Decodes a message; whatever is wrong with it becomes the status that etcd gives. */
export function decoded<T>(
  decode: (bytes: Uint8Array) => T,
  bytes: Uint8Array,
  form: RequestForm = "stream",
): T {
  try {
    return decode(bytes);
  } catch (error) {
    throw decodingErrorOf(error, form);
  }
}

/** For requests without fields. */
export function noFields(): void {}

/** A service: its methods by path. */
export type Methods = readonly (readonly [path: string, method: Method])[];

/** The default options: a version whose every feature is here. */
export const defaultOptions: EtcdApiOptions = {
  versions: { server: "3.7.1", cluster: "3.7.0" },
  electionMs: 1_000,
  progressIntervalMs,
  learnersMax: Number.POSITIVE_INFINITY,
  maxTxnOps: txnOpsMax,
  maxRequestBytes: requestBytesMax,
  quotaBackendBytes: 0,
  autoCompaction: { kind: "off" },
  initialCorruptCheck: false,
  corruptCheckMs: 0,
  compactHashCheckMs,
  corruptRepair: true,
  backups: undefined,
  authToken: "simple",
  authTokenTtlMs,
  bcryptCost: bcryptCostDefault,
  corsOrigins: ["*"],
  hostWhitelist: ["*"],
  enableGateway: true,
  extensiveMetrics: false,
  warnUnaryMs,
};
