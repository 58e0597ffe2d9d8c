/** Takes faults or operations out of a scenario. Pure. */
import type { Scenario } from "../scenario/scenario.ts";
import { minimizeList } from "./minimize-list.ts";
import type { Search } from "./shrink.ts";

/** Keeps only the steps without which the scenario does not fail. */
export function dropSteps(search: Search, list: "faults" | "operations"): void {
  dropLater(search);
  minimizeList<Scenario[typeof list][number]>(search.scenario[list], (rest) =>
    search.tries({ ...search.scenario, [list]: rest }),
  );
}

/** What would begin after the failure has no part in it. One run instead of many. */
function dropLater(search: Search): void {
  const { scenario, failsAtMs } = search;
  const isEarly = ({ atMs }: { readonly atMs: number }): boolean => atMs <= failsAtMs;
  const faults = scenario.faults.filter(isEarly);
  const operations = scenario.operations.filter(isEarly);
  const dropped =
    scenario.faults.length - faults.length + scenario.operations.length - operations.length;
  if (dropped > 0) search.tries({ ...scenario, faults, operations });
}
