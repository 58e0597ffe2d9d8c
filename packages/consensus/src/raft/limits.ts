/** The bounds of one Raft engine: defaults, and what every option has to satisfy. Pure. */
import { assert } from "@flotilla/base";
import type { EngineOptions } from "../contract.ts";

/** {@link EngineOptions} with every default filled in; see there for units. */
export type Limits = Required<Omit<EngineOptions, "id" | "random">>;

const mebibyte = 1024 * 1024;

const defaults: Limits = {
  electionTicks: 10,
  heartbeatTicks: 1,
  inflightMessagesMax: 256,
  appendBytesMax: mebibyte,
  inflightBytesMax: 16 * mebibyte,
  uncommittedBytesMax: 64 * mebibyte,
  pendingReadsMax: 10_000,
};

/** The limits that `options` ask for. */
export function limitsOf(options: EngineOptions): Limits {
  const limits: Limits = {
    electionTicks: options.electionTicks ?? defaults.electionTicks,
    heartbeatTicks: options.heartbeatTicks ?? defaults.heartbeatTicks,
    inflightMessagesMax: options.inflightMessagesMax ?? defaults.inflightMessagesMax,
    appendBytesMax: options.appendBytesMax ?? defaults.appendBytesMax,
    inflightBytesMax: options.inflightBytesMax ?? defaults.inflightBytesMax,
    uncommittedBytesMax: options.uncommittedBytesMax ?? defaults.uncommittedBytesMax,
    pendingReadsMax: options.pendingReadsMax ?? defaults.pendingReadsMax,
  };
  for (const [name, value] of Object.entries(limits)) {
    assert(Number.isSafeInteger(value) && value >= 1, () => `raft: ${name} must be >= 1`);
  }
  assert(
    limits.heartbeatTicks < limits.electionTicks,
    "raft: heartbeatTicks must be below electionTicks",
  );
  return limits;
}
