/**
 * A leader changes the configuration: gates, the joint phase, and the end of a leader that is no voter
 * any more.
 *
 * Source: Raft paper section 6; thesis sections 4.1 to 4.3, with the gate that its erratum adds.
 */
import { isElectable, isJoint, isVoter } from "../configuration.ts";
import { jointOf, leaveJoint, planChange, withIncarnations } from "../configuration-change.ts";
import { encodeConfiguration } from "../configuration-codec.ts";
import type {
  ChangeOutcome,
  ChangeRefusal,
  Configuration,
  ConfigurationChange,
  NodeId,
} from "../contract.ts";
import type { Leadership } from "./leadership.ts";
import type { Progress } from "./progress.ts";
import { becomeFollower } from "./roles.ts";
import type { Server } from "./server.ts";
import { startTransfer } from "./transfer.ts";

/** Begins a change: appends the joint configuration, which is in force from here on. */
export function change(
  server: Server,
  leadership: Leadership,
  changes: readonly ConfigurationChange[],
): ChangeOutcome {
  const reason = refusalNow(server, leadership);
  if (reason !== undefined) return { kind: "refused", reason };
  const plan = planChange(server.configuration, changes);
  if (plan.kind === "refused") return plan;
  for (const each of changes) {
    const heir = each.kind === "promote" || each.kind === "staticLeader" ? each.id : undefined;
    if (heir !== undefined && heir !== server.id && isBehind(server, leadership, heir)) {
      return { kind: "refused", reason: "learnerBehind" };
    }
  }
  beginChange(server, leadership, plan.target);
  return { kind: "appended", term: server.term, index: server.log.lastIndex };
}

/** Why no change may begin now; undefined when one may. */
export function refusalNow(server: Server, leadership: Leadership): ChangeRefusal | undefined {
  // Another leader may have appended a change that this one has not seen, and committed by it, until
  // an entry of this term is committed.
  if (server.log.termAt(server.commitIndex) !== server.term) return "notReady";
  if (!server.isConfigurationCommitted || isJoint(server.configuration)) return "changePending";
  return leadership.transferTarget === "" ? undefined : "transferring";
}

/** Who lacks much would hold up every commit once it votes, and every election as the static leader. */
function isBehind(server: Server, leadership: Leadership, id: NodeId): boolean {
  const { electionTicks, promotionLagEntriesMax } = server.limits;
  const progress = leadership.progress.get(id);
  return (
    progress === undefined ||
    !progress.isActive(server.tick, electionTicks) ||
    progress.state === "snapshot" ||
    server.log.lastIndex - progress.matchIndex > promotionLagEntriesMax
  );
}

/** Appends the joint configuration on the way to `target`, with what was heard of incarnations. */
export function beginChange(server: Server, leadership: Leadership, target: Configuration): void {
  const known = withIncarnations(target, heardIncarnations(server, leadership));
  append(server, leadership, jointOf(server.configuration, known));
}

/** What servers have told of their incarnations, this one included. */
export function heardIncarnations(
  server: Server,
  leadership: Leadership,
): ReadonlyMap<NodeId, number> {
  const heard = new Map([[server.id, server.incarnation]]);
  for (const [id, { incarnation }] of leadership.progress) heard.set(id, incarnation);
  return heard;
}

function append(server: Server, leadership: Leadership, configuration: Configuration): void {
  const data = encodeConfiguration(configuration);
  const index = server.log.lastIndex + 1;
  leadership.uncommittedBytes += data.length;
  server.write([{ index, term: server.term, kind: "config", data }]);
  const { id: self, roster, tick } = server;
  leadership.follow(roster, { self, index, nextIndex: index, tick });
}

/** Something was committed: goes on with a change, whoever began it, or ends this leadership. */
export function continueChange(server: Server, leadership: Leadership): void {
  if (!server.isConfigurationCommitted) return;
  const { configuration } = server;
  if (isJoint(configuration)) append(server, leadership, leaveJoint(configuration));
  else if (!isVoter(configuration, server.id)) beginLeaving(server, leadership);
}

/** The new configuration is committed and has no vote for this leader: somebody else has to lead. */
function beginLeaving(server: Server, leadership: Leadership): void {
  if (leadership.isLeaving) return;
  leadership.isLeaving = true;
  const willing = bestSuccessor(server, leadership, ({ standsBack }) => !standsBack);
  const successor = willing ?? bestSuccessor(server, leadership, () => true);
  if (successor !== undefined) startTransfer(server, leadership, successor);
}

/** Who of those that are `fit` can take over soonest: alive, and lacking least. */
export function bestSuccessor(
  server: Server,
  leadership: Leadership,
  isFit: (progress: Progress) => boolean,
): NodeId | undefined {
  const { configuration, limits, tick } = server;
  let best: NodeId | undefined;
  let bestIndex = -1;
  for (const { id } of [...configuration.voters, ...configuration.outgoing]) {
    const progress = leadership.progress.get(id);
    const isCandidate = isElectable(configuration, id) && progress !== undefined;
    if (!isCandidate || !progress.isActive(tick, limits.electionTicks)) continue;
    if (!isFit(progress)) continue;
    if (progress.matchIndex <= bestIndex) continue;
    best = id;
    bestIndex = progress.matchIndex;
  }
  return best;
}

/** Time passes: servers that have left are forgotten, and a leader that waits in vain steps down. */
export function tickMembership(server: Server, leadership: Leadership): void {
  for (const [id, progress] of leadership.progress) {
    if (progress.hasLeft(server.tick, server.limits.electionTicks)) leadership.progress.delete(id);
  }
  const isAlone = leadership.isLeaving && leadership.transferTarget === "";
  if (isAlone) becomeFollower(server, server.term, "");
}
