/**
 * Finds members whose data went wrong, and raises the alarm that names them.
 *
 * | check                     | by whom       | of what                             | default      |
 * |---------------------------|---------------|-------------------------------------|--------------|
 * | before clients are served | each member   | all that this member holds          | off          |
 * | after compactions         | the leader    | what the compaction has left        | every minute |
 * | of everything             | the leader    | all up to the present revision      | off          |
 *
 * The alarm stops all clients, so that nothing wrong is read or written, and the log says what to do. A
 * member is only named when a majority holds something else; it then repairs itself, see `repair.ts`.
 */
import type { Timers } from "@flotilla/grpc";
import { nodeIdOf } from "@flotilla/member";
import { repeatAsLeader } from "../leader-chore.ts";
import { firstHashMs, peerHashMs, verdictRetryMs, verdictTriesMax } from "../limits.ts";
import { type CorruptionDeps, hashOf, peerHashes } from "./hashes.ts";
import { OwnRepair } from "./repair.ts";
import {
  differingPeers,
  impossiblyAhead,
  isConfirmed,
  isOutvoted,
  judgeHashes,
  type OwnHash,
  type PeerHash,
} from "./verdict.ts";

/** This member must not serve clients: what it holds is not what another one holds. */
export class CorruptionError extends Error {
  override readonly name = "CorruptionError";
  readonly code = "inconsistent";
}

const complaint = "members could not be compared";

const remedy =
  "unless it was started with --corrupt-repair=false it repairs itself; by hand: stop it, move member/db out " +
  "of its data directory, start it without that flag, and it gets the leader's data; then disarm the alarm";
const remedyWithoutMajority =
  "no majority holds the same data: compare the members by their HashKV, restore the cluster from a snapshot " +
  "or from the one that is right; then disarm the alarm";

/**
 * Compares this member with the others, as far as they answer. With `mayRepair` it goes on when a quorum
 * holds the same, and repairs itself when a quorum holds something else; while too few answer to tell, it
 * waits a little for the others. Throws {@link CorruptionError}.
 */
export async function checkBeforeServing(
  deps: CorruptionDeps,
  { mayRepair }: { readonly mayRepair: boolean },
): Promise<void> {
  const { member, logger, timers } = deps;
  const endMs = timers.nowMs() + firstHashMs;
  const repair = new OwnRepair(deps, new AbortController().signal);
  for (;;) {
    const own = await hashOf(deps, member.id, 0, { withinMs: firstHashMs });
    if (own.kind !== "hash") return;
    const peers = await peerHashes(deps, own.revision, { withinMs: firstHashMs });
    const differing = differingPeers(own, peers).map(nodeIdOf);
    const missing = peers.filter(({ answer }) => answer.kind !== "hash");
    for (const { id, answer } of missing) {
      logger.warn("a member could not be compared", { member: nodeIdOf(id), reason: answer.kind });
    }
    if (differing.length === 0) return;
    if (mayRepair && isConfirmed(own, peers)) {
      logger.error("members hold wrong data, and a quorum does not", { members: differing });
      return;
    }
    const isWrong = isOutvoted({ id: member.id, hash: own }, peers);
    if (mayRepair && isWrong && (await repair.replace()) === "right") return;
    const mayTellSoon = mayRepair && !isWrong && missing.length > 0 && timers.nowMs() < endMs;
    if (!mayTellSoon) throw inconsistent(own.revision, differing);
    await pauseMs(timers, verdictRetryMs);
  }
}

/** Somebody is wrong, and one who is a moment behind may decide who: an alarm that names nobody helps nobody. */
function mayTellSoon(...[self, peers]: Parameters<typeof judgeHashes>): boolean {
  const { corrupt, skipped } = judgeHashes(self, peers);
  return corrupt.includes(0n) && skipped.length > 0;
}

function pauseMs(timers: Timers, ms: number): Promise<void> {
  return new Promise((resolve) => void timers.after(ms, resolve));
}

