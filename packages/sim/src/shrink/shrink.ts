/**
 * Makes a scenario that fails small: takes away what the failure does not need.
 *
 * Source: Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input" (ddmin), over
 * the data of a scenario instead of a text. Pure, and as deterministic as the run that it is given.
 */
import type { Violation } from "../oracles/index.ts";
import type { Scenario } from "../scenario/scenario.ts";
import { dropSteps } from "./drop-steps.ts";
import { plainOptions } from "./plain-options.ts";
import { dropServers } from "./remove-server.ts";
import { shortenTimes } from "./shorten-times.ts";
import { simplifyFaults } from "./simplify-faults.ts";

/** A scenario is run so often at most. */
export const shrinkRunsMax = 2_000;

/** What becomes of a scenario: the promise that it breaks, if any. */
export type RunToShrink = (scenario: Scenario) => (Violation & { atMs?: number }) | undefined;

/** The smallest that was found. */
export interface Shrunk {
  readonly scenario: Scenario;
  /** Undefined when the scenario broke no promise to begin with; then it is returned as it was. */
  readonly violation: ReturnType<RunToShrink>;
  readonly runs: number;
  /** False when the runs were used up: more might go. */
  readonly isMinimal: boolean;
}

/** Tries candidates, and keeps the last one that still fails. */
export interface Search {
  readonly scenario: Scenario;
  /** When the failure of the present scenario is seen. */
  readonly failsAtMs: number;
  /** True when the candidate fails in the same way: it is the present scenario then. */
  tries(candidate: Scenario): boolean;
}

/** Each takes away one sort of thing, until no more of it can go. */
const passes: readonly ((search: Search) => void)[] = [
  (search) => dropSteps(search, "faults"),
  (search) => dropSteps(search, "operations"),
  dropServers,
  shortenTimes,
  simplifyFaults,
  plainOptions,
];

/**
 * Shrinks `scenario` until nothing more can go, or `runsMax` runs are over. What is left breaks the same
 * promise; an exception has to say the same, apart from numbers and names.
 */
export function shrink(
  scenario: Scenario,
  run: RunToShrink,
  runsMax: number = shrinkRunsMax,
): Shrunk {
  const violation = run(scenario);
  if (violation === undefined) return { scenario, violation, runs: 1, isMinimal: false };
  const search = new BoundedSearch({ scenario, violation }, run, Math.min(runsMax, shrinkRunsMax));
  // A pass that has taken something away may have made room for every other one.
  for (let next = 0, idle = 0; idle < passes.length && !search.isOver; next++) {
    const before = search.scenario;
    passes[next % passes.length]?.(search);
    idle = search.scenario === before ? idle + 1 : 0;
  }
  return {
    scenario: search.scenario,
    violation: search.violation,
    runs: search.runs,
    isMinimal: !search.isOver,
  };
}

class BoundedSearch implements Search {
  scenario: Scenario;
  violation: NonNullable<ReturnType<RunToShrink>>;
  runs = 1;
  readonly #run: RunToShrink;
  readonly #runsMax: number;
  readonly #failure: string;

  constructor(
    first: { readonly scenario: Scenario; readonly violation: BoundedSearch["violation"] },
    run: RunToShrink,
    runsMax: number,
  ) {
    this.scenario = first.scenario;
    this.violation = first.violation;
    this.#run = run;
    this.#runsMax = runsMax;
    this.#failure = failureOf(first.violation);
  }

  get isOver(): boolean {
    return this.runs >= this.#runsMax;
  }

  get failsAtMs(): number {
    return this.violation.atMs ?? this.scenario.untilMs;
  }

  tries(candidate: Scenario): boolean {
    if (this.isOver || isSame(candidate, this.scenario)) return false;
    this.runs++;
    const violation = this.#run(candidate);
    if (violation === undefined || failureOf(violation) !== this.#failure) return false;
    this.scenario = candidate;
    this.violation = violation;
    return true;
  }
}

function isSame(left: Scenario, right: Scenario): boolean {
  return JSON.stringify(left) === JSON.stringify(right);
}

/** Failures with the same text here are taken for the same. */
function failureOf({ oracle, message }: Violation): string {
  if (oracle !== "exception") return oracle;
  return `${oracle}: ${message.replaceAll(/\b[a-f]?\d+\b/g, "#")}`;
}
