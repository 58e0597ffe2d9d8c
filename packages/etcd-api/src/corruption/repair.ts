/**
 * A member whose data went wrong has it replaced by the leader's.
 *
 * Nothing is done on the word of one: the alarm says only that somebody should look. A member then asks
 * all others by itself, and does something only when a quorum of all that hold data has one hash and this
 * member another, at the same revision of a history that is compacted equally far. When the majority
 * differs, or it is a tie, the alarm stays for an operator. Log and votes were never wrong and are kept, so
 * that a repair takes nothing from the cluster's promises; the old files are set aside.
 *
 * The alarm goes once a quorum confirms what the member has then, also when it was started in between, or
 * an operator has given it other data. One that is raised while it runs and holds what a quorum holds stays.
 */
import { nodeIdOf } from "@flotilla/member";
import type { EtcdApiOptions } from "../context.ts";
import { repeat } from "../leader-chore.ts";
import { peerHashMs, repairLookMs, repairMs, repairsMax } from "../limits.ts";
import { type CorruptionDeps, hashOf, peerHashes } from "./hashes.ts";
import { isConfirmed, isOutvoted } from "./verdict.ts";

/** What a quorum says of this member's data; `unknown`: too few could be compared, or nobody can tell. */
export type OwnVerdict = "right" | "wrong" | "unknown";

/** Begins to look whether this member is named. Nothing without a check: nobody would name it. Returns how to stop. */
export function startCorruptionRepair(
  deps: CorruptionDeps,
  options: Pick<
    EtcdApiOptions,
    "compactHashCheckMs" | "corruptCheckMs" | "initialCorruptCheck" | "corruptRepair"
  >,
): () => void {
  const { compactHashCheckMs, corruptCheckMs, initialCorruptCheck, corruptRepair } = options;
  const isChecked = compactHashCheckMs > 0 || corruptCheckMs > 0 || initialCorruptCheck;
  if (!corruptRepair || !isChecked) return () => {};
  const abort = new AbortController();
  const repair = new OwnRepair(deps, abort.signal);
  const stop = repeat(deps, {
    everyMs: repairLookMs,
    complaint: "this member could not repair its data",
    attempt: () => repair.look(),
  });
  return () => {
    stop();
    abort.abort();
  };
}

export class OwnRepair {
  readonly #deps: CorruptionDeps;
  readonly #signal: AbortSignal;
  #repairs = 0;
  /** It was named before it began. */
  #wasNamed: boolean;

  constructor(deps: CorruptionDeps, signal: AbortSignal) {
    this.#deps = deps;
    this.#signal = signal;
    this.#wasNamed = this.#isNamed;
  }

  /** Repairs when this member is named and a quorum agrees. */
  async look(): Promise<void> {
    if (!this.#isNamed) {
      this.#wasNamed = false;
      return;
    }
    const verdict = await this.#compare();
    if (verdict === "wrong" && this.#repairs < repairsMax) await this.replace();
    else if (verdict === "right" && (this.#repairs > 0 || this.#wasNamed)) await this.#disarm();
  }

  /** Takes the leader's data, asks all others about it, and disarms the alarm when a quorum agrees. */
  async replace(): Promise<OwnVerdict> {
    const { member, logger } = this.#deps;
    this.#repairs++;
    logger.warn("this member holds wrong data: it is being replaced by the leader's", {
      member: nodeIdOf(member.id),
      attempt: this.#repairs,
    });
    const kind = await this.#replaceState();
    const verdict = kind === "replaced" ? await this.#compare() : "unknown";
    const fields = { member: nodeIdOf(member.id), outcome: kind, verdict };
    if (verdict === "right") logger.info("this member holds what a quorum holds", fields);
    else logger.error("this member's data is not confirmed by a quorum", fields);
    if (verdict === "right" && this.#isNamed) await this.#disarm();
    return verdict;
  }

  /** A member applies nothing meanwhile: where no leader sends its state, it goes on as it was. */
  async #replaceState(): Promise<string> {
    const { member, timers } = this.#deps;
    const late = new AbortController();
    const cancel = timers.after(repairMs, () => late.abort());
    try {
      return (await member.replaceState(AbortSignal.any([this.#signal, late.signal]))).kind;
    } catch (error) {
      if (!late.signal.aborted || this.#signal.aborted) throw error;
      return "timeout";
    } finally {
      cancel();
    }
  }

  get #isNamed(): boolean {
    const { member } = this.#deps;
    return member.store
      .alarms()
      .some(({ memberId, kind }) => memberId === member.id && kind === "corrupt");
  }

  /** All that is here, and what the last compaction has left: others may not be as far as this member. */
  async #compare(): Promise<OwnVerdict> {
    const { member } = this.#deps;
    if ((await member.readBarrier(this.#signal)).kind !== "ready") return "unknown";
    const patience = { withinMs: peerHashMs, signal: this.#signal };
    for (const revision of [member.store.revision, member.store.compactRevision]) {
      if (revision <= 0) continue;
      const hash = await hashOf(this.#deps, member.id, revision, patience);
      if (hash.kind !== "hash") continue;
      const peers = await peerHashes(this.#deps, revision, patience);
      if (isOutvoted({ id: member.id, hash }, peers)) return "wrong";
      if (isConfirmed(hash, peers)) return "right";
    }
    return "unknown";
  }

  async #disarm(): Promise<void> {
    const { member, logger } = this.#deps;
    const alarm = { memberId: member.id, kind: "corrupt" } as const;
    const outcome = await member.propose(
      { kind: "alarm", action: "deactivate", alarm },
      { principal: "cluster" },
    );
    if (outcome.kind === "applied") logger.info("the alarm is disarmed", { alarm: "CORRUPT" });
  }
}
