/** Puts the options of a scenario back to plain ones. Pure. */
import type { Scenario, ScenarioOptions } from "../scenario/scenario.ts";
import type { Search } from "./shrink.ts";

/** A cluster in which nothing is special: an option that differs from it has a part in the failure. */
export const plainScenarioOptions: ScenarioOptions = {
  heartbeatMs: 100,
  electionTicks: 10,
  requestMs: 5_000,
  snapshotEntries: 10_000,
  catchUpEntries: 5_000,
  segmentBytes: 65_536,
  stepBytes: 16_384,
  inflightMessagesMax: 256,
  appendBytesMax: 1_048_576,
  promotionLagEntriesMax: 1_000,
  leaseReadMs: 0,
  preferTicks: 50,
  preferred: [],
  sessionsMax: 1_024,
  compactRows: 100,
  isEncoded: false,
  turnMs: 0,
  disk: { latencyMinMs: 0.2, latencyMaxMs: 0.2, bytesPerMs: 200_000 },
  state: { latencyMinMs: 0.2, latencyMaxMs: 1, pieceBytes: 4_096 },
  network: {
    delayMinMs: 0.5,
    delayMaxMs: 0.75,
    loss: 0,
    duplicate: 0,
    reorder: 0,
    bytesPerMs: 0,
  },
  clientDelayMs: 1,
  applyEntriesMax: 1_000,
  applyQueueEntriesMax: 200_000,
};

type Name = keyof ScenarioOptions;

/** Of a whole cluster's clocks: what is promised about reads and about the end is in its terms. */
const timing: readonly Name[] = ["heartbeatMs", "electionTicks"];

/** All at once, then one by one, and links and disks in their parts. */
export function plainOptions(search: Search): void {
  const isSpecial = (name: Name): boolean =>
    !timing.includes(name) && !isEqual(search.scenario.options[name], plainScenarioOptions[name]);
  const names = (Object.keys(plainScenarioOptions) as Name[]).filter(isSpecial);
  if (names.length === 0 || !search.tries(withPlain(search.scenario, names))) {
    for (const name of names) search.tries(withPlain(search.scenario, [name]));
  }
  for (const name of ["disk", "state", "network"] as const) plainParts(search, name);
  plainTiming(search);
  const { operations, clients } = search.scenario;
  const used = Math.max(1, ...operations.map(({ client }) => client + 1));
  if (used < clients) search.tries({ ...search.scenario, clients: used });
}

function withPlain(scenario: Scenario, names: readonly Name[]): Scenario {
  const plain = Object.fromEntries(names.map((name) => [name, plainScenarioOptions[name]]));
  return { ...scenario, options: { ...scenario.options, ...plain } };
}

function plainParts(search: Search, name: "disk" | "state" | "network"): void {
  const plain = plainScenarioOptions[name];
  for (const [part, value] of Object.entries(plain)) {
    const { options } = search.scenario;
    if ((options[name] as unknown as Record<string, number>)[part] === value) continue;
    const parts = { ...options[name], [part]: value };
    search.tries({ ...search.scenario, options: { ...options, [name]: parts } });
  }
}

/** The lease of reads and the time after the heal keep their relation to the election timeout. */
function plainTiming(search: Search): void {
  const { scenario } = search;
  const { options, healAtMs, untilMs } = scenario;
  const { heartbeatMs, electionTicks } = plainScenarioOptions;
  if (options.heartbeatMs === heartbeatMs && options.electionTicks === electionTicks) return;
  const leaseShare =
    (heartbeatMs * (electionTicks - 1)) / (options.heartbeatMs * (options.electionTicks - 1));
  const share = (heartbeatMs * electionTicks) / (options.heartbeatMs * options.electionTicks);
  search.tries({
    ...scenario,
    options: {
      ...options,
      heartbeatMs,
      electionTicks,
      leaseReadMs: options.leaseReadMs * leaseShare,
    },
    untilMs: healAtMs + (untilMs - healAtMs) * share,
  });
}

function isEqual(left: unknown, right: unknown): boolean {
  return JSON.stringify(left) === JSON.stringify(right);
}
