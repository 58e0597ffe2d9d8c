/** The bounds of one Raft engine: defaults, and what every option has to satisfy. Pure. */
import { assert } from "@flotilla/base";
import type { EngineOptions } from "../contract.ts";

/** {@link EngineOptions} with every default filled in; see there for units. */
export interface Limits
  extends Required<Omit<EngineOptions, "id" | "random" | "incarnation" | "leaseReads">> {
  /** How long a lease lasts; undefined when reads are not served by leases. */
  readonly leaseMs: number | undefined;
}

const mebibyte = 1024 * 1024;

const defaults = {
  electionTicks: 10,
  heartbeatTicks: 1,
  inflightMessagesMax: 256,
  appendBytesMax: mebibyte,
  inflightBytesMax: 16 * mebibyte,
  uncommittedBytesMax: 64 * mebibyte,
  pendingReadsMax: 10_000,
  preferElectionTimeouts: 10,
  promotionLagEntriesMax: 1_000,
} as const;

/** The limits that `options` ask for. */
export function limitsOf(options: EngineOptions): Limits {
  const electionTicks = options.electionTicks ?? defaults.electionTicks;
  const counts = {
    electionTicks,
    heartbeatTicks: options.heartbeatTicks ?? defaults.heartbeatTicks,
    inflightMessagesMax: options.inflightMessagesMax ?? defaults.inflightMessagesMax,
    appendBytesMax: options.appendBytesMax ?? defaults.appendBytesMax,
    inflightBytesMax: options.inflightBytesMax ?? defaults.inflightBytesMax,
    uncommittedBytesMax: options.uncommittedBytesMax ?? defaults.uncommittedBytesMax,
    pendingReadsMax: options.pendingReadsMax ?? defaults.pendingReadsMax,
    preferTicks: options.preferTicks ?? defaults.preferElectionTimeouts * electionTicks,
    promotionLagEntriesMax: options.promotionLagEntriesMax ?? defaults.promotionLagEntriesMax,
  };
  for (const [name, value] of Object.entries(counts)) {
    assert(Number.isSafeInteger(value) && value >= 1, () => `raft: ${name} must be >= 1`);
  }
  assert(counts.heartbeatTicks < electionTicks, "raft: heartbeatTicks must be below electionTicks");
  const leaseMs = options.leaseReads?.durationMs;
  assert(leaseMs === undefined || leaseMs > 0, "raft: a lease must last");
  return { ...counts, leaseMs };
}
