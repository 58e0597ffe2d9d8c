/** What this member is in its cluster, cheap enough to be asked with every request. */
import type { Timers } from "@flotilla/grpc";
import type { Member } from "@flotilla/member";
import { roleMsMax } from "../limits.ts";

/** A member that nobody has taken in yet counts as a voter: etcd refuses nothing at one. */
export type MemberRole = "voter" | "learner" | "witness";

/** Looks again after {@link roleMsMax}; at once when it would mean a refusal, which might be a promotion ago. */
export class OwnRole {
  readonly #member: Pick<Member, "id" | "members">;
  readonly #timers: Pick<Timers, "nowMs">;
  #isVoter = false;
  #lookedAtMs = Number.NEGATIVE_INFINITY;

  constructor(member: Pick<Member, "id" | "members">, timers: Pick<Timers, "nowMs">) {
    this.#member = member;
    this.#timers = timers;
  }

  get present(): MemberRole {
    const nowMs = this.#timers.nowMs();
    if (this.#isVoter && nowMs - this.#lookedAtMs < roleMsMax) return "voter";
    const role = this.#look();
    this.#isVoter = role === "voter";
    this.#lookedAtMs = nowMs;
    return role ?? "voter"; // The very next request may find it taken in.
  }

  #look(): MemberRole | undefined {
    const own = this.#member.members().find(({ id }) => id === this.#member.id);
    if (own === undefined) return undefined;
    if (own.isWitness) return "witness";
    return own.isLearner ? "learner" : "voter";
  }
}
