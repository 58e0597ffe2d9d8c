/**
 * `etcdserverpb.Maintenance`: what operators ask a single member. Alarms and downgrades are the whole
 * cluster's and go through the log; all else is local.
 */
import { emptyBytes } from "@flotilla/base";
import { type Call, GrpcError, statusCode } from "@flotilla/grpc";
import type { Alarm } from "@flotilla/store";
import {
  type AlarmRequest,
  alarmAction,
  alarmKindOf,
  alarmText,
  type DowngradeRequest,
  decodeAlarmRequest,
  decodeDowngradeRequest,
  decodeHashKvRevision,
  decodeMoveLeaderTarget,
  downgradeAction,
  writeAlarms,
  writeHashKv,
  writeStatus,
} from "../codec/maintenance.ts";
import { type Methods, noFields, type ServiceContext } from "../context.ts";
import { RpcError, rpcErrorOf, rpcErrors, wrongResult } from "../errors.ts";
import { clusterVersionOf, judgeDowngrade, shortVersion } from "../maintenance/downgrade.ts";
import { SnapshotSender } from "../maintenance/send-snapshot.ts";
import { quotaBytesOf } from "../quota/quota.ts";
import { moveLeader } from "./move-leader.ts";

/** The methods of the Maintenance service. Learners answer what etcd's do: status and snapshots. */
export function maintenanceMethods(context: ServiceContext): Methods {
  const service = new MaintenanceService(context);
  const snapshots = new SnapshotSender(context);
  return [
    ["/etcdserverpb.Maintenance/Status", context.unary(noFields, () => service.status())],
    [
      "/etcdserverpb.Maintenance/Alarm",
      context.unaryForClients(decodeAlarmRequest, (r, _, call) => service.alarm(r, call)),
    ],
    [
      "/etcdserverpb.Maintenance/Hash",
      context.unaryForClients(noFields, (_, __, call) => service.hash(call.signal)),
    ],
    [
      "/etcdserverpb.Maintenance/HashKV",
      context.unaryForClients(decodeHashKvRevision, (revision, _, call) =>
        service.hashKv(revision, call.signal),
      ),
    ],
    // The store writes to freed pages before its file grows, and counts only what is in use: there is
    // nothing to do, and nothing stands still meanwhile.
    ["/etcdserverpb.Maintenance/Defragment", context.unaryForClients(noFields, () => emptyBytes)],
    [
      "/etcdserverpb.Maintenance/Snapshot",
      {
        kind: "serverStream",
        handle: async (call) => {
          await context.leaderFor(call);
          context.checkHasData();
          await snapshots.send(call);
        },
      },
    ],
    [
      "/etcdserverpb.Maintenance/MoveLeader",
      context.unaryForClients(decodeMoveLeaderTarget, (to, _, call) =>
        moveLeader(context, to, call),
      ),
    ],
    [
      "/etcdserverpb.Maintenance/Downgrade",
      context.unaryForClients(decodeDowngradeRequest, (r, _, call) => service.downgrade(r, call)),
    ],
  ];
}

class MaintenanceService {
  readonly #context: ServiceContext;

  constructor(context: ServiceContext) {
    this.#context = context;
  }

  /**
   * The size of the database is what is in use of it, in both fields: it is what the quota counts, and
   * what etcd's comes down to after a defragmentation. So alerts on the quota are right, and those on
   * fragmentation, which ask for a defragmentation, are silent. The file itself may be larger.
   */
  status(): Uint8Array {
    const { member, options } = this.#context;
    const { store } = member;
    const status = member.status();
    const { inUseBytes } = store.size();
    const answer = {
      version: options.versions.server,
      storageVersion: this.#clusterVersion,
      dbBytes: inUseBytes,
      dbBytesInUse: inUseBytes,
      dbBytesQuota: quotaBytesOf(options.quotaBackendBytes) ?? 0,
      leaderId: status.leaderId,
      raftIndex: status.commitIndex,
      raftTerm: status.term,
      raftAppliedIndex: status.appliedIndex,
      errors: [
        ...(status.leaderId === 0n ? [rpcErrors.noLeader[1]] : []),
        ...store.alarms().map(alarmText),
      ],
      isLearner: member.members().some(({ id, isLearner }) => id === member.id && isLearner),
      downgradeTarget: store.downgrade()?.version,
    };
    return this.#context.answer(store.revision, (writer) => writeStatus(writer, answer));
  }

