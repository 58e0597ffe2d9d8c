/**
 * Whose data is wrong, by the hashes of all. Pure. Source: etcd server/etcdserver/corrupt.go.
 *
 * Members apply the same entries, so equal revisions mean equal hashes. Where they differ, those that
 * agree with a majority are right; without a majority nobody can tell, and the alarm names no member.
 */
import type { StateHash } from "@flotilla/member";

export type OwnHash = Extract<StateHash, { readonly kind: "hash" }>;

/** What another member has answered. */
export interface PeerHash {
  readonly id: bigint;
  readonly answer: StateHash;
}

export interface Verdict {
  /** Whose data is wrong; the member 0 stands for "somebody's". Empty: nothing was found. */
  readonly corrupt: readonly bigint[];
  /** Who could not be compared: away, behind, or compacted to another revision. */
  readonly skipped: readonly bigint[];
}

/** True when two hashes are of the same rows. */
function isComparable(own: OwnHash, answer: StateHash): answer is OwnHash {
  return (
    answer.kind === "hash" &&
    answer.compactRevision === own.compactRevision &&
    answer.revision === own.revision
  );
}

/** By majority of this member and all `peers`, answering or not. */
export function judgeHashes(
  self: { readonly id: bigint; readonly hash: OwnHash },
  peers: readonly PeerHash[],
): Verdict {
  const membersOf = new Map<number, bigint[]>([[self.hash.hash, [self.id]]]);
  const skipped: bigint[] = [];
  for (const { id, answer } of peers) {
    if (!isComparable(self.hash, answer)) skipped.push(id);
    else membersOf.set(answer.hash, [...(membersOf.get(answer.hash) ?? []), id]);
  }
  if (membersOf.size === 1) return { corrupt: [], skipped };
  const quorum = quorumOf(peers);
  const groups = [...membersOf.values()];
  const majority = groups.find((ids) => ids.length >= quorum);
  if (majority === undefined) return { corrupt: [0n], skipped };
  return { corrupt: groups.filter((ids) => ids !== majority).flat(), skipped };
}

/** The data of `self` is wrong, and a quorum says so, whoever leads. Where nobody can tell, false. */
export function isOutvoted(
  self: { readonly id: bigint; readonly hash: OwnHash },
  peers: readonly PeerHash[],
): boolean {
  return judgeHashes(self, peers).corrupt.includes(self.id);
}

/** The data of `self` is that of a quorum. */
export function isConfirmed(own: OwnHash, peers: readonly PeerHash[]): boolean {
  const alike = peers.filter(({ answer }) => isComparable(own, answer) && answer.hash === own.hash);
  return alike.length + 1 >= quorumOf(peers);
}

function quorumOf(peers: readonly PeerHash[]): number {
  return Math.floor((peers.length + 1) / 2) + 1;
}

/** Before this member serves: who holds something else than it does. It may be either that is wrong. */
export function differingPeers(own: OwnHash, peers: readonly PeerHash[]): readonly bigint[] {
  return peers
    .filter(({ answer }) => isComparable(own, answer) && answer.hash !== own.hash)
    .map(({ id }) => id);
}

/** Who is further than a leader whose reads were linearizable afterwards: nobody can be. */
export function impossiblyAhead(
  leaderRevision: number,
  peers: readonly PeerHash[],
): readonly bigint[] {
  return peers
    .filter(({ answer }) => "storeRevision" in answer && answer.storeRevision > leaderRevision)
    .map(({ id }) => id);
}
