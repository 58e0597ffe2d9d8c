/** Takes servers out of a scenario, and what makes one special. Pure. */
import type {
  ClientOperation,
  Fault,
  Scenario,
  ScenarioChange,
  ScenarioServer,
} from "../scenario/scenario.ts";
import type { DirectedLink } from "../world/topology.ts";
import type { Search } from "./shrink.ts";

/** Fewer servers, then plainer ones: one vote, data, no learner that founds. */
export function dropServers(search: Search): void {
  for (let index = search.scenario.servers.length - 1; index >= 0; index--) {
    const smaller = withoutServer(search.scenario, index);
    if (canFound(smaller.servers)) search.tries(smaller);
  }
  for (let index = 0; index < search.scenario.servers.length; index++) {
    const server = search.scenario.servers[index];
    if (server === undefined || server.votes === 0) continue;
    if (server.votes === 1 && !server.isWitness) continue;
    const servers = search.scenario.servers.with(index, { ...server, votes: 1, isWitness: false });
    if (canFound(servers)) search.tries({ ...search.scenario, servers });
  }
}

/**
 * The scenario without its server number `index`. What was done to it is not done; what was asked of it
 * is asked of the first one.
 */
export function withoutServer(scenario: Scenario, index: number): Scenario {
  const renumber = renumbering(index);
  const { options, servers, faults, operations } = scenario;
  return {
    ...scenario,
    servers: servers.toSpliced(index, 1),
    options: { ...options, preferred: allOf(options.preferred, renumber) },
    faults: faults.flatMap(({ atMs, fault }) => {
      const kept = faultWithout(fault, renumber);
      return kept === undefined ? [] : [{ atMs, fault: kept }];
    }),
    operations: operations.flatMap((step) => {
      const operation = operationWithout(step.operation, renumber);
      return operation === undefined ? [] : [{ ...step, operation }];
    }),
  };
}

/** The new number of a server; undefined for the one that goes. */
type Renumber = (server: number) => number | undefined;

function renumbering(gone: number): Renumber {
  return (server) => {
    if (server === gone) return undefined;
    return server > gone ? server - 1 : server;
  };
}

function allOf(servers: readonly number[], renumber: Renumber): number[] {
  return servers.flatMap((server) => renumber(server) ?? []);
}

/** Somebody has data and a vote, and witnesses are no quorum by themselves. */
function canFound(servers: readonly ScenarioServer[]): boolean {
  let votes = 0;
  let blind = 0;
  for (const server of servers) {
    votes += server.votes;
    if (server.isWitness) blind += server.votes;
  }
  return votes > 0 && 2 * blind < votes;
}

function faultWithout(fault: Fault, renumber: Renumber): Fault | undefined {
  if (fault.kind === "cut") {
    const links = fault.links.flatMap((link) => linkWithout(link, renumber));
    return links.length === 0 ? undefined : { ...fault, links };
  }
  if (fault.kind === "clog" || fault.kind === "degrade") {
    const [link] = linkWithout(fault.link, renumber);
    return link === undefined ? undefined : { ...fault, link };
  }
  const server = renumber(fault.server);
  return server === undefined ? undefined : { ...fault, server };
}

/** None when one of its ends goes. */
function linkWithout([from, to]: DirectedLink, renumber: Renumber): DirectedLink[] {
  const ends = [renumber(from), renumber(to)] as const;
  return ends[0] === undefined || ends[1] === undefined ? [] : [[ends[0], ends[1]]];
}

function operationWithout(
  operation: ClientOperation,
  renumber: Renumber,
): ClientOperation | undefined {
  const asked = { server: renumber(operation.server) ?? 0 };
  if (operation.kind === "transfer") {
    const to = renumber(operation.to);
    return to === undefined ? undefined : { ...operation, ...asked, to };
  }
  if (operation.kind !== "change") return { ...operation, ...asked };
  const change = changeWithout(operation.change, renumber);
  return change === undefined ? undefined : { ...operation, ...asked, change };
}

function changeWithout(change: ScenarioChange, renumber: Renumber): ScenarioChange | undefined {
  if (change.kind === "prefer") return { ...change, subjects: allOf(change.subjects, renumber) };
  if (change.subject === undefined) return change;
  const subject = renumber(change.subject);
  return subject === undefined ? undefined : { ...change, subject };
}
