/** The leader's sign of life, which also carries the commit index and the latest round of reads. */
import type { Leadership } from "./leadership.ts";
import { envelope, type Server } from "./server.ts";

/** Tells every server that this one leads. */
export function broadcastHeartbeat(server: Server, leadership: Leadership): void {
  const readRound = leadership.reads.current;
  for (const [to, progress] of leadership.progress) {
    // Never more than it is known to hold: its log may still differ beyond that.
    const commit = Math.min(progress.matchIndex, server.commitIndex);
    server.outbox.send({ kind: "heartbeat", ...envelope(server, to), commit, readRound });
  }
}
