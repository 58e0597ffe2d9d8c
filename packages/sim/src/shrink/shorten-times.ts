/** Makes a scenario short: its heal earlier, its pauses shorter, its faults briefer. Pure. */
import type { Fault, Scenario } from "../scenario/scenario.ts";
import { halve } from "./halve.ts";
import type { Search } from "./shrink.ts";

/** A pause between two steps, or a fault, that is as short as this is short enough. */
const shortMs = 5;

export function shortenTimes(search: Search): void {
  healEarlier(search);
  closeGaps(search);
  endFaultsEarlier(search);
  roundTimes(search);
}

/** The time after the heal stays as long as it is: promises about it are made in its terms. */
function healEarlier(search: Search): void {
  const lastMs = lastStepMs(search.scenario);
  const earliestMs = Math.ceil(lastMs) + 1;
  if (search.tries(healedAt(search.scenario, earliestMs))) return;
  halve(search.scenario.healAtMs - earliestMs, shortMs, (restMs) =>
    search.tries(healedAt(search.scenario, earliestMs + restMs)),
  );
}

function healedAt(scenario: Scenario, healAtMs: number): Scenario {
  return { ...scenario, healAtMs, untilMs: scenario.untilMs - scenario.healAtMs + healAtMs };
}

function lastStepMs({ faults, operations }: Scenario): number {
  return Math.max(0, faults.at(-1)?.atMs ?? 0, operations.at(-1)?.atMs ?? 0);
}

/** Lets everything from one step on happen earlier, as far as the pause before it allows. */
function closeGaps(search: Search): void {
  const times = stepTimes(search.scenario);
  for (let at = 0; at < times.length; at++) {
    const now = stepTimes(search.scenario);
    const fromMs = now[at];
    if (fromMs === undefined) return;
    const gapMs = fromMs - (now[at - 1] ?? 0);
    halve(gapMs, shortMs, (restMs) =>
      // What is left of the gap is counted from its begin, wherever that is by now.
      search.tries(movedEarlier(search.scenario, at, restMs)),
    );
  }
}

/** The times at which something is done, each once, in order. */
function stepTimes({ faults, operations }: Scenario): number[] {
  const times = new Set([...faults, ...operations].map(({ atMs }) => atMs));
  return [...times].sort((left, right) => left - right);
}

/** The step number `at`, and all that follow, so that it comes `gapMs` after the one before. */
function movedEarlier(scenario: Scenario, at: number, gapMs: number): Scenario {
  const times = stepTimes(scenario);
  const fromMs = times[at] ?? 0;
  const byMs = fromMs - (times[at - 1] ?? 0) - gapMs;
  const move = (atMs: number): number => (atMs >= fromMs ? atMs - byMs : atMs);
  return {
    ...withTimes(scenario, move),
    healAtMs: scenario.healAtMs - byMs,
    untilMs: scenario.untilMs - byMs,
  };
}

function withTimes(scenario: Scenario, change: (atMs: number) => number): Scenario {
  return {
    ...scenario,
    faults: scenario.faults.map((step) => ({ ...step, atMs: change(step.atMs) })),
    operations: scenario.operations.map((step) => ({ ...step, atMs: change(step.atMs) })),
  };
}

function endFaultsEarlier(search: Search): void {
  for (let at = 0; at < search.scenario.faults.length; at++) {
    const step = search.scenario.faults[at];
    const forMs = step === undefined ? undefined : durationOf(step.fault);
    if (step === undefined || forMs === undefined) continue;
    halve(forMs, shortMs, (restMs) => {
      const fault = withDuration(step.fault, restMs);
      const faults = search.scenario.faults.with(at, { ...step, fault });
      return search.tries({ ...search.scenario, faults });
    });
  }
}

/** Undefined for what does not end by itself. */
function durationOf(fault: Fault): number | undefined {
  if ("downMs" in fault) return fault.downMs;
  return "forMs" in fault ? fault.forMs : undefined;
}

function withDuration(fault: Fault, forMs: number): Fault {
  if ("downMs" in fault) return { ...fault, downMs: forMs };
  return "forMs" in fault ? { ...fault, forMs } : fault;
}

/** Whole milliseconds are easier to read. */
function roundTimes(search: Search): void {
  const { scenario } = search;
  const rounded = withTimes(scenario, Math.round);
  const faults = rounded.faults.map((step) => {
    const forMs = durationOf(step.fault);
    if (forMs === undefined) return step;
    return { ...step, fault: withDuration(step.fault, Math.round(forMs)) };
  });
  const healAtMs = Math.round(scenario.healAtMs);
  const untilMs = Math.round(scenario.untilMs);
  search.tries({ ...rounded, faults, healAtMs, untilMs });
}
