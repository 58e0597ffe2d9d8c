/** What this member is in its cluster, cheap enough to be asked with every request. */
import type { Timers } from "@flotilla/grpc";
import type { Member } from "@flotilla/member";
import { roleMsMax } from "../limits.ts";

/** A member that nobody has taken in yet counts as a voter: etcd refuses nothing at one. */
export type MemberRole = "voter" | "learner" | "witness";

/** Looks again after {@link roleMsMax}. */
export class OwnRole {
  readonly #member: Pick<Member, "id" | "members">;
  readonly #timers: Pick<Timers, "nowMs">;
  #role: MemberRole = "voter";
  #lookedAtMs = Number.NEGATIVE_INFINITY;

  constructor(member: Pick<Member, "id" | "members">, timers: Pick<Timers, "nowMs">) {
    this.#member = member;
    this.#timers = timers;
  }

  get present(): MemberRole {
    const nowMs = this.#timers.nowMs();
    if (nowMs - this.#lookedAtMs < roleMsMax) return this.#role;
    const role = this.#look();
    if (role === undefined) return "voter"; // The very next request may find it taken in.
    this.#lookedAtMs = nowMs;
    this.#role = role;
    return role;
  }

  #look(): MemberRole | undefined {
    const own = this.#member.members().find(({ id }) => id === this.#member.id);
    if (own === undefined) return undefined;
    if (own.isWitness) return "witness";
    return own.isLearner ? "learner" : "voter";
  }
}
