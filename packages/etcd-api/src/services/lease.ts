/** `etcdserverpb.Lease`. Grants and revocations go through the log; renewals are the leader's alone. */
import { failpoint } from "@flotilla/base";
import type { Call, Method, ReaderCall, WriterCall } from "@flotilla/grpc";
import {
  decodeLeaseGrantRequest,
  decodeLeaseRequest,
  type LeaseGrantRequest,
  type LeaseRequest,
  writeLease,
  writeLeases,
  writeTimeToLive,
} from "../codec/lease.ts";
import { decoded, type Methods, noFields, type ServiceContext } from "../context.ts";
import { RpcError, rpcErrorOf, wrongResult } from "../errors.ts";
import { leaseTtlSecondsMax } from "../limits.ts";
import { chooseLeaseId } from "./lease-ids.ts";

/** The methods of the Lease service. */
export function leaseMethods(context: ServiceContext): Methods {
  const service = new LeaseService(context);
  const keepAlive: Method = { kind: "bidi", handle: (call) => service.keepAlive(call) };
  return [
    [
      "/etcdserverpb.Lease/LeaseGrant",
      context.unaryForClients(decodeLeaseGrantRequest, (r, _, call) => service.grant(r, call)),
    ],
    [
      "/etcdserverpb.Lease/LeaseRevoke",
      context.unaryForClients(decodeLeaseRequest, (r, _, call) => service.revoke(r, call)),
    ],
    ["/etcdserverpb.Lease/LeaseKeepAlive", keepAlive],
    [
      "/etcdserverpb.Lease/LeaseTimeToLive",
      context.unaryForClients(decodeLeaseRequest, (r, _, call) => service.timeToLive(r, call)),
    ],
    [
      "/etcdserverpb.Lease/LeaseLeases",
      context.unaryForClients(noFields, (_, __, call) => service.leases(call)),
    ],
  ];
}

class LeaseService {
  readonly #context: ServiceContext;

  constructor(context: ServiceContext) {
    this.#context = context;
  }

  async grant(request: LeaseGrantRequest, call: Call): Promise<Uint8Array> {
    if (request.ttlSeconds > leaseTtlSecondsMax) throw new RpcError("leaseTtlTooLarge");
    const { member, random } = this.#context;
    const result = await this.#context.propose(call, {
      kind: "leaseGrant",
      id: request.id === 0n ? chooseLeaseId(random) : request.id,
      ttlSeconds: Math.max(request.ttlSeconds, member.leaseTtlMinSeconds),
    });
    if (result.kind !== "leaseGrant") throw wrongResult("leaseGrant", result.kind);
    return this.#context.answer(result.revision, (writer) => writeLease(writer, result));
  }

  async revoke({ id }: LeaseRequest, call: Call): Promise<Uint8Array> {
    const result = await this.#context.propose(call, { kind: "leaseRevoke", id });
    if (result.kind !== "leaseRevoke") throw wrongResult("leaseRevoke", result.kind);
    return this.#context.answer(result.revision);
  }

  /** One answer for each request, in order. A lease that is gone is an answer, with no time left. */
  async keepAlive(call: ReaderCall & WriterCall): Promise<void> {
    this.#context.checkServesClients();
    await this.#context.leaderFor(call);
    await this.#context.whileLed(call, this.#renewAll(call));
  }

  async #renewAll(call: ReaderCall & WriterCall): Promise<void> {
    const { member, authority } = this.#context;
    for await (const bytes of call.requests) {
      const { id } = decoded(decodeLeaseRequest, bytes);
      if (authority.isEnabled) await authority.permit(call, { kind: "leaseRenew", id });
      const { revision } = member.store; // As it was when the request came, as in etcd.
      const outcome = await member.renewLease(id); // Bounded in time: not worth a signal for each call.
      if (outcome.kind !== "renewed" && outcome.kind !== "leaseNotFound") throw rpcErrorOf(outcome);
      if (outcome.kind === "renewed") this.#context.counts.leasesRenewed.add();
      const ttlSeconds = outcome.kind === "renewed" ? outcome.ttlSeconds : 0;
      const answer = this.#context.answer(revision, (w) => writeLease(w, { id, ttlSeconds }));
      if (!call.write(answer)) await call.drained();
    }
  }

  async timeToLive(request: LeaseRequest, call: Call): Promise<Uint8Array> {
    const { authority } = this.#context;
    const { id } = request;
    const principal = await authority.user(call);
    if (!request.keys) return this.#life(request, () => {});
    // The leader may know of keys that are not attached here yet.
    const judge = (keys: readonly Uint8Array[]): void =>
      authority.check(principal, { kind: "leaseKeys", id, keys });
    return authority.read(call, { kind: "leaseKeys", id }, () => this.#life(request, judge));
  }

  async #life(
    { id, keys }: LeaseRequest,
    judge: (keys: readonly Uint8Array[]) => void,
  ): Promise<Uint8Array> {
    const { member } = this.#context;
    failpoint("beforeLookupWhenLeaseTimeToLive");
    const outcome = await member.leaseTimeToLive(id, { keys });
    const { revision } = member.store;
    if (outcome.kind === "leaseNotFound") {
      return this.#context.answer(revision, (writer) => writeLease(writer, { id, ttlSeconds: -1 }));
    }
    if (outcome.kind !== "live") throw rpcErrorOf(outcome);
    judge(outcome.keys);
    return this.#context.answer(revision, (writer) => {
      writeLease(writer, { id, ttlSeconds: outcome.remainingSeconds });
      writeTimeToLive(writer, outcome);
    });
  }

  /** Refused as a whole when one of them has keys that the caller may not read, as in etcd. */
  async leases(call: Call): Promise<Uint8Array> {
    const { authority, member } = this.#context;
    const principal = await authority.user(call);
    const ids = member.leases();
    if (authority.isEnabled) {
      for (const id of ids) authority.check(principal, { kind: "leaseKeys", id });
    }
    return this.#context.answer(member.store.revision, (writer) => writeLeases(writer, ids));
  }
}
