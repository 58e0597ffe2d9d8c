/** Options with their defaults filled in, and checked. Pure. */
import { MemberError } from "./errors.ts";
import { requestMs, warnApplyMs } from "./limits.ts";
import type { MemberOptions } from "./options.ts";

/** Paces and sizes of one member. */
export interface Settings {
  readonly heartbeatMs: number;
  readonly electionMs: number;
  /** Heartbeats in an election timeout. */
  readonly electionTicks: number;
  /** How long a request may take. */
  readonly requestMs: number;
  readonly leaseTtlMinSeconds: number;
  readonly snapshotEntries: number;
  readonly catchUpEntries: number;
  /** How long a leader's lease is; undefined when reads take a round. */
  readonly leaseReads: { readonly durationMs: number } | undefined;
  readonly warnApplyMs: number;
}

/** The part of the silence before a vote that a lease may last: clocks may differ by as much as is left. */
const leaseShare = 0.9;

/** etcd's `--election-timeout` has the same bound. */
const electionMsMax = 50_000;

/** Throws `MemberError` `badOptions`. */
export function settingsOf(options: MemberOptions): Settings {
  const { heartbeatMs = 100, electionMs = 1000 } = options;
  const { snapshotEntries = 10_000, catchUpEntries = 5_000 } = options;
  if (!(heartbeatMs >= 1) || electionMs < 5 * heartbeatMs || electionMs > electionMsMax) {
    throw badOptions(
      `heartbeat ${heartbeatMs} ms, election ${electionMs} ms: an election takes at least 5 heartbeats, ` +
        `and at most ${electionMsMax} ms`,
    );
  }
  if (!(snapshotEntries >= 1) || !(catchUpEntries >= 0)) {
    throw badOptions(`snapshot entries ${snapshotEntries}, catch-up entries ${catchUpEntries}`);
  }
  const electionTicks = Math.round(electionMs / heartbeatMs);
  return {
    heartbeatMs,
    electionMs,
    electionTicks,
    requestMs: requestMs + 2 * electionMs,
    // etcd server/etcdserver/server.go: three half election timeouts, rounded up to seconds.
    leaseTtlMinSeconds: Math.ceil((Math.floor((3 * electionTicks) / 2) * heartbeatMs) / 1000),
    snapshotEntries,
    catchUpEntries,
    warnApplyMs: options.warnApplyMs ?? warnApplyMs,
    leaseReads:
      options.leaseReads === true
        ? { durationMs: (electionTicks - 1) * heartbeatMs * leaseShare }
        : undefined,
  };
}

function badOptions(reason: string): MemberError {
  return new MemberError("badOptions", `Cannot start a member with ${reason}`);
}