  /** What etcd does not know either: an alarm of no kind is not raised, an action of no kind refused. */
  async alarm({ action, memberId, alarm }: AlarmRequest, call: Call): Promise<Uint8Array> {
    const kind = alarmKindOf(alarm);
    if (action === alarmAction.get) {
      const alarms = await this.#context.afterLog(() => this.#context.member.store.alarms());
      return this.#alarms(alarm === 0 ? alarms : alarms.filter((raised) => raised.kind === kind));
    }
    if (action !== alarmAction.activate && action !== alarmAction.deactivate) throw unknownMethod();
    if (kind === undefined) return this.#alarms([]);
    const result = await this.#context.propose(call, {
      kind: "alarm",
      action: action === alarmAction.activate ? "activate" : "deactivate",
      alarm: { memberId, kind },
    });
    if (result.kind !== "alarm") throw wrongResult("an alarm", result.kind);
    return this.#alarms(result.alarms);
  }

  #alarms(alarms: readonly Alarm[]): Uint8Array {
    const { revision } = this.#context.member.store;
    return this.#context.answer(revision, (writer) => writeAlarms(writer, alarms));
  }

  /** Only has to be the same on equal members: the hash of the history is. */
  async hash(signal: AbortSignal): Promise<Uint8Array> {
    const { hash } = await this.#hash(0, signal);
    const { revision } = this.#context.member.store;
    return this.#context.answer(revision, (writer) => writer.fieldVarint(2, hash));
  }

  async hashKv(revision: number, signal: AbortSignal): Promise<Uint8Array> {
    const result = await this.#hash(Math.max(revision, 0), signal);
    // As etcd's: the present revision is named when 0 is asked, and what is negative comes back.
    const hash = revision < 0 ? { ...result, revision } : result;
    const { store } = this.#context.member;
    return this.#context.answer(store.revision, (writer) => writeHashKv(writer, hash));
  }

  async #hash(revision: number, signal: AbortSignal) {
    const { member } = this.#context;
    const result = await member.stateHash(member.id, { revision, signal });
    switch (result.kind) {
      case "hash":
        return result;
      case "compacted":
      case "futureRevision":
        throw rpcErrorOf({ kind: "refused", error: result.kind });
      default:
        throw new RpcError("tooManyRequests");
    }
  }

  async downgrade({ action, version }: DowngradeRequest, call: Call): Promise<Uint8Array> {
    const current = this.#clusterVersion;
    switch (action) {
      case downgradeAction.validate:
        await this.#context.afterBarrier(() => this.#judge(version));
        break;
      case downgradeAction.enable: {
        const target = await this.#context.afterBarrier(() => this.#judge(version));
        await this.#context.propose(call, { kind: "downgrade", enabled: true, version: target });
        break;
      }
      case downgradeAction.cancel:
        await this.#context.propose(call, { kind: "downgrade", enabled: false, version: "" });
        break;
      default:
        throw unknownMethod();
    }
    const { revision } = this.#context.member.store;
    return this.#context.answer(revision, (w) => w.fieldText(2, shortVersion(current)));
  }

  /** The version in full, if the cluster may go there. */
  #judge(version: string): string {
    const isInProgress = this.#context.member.store.downgrade() !== undefined;
    const verdict = judgeDowngrade(version, this.#clusterVersion, isInProgress);
    if (verdict.kind === "refused") throw new RpcError(verdict.error);
    return verdict.target;
  }

  get #clusterVersion(): string {
    const { member, options } = this.#context;
    return clusterVersionOf(member.store, options.versions.cluster);
  }
}

function unknownMethod(): GrpcError {
  return new GrpcError(statusCode.unknown, "etcdserver: unknown method");
}
