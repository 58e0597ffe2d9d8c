/** Draws how the servers of a scenario are set up. Pure. */
import type { Prng } from "@flotilla/base";
import type { Swarm } from "./draw-scenario.ts";
import type { ScenarioOptions, ScenarioServer } from "./scenario.ts";

/** No clock of a run is faster than this times the world's, or slower than one part in this of it. */
export const driftMax = 1.05;
/** Of the bound that the engine gives for lease reads, to be on the safe side of rounding. */
const leaseReadShare = 0.95;

export function drawOptions(
  random: Prng,
  swarm: Swarm,
  servers: readonly ScenarioServer[],
): ScenarioOptions {
  const isTiny = swarm.features.has("tiny");
  const heartbeatMs = random.pick([50, 100, 100, 150]);
  const electionTicks = random.between(5, 10);
  const electionMs = electionTicks * heartbeatMs;
  // Two clocks drift apart by the square of what one drifts from the world.
  const leaseReadMs = ((electionTicks - 1) * heartbeatMs * leaseReadShare) / driftMax ** 2;
  return {
    heartbeatMs,
    electionTicks,
    requestMs: electionMs * random.between(2, 6),
    snapshotEntries: isTiny ? random.between(1, 20) : random.pick([5, 20, 50, 10_000]),
    catchUpEntries: isTiny ? random.pick([0, 0, 1, 5]) : random.pick([0, 0, 10, 5_000]),
    segmentBytes: isTiny ? random.between(512, 4_096) : random.pick([16_384, 65_536]),
    stepBytes: isTiny ? 512 * random.between(1, 4) : 16_384,
    inflightMessagesMax: isTiny ? random.between(1, 4) : 256,
    appendBytesMax: isTiny ? random.between(1, 500) : 1_048_576,
    promotionLagEntriesMax: isTiny ? random.between(1, 10) : 1_000,
    leaseReadMs: swarm.features.has("leaseReads") ? leaseReadMs : 0,
    preferTicks: electionTicks * random.between(2, 10),
    preferred: drawPreferred(random, swarm, servers),
    // Fewer than those who ask at a time would turn each other out for ever.
    sessionsMax: isTiny ? servers.length + random.below(4) : 1_024,
    compactRows: isTiny ? random.between(1, 5) : 100,
    isEncoded: swarm.features.has("encoded"),
    turnMs: random.pick([0, 0.02, 0.1]),
    disk: drawDisk(random),
    state: {
      latencyMinMs: 0.2,
      latencyMaxMs: random.pick([1, 10, 100]),
      pieceBytes: isTiny ? random.between(50, 500) : 4_096,
    },
    network: drawNetwork(random),
    clientDelayMs: random.pick([1, 5, 30]),
    // Drawn last: all else of a seed is as it was before there were these.
    applyEntriesMax: isTiny ? random.between(1, 2) : 1_000,
    applyQueueEntriesMax: isTiny ? random.between(1, 3) : 200_000,
  };
}

function drawPreferred(random: Prng, swarm: Swarm, servers: readonly ScenarioServer[]): number[] {
  if (!swarm.features.has("preferred")) return [];
  const able = servers.flatMap(({ votes, isWitness }, at) => (votes > 0 && !isWitness ? [at] : []));
  return able.length === 0 ? [] : [random.pick(able)];
}

function drawDisk(random: Prng): ScenarioOptions["disk"] {
  const latencyMinMs = random.pick([0.05, 0.2, 1]);
  return {
    latencyMinMs,
    latencyMaxMs: latencyMinMs * random.pick([1, 4, 40]),
    bytesPerMs: random.pick([10_000, 200_000]),
  };
}

/** Loss and the like are a property of all links here; faults make single links worse. */
function drawNetwork(random: Prng): ScenarioOptions["network"] {
  const delayMinMs = random.pick([0.1, 0.5, 2]);
  const isSound = random.chance(0.5);
  const share = (most: number): number => (isSound ? 0 : random.fraction() * most);
  return {
    delayMinMs,
    delayMaxMs: delayMinMs * random.pick([1.5, 4, 20]),
    loss: share(0.05),
    duplicate: share(0.1),
    reorder: share(0.2),
    bytesPerMs: random.pick([0, 0, 0, 2_000, 100]),
  };
}
