/** The leader's sign of life, which also carries the commit index and a number of its own. */
import type { Leadership } from "./leadership.ts";
import { envelope, type Server } from "./server.ts";

/** Tells every server that this one leads. `readRound` is new: no other heartbeat carries it. */
export function broadcastHeartbeat(
  server: Server,
  leadership: Leadership,
  readRound: number,
): void {
  for (const [to, progress] of leadership.progress) {
    // Never more than it has acknowledged: its log may still differ beyond that.
    const commit = Math.min(progress.acknowledgedIndex, server.commitIndex);
    server.outbox.send({ kind: "heartbeat", ...envelope(server, to), commit, readRound });
  }
  leadership.lease?.broadcast(readRound);
}
