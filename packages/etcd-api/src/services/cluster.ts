/**
 * `etcdserverpb.Cluster`: who is a member, and changing that with etcd's rules, codes and texts.
 *
 * Source: etcd server/etcdserver/api/v3rpc/member.go; the order of the checks is that of AddMember and
 * of RaftCluster.ValidateConfigurationChange. Where ours is kinder: a learner may be added while a
 * voter is down, there may be many learners, and a change waits for the one before. Where it is stricter: a peer URL has a host, a port that exists, and nothing else.
 */
import { type MemberInfo, nodeIdOf } from "@flotilla/member";
import {
  decodeMemberAddRequest,
  decodeMemberId,
  decodeMemberListRequest,
  decodeMemberUpdateRequest,
  type MemberAddRequest,
  type MemberUpdateRequest,
  writeAdded,
  writeMembers,
} from "../codec/cluster.ts";
import type { Methods, ServiceContext } from "../context.ts";
import { RpcError } from "../errors.ts";
import { addedMemberId, parsePeerUrls } from "../membership/peer-urls.ts";
import type { Reconfiguration, ReconfigurationRequest } from "../membership/reconfiguration.ts";
import { etcdRefusals, type LastingRefusal } from "../membership/refusals.ts";
import { isMember, isPeerUrlTaken } from "../membership/servers.ts";
import type { ConfigurationChange, EngineStatus, NodeId } from "../membership/types.ts";

/** Its headers carry no revision. */
const noRevision = 0;

/** The methods of the Cluster service. */
export function clusterMethods(context: ServiceContext, reconfiguration: Reconfiguration): Methods {
  const service = new ClusterService(context, reconfiguration);
  return [
    [
      "/etcdserverpb.Cluster/MemberList",
      context.unaryForClients(decodeMemberListRequest, ({ linearizable }) =>
        linearizable ? context.afterBarrier(() => service.list()) : service.list(),
      ),
    ],
    [
      "/etcdserverpb.Cluster/MemberAdd",
      context.unaryForClients(decodeMemberAddRequest, (request, _, call) =>
        service.add(request, call.signal),
      ),
    ],
    [
      "/etcdserverpb.Cluster/MemberRemove",
      context.unaryForClients(decodeMemberId, ({ id }, _, call) => service.remove(id, call.signal)),
    ],
    [
      "/etcdserverpb.Cluster/MemberUpdate",
      context.unaryForClients(decodeMemberUpdateRequest, (request, _, call) =>
        service.update(request, call.signal),
      ),
    ],
    [
      "/etcdserverpb.Cluster/MemberPromote",
      context.unaryForClients(decodeMemberId, ({ id }, _, call) =>
        service.promote(id, call.signal),
      ),
    ],
  ];
}

class ClusterService {
  readonly #context: ServiceContext;
  readonly #reconfiguration: Reconfiguration;

  constructor(context: ServiceContext, reconfiguration: Reconfiguration) {
    this.#context = context;
    this.#reconfiguration = reconfiguration;
  }

  list(): Uint8Array {
    const members = this.#context.member.members();
    return this.#context.answer(noRevision, (writer) => writeMembers(writer, members));
  }

  async add(request: MemberAddRequest, signal: AbortSignal): Promise<Uint8Array> {
    const peerUrls = parsePeerUrls(request.peerUrls)?.toSorted(); // Here alone, as in etcd.
    if (peerUrls === undefined) throw new RpcError("badMemberUrls");
    const { isLearner } = request;
    const id = addedMemberId(peerUrls, this.#context.unixSeconds());
    const added = { id, peerUrls, isLearner };
    await this.#change(
      { kind: "add", id: nodeIdOf(id), votes: isLearner ? 0 : 1, urls: peerUrls },
      (status) => this.#checkAddition(status, added),
      signal,
    ).catch(withoutLeader("unhealthy"));
    const members = this.#context.member.members();
    return this.#context.answer(noRevision, (writer) => {
      writeAdded(writer, added);
      writeMembers(writer, members, 3);
    });
  }

  async remove(memberId: bigint, signal: AbortSignal): Promise<Uint8Array> {
    const id = nodeIdOf(memberId);
    // Who is not connected may not go; of another member etcd's proposal waits for a leader, and is given up.
    const answer = memberId === this.#context.member.id ? "unhealthy" : "timeoutNotProposed";
    const check = (status: EngineStatus): void => checkMember(status, id);
    await this.#change({ kind: "remove", id }, check, signal).catch(withoutLeader(answer));
    return this.list();
  }

  async update(request: MemberUpdateRequest, signal: AbortSignal): Promise<Uint8Array> {
    const urls = parsePeerUrls(request.peerUrls);
    if (urls === undefined) throw new RpcError("badMemberUrls");
    const id = nodeIdOf(request.id);
    const check = (status: EngineStatus): void => {
      checkMember(status, id);
      if (isPeerUrlTaken(status.configuration, urls, id)) throw new RpcError("peerUrlExists");
    };
    const change = { kind: "urls", id, urls } as const;
    await this.#change(change, check, signal).catch(withoutLeader("timeoutNotProposed"));
    return this.list();
  }

  async promote(memberId: bigint, signal: AbortSignal): Promise<Uint8Array> {
    const id = nodeIdOf(memberId);
    const check = (status: EngineStatus): void => {
      checkMember(status, id);
      if (!status.configuration.learners.includes(id)) throw new RpcError("memberNotLearner");
    };
    await this.#change({ kind: "promote", id, votes: 1 }, check, signal).catch((error) => {
      // etcd looks for the leader by itself here, and for as long.
      const isMissing =
        error instanceof RpcError && error.key === "timeout" && !this.#context.hasLeader;
      throw isMissing ? new RpcError("noLeader") : error;
    });
    return this.list();
  }

  #checkAddition(
    { configuration }: EngineStatus,
    { id, peerUrls, isLearner }: Pick<MemberInfo, "id" | "peerUrls" | "isLearner">,
  ): void {
    if (configuration.removed?.includes(nodeIdOf(id))) throw new RpcError("memberNotFound");
    if (isMember(configuration, nodeIdOf(id))) throw new RpcError("memberExists");
    if (isPeerUrlTaken(configuration, peerUrls)) throw new RpcError("peerUrlExists");
    const { learnersMax } = this.#context.options;
    if (isLearner && configuration.learners.length >= learnersMax) {
      throw new RpcError("tooManyLearners");
    }
  }

  #change(
    change: ConfigurationChange,
    check: ReconfigurationRequest["check"],
    signal: AbortSignal,
  ): Promise<void> {
    const request = { changes: [change], check, force: false, endangered, refused };
    return this.#reconfiguration.change(request, signal);
  }
}

/** What is told where nobody leads. etcd looks at connections first, so that it may say it in these words. */
function withoutLeader(key: "unhealthy" | "timeoutNotProposed"): (error: unknown) => never {
  return (error) => {
    throw error instanceof RpcError && error.key === "noLeader" ? new RpcError(key) : error;
  };
}

function checkMember({ configuration }: EngineStatus, id: NodeId): void {
  if (!isMember(configuration, id)) throw new RpcError("memberNotFound");
}

function endangered(verdict: "notEnoughStarted" | "unhealthy"): never {
  throw new RpcError(verdict);
}

/** To etcd's clients a change that changes nothing has been made. */
function refused(reason: LastingRefusal): void {
  if (reason !== "unchanged") throw new RpcError(etcdRefusals[reason]);
}
