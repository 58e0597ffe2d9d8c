/** What the leader alone does now and then, and what every member does. */
import type { Logger } from "@flotilla/base";
import type { Timers } from "@flotilla/grpc";
import type { Member } from "@flotilla/member";

export interface ChoreDeps {
  readonly member: Member;
  readonly logger: Logger;
  readonly timers: Timers;
}

export interface Chore {
  /** Between the end of one attempt and the next; 0 or less: never. */
  readonly everyMs: number;
  /** Logged when an attempt goes wrong; the next one comes all the same. */
  readonly complaint: string;
  /** Done before each wait, by whoever does not lead, too. */
  note?(): void;
  attempt(): Promise<void>;
}

/** The same as {@link repeat}, while this member leads. */
export function repeatAsLeader(deps: ChoreDeps, chore: Chore): () => void {
  const attempt = async (): Promise<void> => {
    if (deps.member.status().isLeader) await chore.attempt();
  };
  return repeat(deps, { ...chore, attempt });
}

/** Begins with a wait; attempts come one at a time. Returns how to stop, which waits for nothing. */
export function repeat({ logger, timers }: Omit<ChoreDeps, "member">, chore: Chore): () => void {
  if (chore.everyMs <= 0) return () => {};
  let isStopped = false;
  let cancel = (): void => {};
  const look = async (): Promise<void> => {
    try {
      await chore.attempt();
    } catch (error) {
      if (!isStopped) logger.warn(chore.complaint, { reason: String(error) });
    }
    if (!isStopped) wait();
  };
  const wait = (): void => {
    chore.note?.();
    cancel = timers.after(chore.everyMs, () => void look());
  };
  wait();
  return () => {
    isStopped = true;
    cancel();
  };
}
