/** `etcdserverpb.Maintenance`: what operators ask a single member. All of it is local but MoveLeader. */
import { emptyBytes } from "@flotilla/base";
import { GrpcError, statusCode } from "@flotilla/grpc";
import {
  type AlarmAction,
  decodeAlarmAction,
  decodeHashKvRevision,
  decodeMoveLeaderTarget,
  writeHashKv,
  writeStatus,
} from "../codec/maintenance.ts";
import { type Methods, noFields, type ServiceContext } from "../context.ts";
import { rpcErrorOf, rpcErrors } from "../errors.ts";
import { moveLeader } from "./move-leader.ts";

/** The methods of the Maintenance service. */
export function maintenanceMethods(context: ServiceContext): Methods {
  const service = new MaintenanceService(context);
  return [
    ["/etcdserverpb.Maintenance/Status", context.unary(noFields, () => service.status())],
    [
      "/etcdserverpb.Maintenance/Alarm",
      context.unary(decodeAlarmAction, (action) => service.alarm(action)),
    ],
    ["/etcdserverpb.Maintenance/Hash", context.unary(noFields, () => service.hashKv(0))],
    [
      "/etcdserverpb.Maintenance/HashKV",
      context.unary(decodeHashKvRevision, (revision) => service.hashKv(revision)),
    ],
    // The store reuses its free space by itself: there is nothing to do.
    ["/etcdserverpb.Maintenance/Defragment", context.unary(noFields, () => emptyBytes)],
    [
      "/etcdserverpb.Maintenance/MoveLeader",
      context.unary(decodeMoveLeaderTarget, (to, _, call) => moveLeader(context, to, call)),
    ],
  ];
}

class MaintenanceService {
  readonly #context: ServiceContext;

  constructor(context: ServiceContext) {
    this.#context = context;
  }

  status(): Uint8Array {
    const { member, options } = this.#context;
    const status = member.status();
    const size = member.store.size();
    const answer = {
      version: options.versions.server,
      storageVersion: options.versions.cluster,
      dbBytes: size.totalBytes,
      dbBytesInUse: size.inUseBytes,
      leaderId: status.leaderId,
      raftIndex: status.commitIndex,
      raftTerm: status.term,
      raftAppliedIndex: status.appliedIndex,
      errors: status.leaderId === 0n ? [rpcErrors.noLeader[1]] : [],
      isLearner: member.members().some(({ id, isLearner }) => id === member.id && isLearner),
    };
    return this.#context.answer(member.store.revision, (writer) => writeStatus(writer, answer));
  }

  /** There are no alarms: none are listed, none can be raised. */
  alarm(action: AlarmAction): Uint8Array {
    if (action === "activate") {
      throw new GrpcError(statusCode.unimplemented, "alarms cannot be activated");
    }
    return this.#context.answer(this.#context.member.store.revision);
  }

  /** `Hash` has the same first two fields; its hash only has to be the same on equal members. */
  hashKv(revision: number): Uint8Array {
    this.#context.checkHasData();
    const { store } = this.#context.member;
    const result = store.hash(revision > 0 ? revision : store.revision);
    if (result.kind === "refused") throw rpcErrorOf(result);
    return this.#context.answer(store.revision, (writer) => writeHashKv(writer, result));
  }
}
