/**
 * A member that keeps to a quota: what would grow the store beyond it is refused before it enters the
 * log, and the alarm is raised that makes all members refuse it. Source: etcd
 * server/etcdserver/api/v3rpc/quota.go.
 *
 * Nothing is taken back by itself: an operator makes room (compaction, deletes) and disarms the alarm.
 */
import type { Logger } from "@flotilla/base";
import type { Member, ProposeOutcome } from "@flotilla/member";
import type { Command, StoreReader } from "@flotilla/store";
import { costOf } from "./cost.ts";
import { Quota, quotaBytesOf } from "./quota.ts";

const refused: ProposeOutcome = {
  kind: "applied",
  result: { kind: "refused", error: "noSpace" },
};

/** `member` itself when the option says that there is no quota. */
export function keepToQuota(
  member: Member,
  { quotaBackendBytes, logger }: { readonly quotaBackendBytes: number; readonly logger: Logger },
): Member {
  const bytesMax = quotaBytesOf(quotaBackendBytes);
  return bytesMax === undefined ? member : new QuotaMember(member, bytesMax, logger);
}

class QuotaMember implements Member {
  readonly id: bigint;
  readonly clusterId: bigint;
  readonly name: string;
  readonly leaseTtlMinSeconds: number;
  readonly store: StoreReader;
  readonly #member: Member;
  readonly #quota: Quota;
  readonly #alarm: NoSpaceAlarm;

  constructor(member: Member, bytesMax: number, logger: Logger) {
    this.id = member.id;
    this.clusterId = member.clusterId;
    this.name = member.name;
    this.leaseTtlMinSeconds = member.leaseTtlMinSeconds;
    this.store = member.store;
    this.#member = member;
    this.#quota = new Quota(bytesMax, () => member.store.size().inUseBytes);
    this.#alarm = new NoSpaceAlarm(member, logger);
  }

  propose(...[command, options]: Parameters<Member["propose"]>): Promise<ProposeOutcome> {
    if (this.#quota.admit(costOf(command))) return this.#member.propose(command, options);
    return this.#alarm.raise().then(() => refused);
  }

  get term(): number {
    return this.#member.term;
  }

  status(): ReturnType<Member["status"]> {
    return this.#member.status();
  }

  members(): ReturnType<Member["members"]> {
    return this.#member.members();
  }

  readBarrier(signal?: AbortSignal): ReturnType<Member["readBarrier"]> {
    return this.#member.readBarrier(signal);
  }

  leases(): readonly bigint[] {
    return this.#member.leases();
  }

  renewLease(id: bigint, signal?: AbortSignal): ReturnType<Member["renewLease"]> {
    return this.#member.renewLease(id, signal);
  }

  leaseTimeToLive(
    ...request: Parameters<Member["leaseTimeToLive"]>
  ): ReturnType<Member["leaseTimeToLive"]> {
    return this.#member.leaseTimeToLive(...request);
  }

  changeMembers(
    ...request: Parameters<Member["changeMembers"]>
  ): ReturnType<Member["changeMembers"]> {
    return this.#member.changeMembers(...request);
  }

  clusterStatus(signal?: AbortSignal): ReturnType<Member["clusterStatus"]> {
    return this.#member.clusterStatus(signal);
  }

  snapshot(): ReturnType<Member["snapshot"]> {
    return this.#member.snapshot();
  }

  stateHash(...request: Parameters<Member["stateHash"]>): ReturnType<Member["stateHash"]> {
    return this.#member.stateHash(...request);
  }

  replaceState(signal?: AbortSignal): ReturnType<Member["replaceState"]> {
    return this.#member.replaceState(signal);
  }

  transferLeadership(to: bigint): void {
    this.#member.transferLeadership(to);
  }

  onLeadership(listener: Parameters<Member["onLeadership"]>[0]): () => void {
    return this.#member.onLeadership(listener);
  }

  stop(): Promise<void> {
    return this.#member.stop();
  }
}

/** Raised by this member for itself, once at a time. */
class NoSpaceAlarm {
  readonly #member: Member;
  readonly #logger: Logger;
  #raising: Promise<void> | undefined;

  constructor(member: Member, logger: Logger) {
    this.#member = member;
    this.#logger = logger;
  }

  /** Resolves once all members have it, or when that cannot be done now: the next refusal tries again. */
  async raise(): Promise<void> {
    const { id, store } = this.#member;
    const isRaised = store
      .alarms()
      .some(({ memberId, kind }) => memberId === id && kind === "noSpace");
    if (isRaised) return;
    this.#raising ??= this.#propose();
    await this.#raising;
  }

  async #propose(): Promise<void> {
    const alarm = { memberId: this.#member.id, kind: "noSpace" } as const;
    const command: Command = { kind: "alarm", action: "activate", alarm };
    this.#logger.warn(
      "the store is full: make room by compaction or deletes, then disarm the alarm",
    );
    const { kind } = await this.#member.propose(command, { principal: "cluster" });
    if (kind !== "applied") this.#logger.warn("the alarm could not be raised", { reason: kind });
    this.#raising = undefined;
  }
}
