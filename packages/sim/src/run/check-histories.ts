/** Gives what clients saw to every checker. */

import type { NodeId } from "@flotilla/consensus";
import {
  checkLeases,
  checkLinearizable,
  checkSerials,
  checkWatches,
  type LeaseBounds,
  leaseDueMs,
  type Operation,
  storeModel,
} from "../checkers/index.ts";
import type { Ledger } from "../clients/ledger.ts";
import type { Workload } from "../clients/workload.ts";
import { type Violation, violation } from "../oracles/index.ts";
import type { Scenario } from "../scenario/scenario.ts";

/** Expiry after the heal takes an election, a look of the leader and a write; this is plenty. */
const expiryTimeouts = 10;

/** A server is that much late: it looks at what has taken too long once a tick. */
const slackTicks = 3;

/** Steps of the search for one key; nearly all histories need far fewer. */
const stepsMax = 100_000;

/** The first promise to a client that was broken. */
export function checkHistories(run: {
  readonly scenario: Scenario;
  readonly workload: Workload;
  readonly ledger: Ledger;
  /** What watchers at servers that must serve have been told by now. */
  readonly dueRevision: number;
  mustServe(server: NodeId): boolean;
  /** No fault hinders a write any more, nor what one has left behind. */
  readonly unhinderedAtMs: number;
  readonly nowMs: number;
  readonly isLinearizabilityChecked: boolean;
  /** The search for an order of what was done to this key was given up. */
  onUnjudged(key: string): void;
}): Violation | undefined {
  const { scenario, workload, ledger } = run;
  const operations = workload.operations();
  const watches = workload.watches(run.dueRevision, (server) => run.mustServe(server));
  return (
    checkAnswers(scenario, workload) ??
    checkSerials(operations, ledger) ??
    checkWatches(watches, ledger, ledger.compactRevision) ??
    checkLeases(workload.leases(), {
      ...leaseBounds(scenario, run.unhinderedAtMs),
      nowMs: run.nowMs,
    }) ??
    (run.isLinearizabilityChecked ? linearizable(happened(operations, ledger), run) : undefined)
  );
}

/** Whoever asks a server that lives is told something in the time that it gives requests. */
function checkAnswers({ options }: Scenario, workload: Workload): Violation | undefined {
  const { requestMs, heartbeatMs, electionTicks } = options;
  const ticksMax = requestMs / heartbeatMs + slackTicks;
  // A change that the leader has made is waited for here, an election timeout at most.
  const leaderTicksMax = ticksMax + electionTicks;
  const open = workload.unanswered({ ticksMax, leaderTicksMax });
  if (open === undefined) return undefined;
  const { server, ticks } = open;
  return violation("answers", `${server} has left a client without an answer for ${ticks} ticks`);
}

/**
 * Tells what became of writes of unknown outcome, as their value is written nowhere else: those that
 * are not in what was applied are left out, the others have its revision. Each would double the search.
 */
function happened(operations: readonly Operation[], ledger: Ledger): Operation[] {
  const revisions = new Map<string | undefined, number>();
  for (const { revision, events } of ledger.revisions) {
    for (const { value } of events) revisions.set(value, revision);
  }
  return operations.flatMap((operation) => {
    const { input, returnedAt } = operation;
    if (returnedAt !== undefined || !("value" in input)) return [operation];
    const revision = revisions.get(input.value);
    if (revision === undefined) return [];
    const output = { kind: input.kind, succeeded: true, revision } as const;
    return [{ ...operation, output }];
  });
}

function linearizable(
  operations: readonly Operation[],
  { onUnjudged }: { onUnjudged(key: string): void },
): Violation | undefined {
  const result = checkLinearizable(operations, storeModel, stepsMax);
  if (result.kind === "unknown") onUnjudged(result.key);
  if (result.kind !== "violation") return undefined;
  const last = result.operations.at(-1);
  return violation(
    "linearizability",
    `no order explains ${result.operations.length} operations on "${result.key}"; ` +
      `the last to return was ${JSON.stringify(last)}`,
  );
}

/** By when the last of all leases has to be over. */
export function lastLeaseDueMs(
  scenario: Scenario,
  workload: Workload,
  unhinderedAtMs: number,
): number {
  const bounds = leaseBounds(scenario, unhinderedAtMs);
  return Math.max(0, ...workload.leases().map((lease) => leaseDueMs(lease, bounds) ?? 0));
}

function leaseBounds(scenario: Scenario, healedAtMs: number): Omit<LeaseBounds, "nowMs"> {
  const { faults, options } = scenario;
  let driftRatio = 1;
  for (const { fault } of faults) {
    if (fault.kind !== "clockRate") continue;
    driftRatio = Math.max(driftRatio, fault.rate, 1 / fault.rate);
  }
  const electionMs = options.electionTicks * options.heartbeatMs;
  return {
    driftRatio,
    healedAtMs,
    expiryMs: expiryTimeouts * electionMs,
    leadersAfterHeal: hasPreferences(scenario) ? leadersMax.preferred : leadersMax.plain,
  };
}

/** The first one, and one that it hands over to; messages that are lost make some attempts fail. */
const leadersMax = { plain: 2, preferred: 6 };

function hasPreferences({ options, operations }: Scenario): boolean {
  return (
    options.preferred.length > 0 ||
    operations.some(
      ({ operation }) => operation.kind === "change" && operation.change.kind === "prefer",
    )
  );
}
