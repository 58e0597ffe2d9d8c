/** From the engine's words for a change to those of `flotilla.v1.Membership`. Pure. */
import type { ConfigurationChange } from "@flotilla/consensus";
import type { MembershipStep } from "@flotilla/etcd-api";
import { memberIdOf } from "@flotilla/member";

/** One step. The name that a new member has in `change` stays behind: it gets an id from its URLs. */
export function stepOf(change: ConfigurationChange): MembershipStep {
  switch (change.kind) {
    case "add": {
      const { kind, votes, witness = false, urls = [] } = change;
      return { kind, votes, isWitness: witness, peerUrls: urls };
    }
    case "prefer":
      return { kind: change.kind, ids: change.ids.map(memberIdOf) };
    case "staticLeader":
      return { kind: change.kind, id: memberIdOf(change.id ?? "") };
    case "urls":
      return { kind: change.kind, id: memberIdOf(change.id), peerUrls: change.urls };
    case "promote":
    case "votes":
      return { kind: change.kind, id: memberIdOf(change.id), votes: change.votes };
    case "remove":
    case "demote":
      return { kind: change.kind, id: memberIdOf(change.id) };
  }
}