function inconsistent(revision: number, differing: readonly string[]): CorruptionError {
  return new CorruptionError(
    `found data inconsistency with peers: at revision ${revision} this member holds other data than ` +
      `${differing.join(", ")}. Find out which is wrong (HashKV at all members); for that one: ${remedy}`,
  );
}

/** Begins the leader's checks; returns how to stop. 0 ms: never. */
export function startCorruptionChecks(
  deps: CorruptionDeps,
  options: { readonly compactHashCheckMs: number; readonly corruptCheckMs: number },
): () => void {
  const abort = new AbortController();
  const checks = new CorruptionChecks(deps, abort.signal);
  const stops = [
    repeatAsLeader(deps, {
      everyMs: options.compactHashCheckMs,
      complaint,
      attempt: () => checks.checkCompaction(),
    }),
    repeatAsLeader(deps, {
      everyMs: options.corruptCheckMs,
      complaint,
      attempt: () => checks.checkAll(),
    }),
  ];
  return () => {
    for (const stop of stops) stop();
    abort.abort();
  };
}

class CorruptionChecks {
  readonly #deps: CorruptionDeps;
  readonly #signal: AbortSignal;
  /** The last compaction that all members were compared by. */
  #checkedRevision = -1;

  constructor(deps: CorruptionDeps, signal: AbortSignal) {
    this.#deps = deps;
    this.#signal = signal;
  }

  async checkCompaction(): Promise<void> {
    const { member } = this.#deps;
    const { compactRevision, isCompacting } = member.store;
    // While rows are still being removed a hash costs far more.
    if (compactRevision <= this.#checkedRevision || isCompacting) return;
    const isComplete = await this.#compare(compactRevision);
    if (isComplete) this.#checkedRevision = compactRevision;
  }

  async checkAll(): Promise<void> {
    const { member } = this.#deps;
    if ((await member.readBarrier(this.#signal)).kind !== "ready") return;
    await this.#compare(member.store.revision);
  }

  /** True when everybody was compared. */
  async #compare(revision: number): Promise<boolean> {
    const { member, timers } = this.#deps;
    const patience = { withinMs: peerHashMs, signal: this.#signal };
    const own = await hashOf(this.#deps, member.id, revision, patience);
    if (own.kind !== "hash" || revision <= 0) return false;
    const self = { id: member.id, hash: own };
    let peers = await peerHashes(this.#deps, revision, patience);
    for (let tries = 1; tries < verdictTriesMax && mayTellSoon(self, peers); tries++) {
      await pauseMs(timers, verdictRetryMs);
      peers = await peerHashes(this.#deps, revision, patience);
    }
    const { corrupt, skipped } = judgeHashes(self, peers);
    // Who was asked before this barrier cannot have been further than this member is after it.
    const isCaughtUp = (await member.readBarrier(this.#signal)).kind === "ready";
    const ahead = isCaughtUp ? impossiblyAhead(member.store.revision, peers) : [];
    for (const id of new Set([...corrupt, ...ahead])) await this.#raise(id, own, peers);
    return skipped.length === 0;
  }

  async #raise(id: bigint, own: OwnHash, peers: readonly PeerHash[]): Promise<void> {
    const { member, logger } = this.#deps;
    const alarm = { memberId: id, kind: "corrupt" } as const;
    const isRaised = member.store
      .alarms()
      .some((one) => one.memberId === id && one.kind === alarm.kind);
    if (isRaised) return;
    const all = [{ id: member.id, answer: own }, ...peers];
    logger.error(id === 0n ? "the members hold different data" : "a member holds wrong data", {
      ...(id === 0n ? {} : { member: nodeIdOf(id) }),
      revision: String(own.revision),
      hashes: all.map(({ id, answer }) => `${nodeIdOf(id)}: ${hashText(answer)}`),
      todo: id === 0n ? remedyWithoutMajority : remedy,
    });
    await member.propose({ kind: "alarm", action: "activate", alarm }, { principal: "cluster" });
  }
}

function hashText(answer: PeerHash["answer"]): string {
  return answer.kind === "hash" ? answer.hash.toString(16).padStart(8, "0") : answer.kind;
}
