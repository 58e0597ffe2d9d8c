/**
 * Handing leadership over (Raft thesis section 3.10): stop proposals, let the target catch up, and
 * make it campaign at once.
 */
import { isElectable } from "../configuration.ts";
import type { NodeId } from "../contract.ts";
import type { Leadership } from "./leadership.ts";
import { envelope, type Server } from "./server.ts";

/** Starts to hand over to `target`; another target replaces the one before. */
export function startTransfer(server: Server, leadership: Leadership, target: NodeId): void {
  const isPossible = leadership.progress.has(target) && isElectable(server.configuration, target);
  if (!isPossible || leadership.transferTarget === target) return;
  leadership.transferTarget = target;
  leadership.transferElapsed = 0;
  leadership.isTransferTold = false;
  continueTransfer(server, leadership);
}

/** Gives the word once the target holds the whole log. */
export function continueTransfer(server: Server, leadership: Leadership): void {
  const target = leadership.transferTarget;
  const progress = leadership.progress.get(target);
  if (leadership.isTransferTold || progress?.matchIndex !== server.log.lastIndex) return;
  leadership.isTransferTold = true;
  // From here on another leader can be elected whatever the voters have promised, and for as long as
  // that message may be on its way: in this term there are no more reads by lease.
  leadership.lease?.end();
  server.outbox.send({ kind: "timeoutNow", ...envelope(server, target) });
}

/** Gives the word again, with each heartbeat: it may have been lost. */
export function repeatTransfer(server: Server, leadership: Leadership): void {
  leadership.isTransferTold = false;
  continueTransfer(server, leadership);
}

/** Time passes. A target that does not take over within an election timeout is given up. */
export function tickTransfer(server: Server, leadership: Leadership): void {
  if (leadership.transferTarget === "") return;
  leadership.transferElapsed++;
  if (leadership.transferElapsed >= server.limits.electionTicks) leadership.transferTarget = "";
}
