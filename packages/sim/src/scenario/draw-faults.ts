/** Draws what goes wrong in a scenario, and when. Pure. */
import { assertNever, type Prng } from "@flotilla/base";
import type { DirectedLink } from "../world/topology.ts";
import { drawPartition, partitionShapes } from "../world/topology.ts";
import { driftMax } from "./draw-options.ts";
import type { DrawnTogether, Swarm } from "./draw-scenario.ts";
import type { Fault, Scenario, ScenarioOptions, ScenarioServer } from "./scenario.ts";

interface Setting {
  readonly healAtMs: number;
  readonly electionMs: number;
  readonly servers: readonly ScenarioServer[];
  readonly options: ScenarioOptions;
  readonly faultsMax: number;
}

/** Replacements of a state come at so many moments at most, and then sometimes on two servers at once. */
const replacementsMax = 4;
const pairShare = 0.3;

/** Kinds that come more often than others, where they are switched on. */
const weights: Partial<Record<Fault["kind"], number>> = { crash: 4, cut: 4, pause: 2, eclipse: 2 };
/** How often at most data is lost for good. */
const countsMax: Partial<Record<Fault["kind"], number>> = {
  wipe: 2,
  bitFlip: 2,
  diskLie: 2,
  recover: 1,
};

/** In order of time. */
export function drawFaults(random: Prng, swarm: Swarm, setting: Setting): Scenario["faults"] {
  const kinds = [...swarm.faults].flatMap((kind) =>
    new Array<DrawnTogether>(weights[kind] ?? 1).fill(kind),
  );
  const faults: { atMs: number; fault: Fault }[] = [];
  if (kinds.length === 0) return faults;
  const gapMs = random.between(100, 1_500);
  const counts = new Map<Fault["kind"], number>();
  for (let atMs = gapMs * random.fraction(); faults.length < setting.faultsMax; ) {
    const kind = random.pick(kinds);
    const fault = drawFault(kind, random, setting);
    const count = (counts.get(kind) ?? 0) + 1;
    counts.set(kind, count);
    if (count <= (countsMax[kind] ?? setting.faultsMax)) faults.push({ atMs, fault });
    // Short gaps, and now and then a long one.
    atMs += -Math.log(1 - random.fraction()) * gapMs;
    if (atMs >= setting.healAtMs) break;
  }
  return faults;
}

/** Faults of the kind `replaceState`, in order of time. */
export function drawReplacements(
  random: Prng,
  { healAtMs, electionMs, servers }: Pick<Setting, "healAtMs" | "electionMs" | "servers">,
): Scenario["faults"] {
  const faults: { atMs: number; fault: Fault }[] = [];
  for (let count = random.between(1, replacementsMax); count > 0; count--) {
    const atMs = healAtMs * random.fraction();
    for (let pair = random.chance(pairShare) ? 2 : 1; pair > 0; pair--) {
      const server = random.below(servers.length);
      const isLeader = random.chance(0.3);
      // Often shorter than a state takes to arrive.
      const patienceMs = random.chance(0.5) ? electionMs * random.fraction() ** 3 : 0;
      faults.push({ atMs, fault: { kind: "replaceState", server, isLeader, patienceMs } });
    }
  }
  return faults.sort((left, right) => left.atMs - right.atMs);
}

function drawFault(kind: DrawnTogether, random: Prng, setting: Setting): Fault {
  const { servers, electionMs } = setting;
  const server = random.below(servers.length);
  // From shorter than anybody notices to longer than everybody waits.
  const forMs = electionMs * 4 * random.fraction() ** 2;
  switch (kind) {
    case "crash":
      return {
        kind,
        server,
        power: random.chance(0.6),
        isInWrite: random.chance(0.5),
        downMs: forMs,
      };
    case "pause":
    case "diskStall":
    case "diskFull":
    case "diskLie":
      return { kind, server, forMs };
    case "recover":
      return { kind, server, downMs: forMs };
    case "eclipse": {
      // Long enough for the others to elect another one meanwhile, who has not told it by its end.
      const stillMs = electionMs * (1.5 + 1.5 * random.fraction());
      const cutMs = stillMs + electionMs * (0.2 + random.fraction());
      return { kind, server, forMs: stillMs, cutMs, isHeld: random.chance(0.5) };
    }
    case "wipe":
    case "diskError":
      return { kind, server };
    case "bitFlip":
      return { kind, server, place: random.fraction() };
    case "cut":
      return drawCut(random, setting, forMs);
    case "clog":
      return { kind, link: drawLink(random, servers.length), forMs };
    case "degrade":
      return drawDegradation(random, setting, forMs);
    case "clockRate":
      return { kind, server, rate: driftMax ** (2 * random.fraction() - 1) };
    case "clockLeap":
      return { kind, server, byMs: electionMs * 3 * random.fraction() };
    case "diskSlow":
      return { kind, server, factor: random.between(2, 50), forMs };
    case "slowApply":
      return { kind, server, stallMs: 1 + (electionMs / 4) * random.fraction() ** 2, forMs };
    default:
      return assertNever(kind);
  }
}

function drawCut(random: Prng, { servers }: Setting, forMs: number): Fault {
  const shape = random.pick(partitionShapes);
  const everybody = servers.map((_, at) => at);
  const links = drawPartition(shape, everybody, random);
  return { kind: "cut", shape, links, isNoticed: random.chance(0.5), forMs: 2 * forMs };
}

function drawLink(random: Prng, size: number): DirectedLink {
  const from = random.below(size);
  return [from, (from + 1 + random.below(Math.max(1, size - 1))) % size];
}

function drawDegradation(random: Prng, { servers, options }: Setting, forMs: number): Fault {
  const { network } = options;
  return {
    kind: "degrade",
    link: drawLink(random, servers.length),
    quality: {
      delayMinMs: network.delayMinMs,
      delayMaxMs: network.delayMaxMs * random.between(1, 30),
      loss: random.fraction() * 0.5,
      duplicate: random.fraction() * 0.3,
      reorder: random.fraction(),
      bytesPerMs: random.pick([0, 20, 200]),
    },
    forMs,
  };
}
