/** What members hold, as hashes, asked of each of them. */
import type { Logger } from "@flotilla/base";
import type { Timers } from "@flotilla/grpc";
import type { Member } from "@flotilla/member";
import type { PeerHash } from "./verdict.ts";

export interface CorruptionDeps {
  readonly member: Member;
  readonly logger: Logger;
  readonly timers: Timers;
}

/** How long an answer may take. */
export interface Patience {
  readonly withinMs: number;
  readonly signal?: AbortSignal;
}

/** The others that hold data. */
export function peerHashes(
  deps: CorruptionDeps,
  revision: number,
  patience: Patience,
): Promise<readonly PeerHash[]> {
  const { member } = deps;
  const peers = member.members().filter(({ id, isWitness }) => id !== member.id && !isWitness);
  return Promise.all(
    peers.map(async ({ id }) => ({ id, answer: await hashOf(deps, id, revision, patience) })),
  );
}

/** The hash of one member, this one or another. Who takes too long is away. */
export async function hashOf(
  { member, timers }: CorruptionDeps,
  id: bigint,
  revision: number,
  { withinMs, signal }: Patience,
): ReturnType<Member["stateHash"]> {
  const late = new AbortController();
  const cancel = timers.after(withinMs, () => late.abort());
  const signals = signal === undefined ? [late.signal] : [late.signal, signal];
  try {
    return await member.stateHash(id, { revision, signal: AbortSignal.any(signals) });
  } catch (error) {
    if (!late.signal.aborted) throw error;
    return { kind: "unreachable", reason: "no answer in time" };
  } finally {
    cancel();
  }
}
