/** Makes the faults that are left as plain as they can be. Pure. */
import { assertNever } from "@flotilla/base";
import type { Fault, Scenario } from "../scenario/scenario.ts";
import type { DirectedLink } from "../world/topology.ts";
import { minimizeList } from "./minimize-list.ts";
import type { Search } from "./shrink.ts";

/** A crash of the process now instead of a power loss in a write; a cut of fewer links, unnoticed. */
export function simplifyFaults(search: Search): void {
  for (let at = 0; at < search.scenario.faults.length; at++) {
    const fault = search.scenario.faults[at]?.fault;
    if (fault === undefined) return;
    for (const plainer of plainerFaults(fault)) {
      const present = search.scenario.faults[at]?.fault;
      search.tries(withFault(search.scenario, at, { ...present, ...plainer } as Fault));
    }
    if (fault.kind === "cut" && fault.links.length > 1) cutFewer(search, at, fault.links);
  }
}

function withFault(scenario: Scenario, at: number, fault: Fault): Scenario {
  const step = scenario.faults[at];
  if (step === undefined) return scenario;
  return { ...scenario, faults: scenario.faults.with(at, { ...step, fault }) };
}

function cutFewer(search: Search, at: number, links: readonly DirectedLink[]): void {
  minimizeList(links, (rest) => {
    const fault = search.scenario.faults[at]?.fault;
    if (fault?.kind !== "cut" || rest.length === 0) return false;
    return search.tries(withFault(search.scenario, at, { ...fault, links: rest }));
  });
}

/** What to set, one after the other. */
function plainerFaults(fault: Fault): Partial<Fault>[] {
  switch (fault.kind) {
    case "crash":
      return [
        ...(fault.isInWrite ? [{ isInWrite: false }] : []),
        ...(fault.power ? [{ power: false }] : []),
      ];
    case "cut":
      return fault.isNoticed ? [{ isNoticed: false }] : [];
    case "replaceState":
      return [
        ...(fault.isLeader ? [{ isLeader: false }] : []),
        ...(fault.patienceMs > 0 ? [{ patienceMs: 0 }] : []),
      ];
    case "degrade":
    case "clog":
    case "pause":
    case "eclipse":
    case "wipe":
    case "clockRate":
    case "clockLeap":
    case "diskStall":
    case "diskSlow":
    case "diskFull":
    case "diskError":
    case "diskLie":
    case "bitFlip":
    case "recover":
    case "slowApply":
      return [];
    default:
      return assertNever(fault);
  }
}
