// `npm run sim -- ...`: runs seeds of the simulated world.
//
//   --seed N [--until EVENT] [--story]           one seed; --lines N: only the end of its story
//   --seeds A..B [--jobs J] [--until EVENT]      all of them, on J threads; what fails is shrunk, told
//                                                and saved in packages/sim/scenarios, or --no-save;
//                                                one that comes to no end is named, and left out
//   --scenario FILE [--until EVENT] [--story]    a scenario that was saved, also by its name alone
//   --traps [T5 T7 ...] [--seeds A..B] [--write] known bugs, brought back; see traps.mjs
//   --twice                                      each seed of a range twice: it must be the same run
//   --bench                                      events per second with everything on, and idle
//   --engine raft      --needs membership,cut      --lacks bitFlip      --no-build
//
// The last line of the output is JSON. Exit code 1: a promise was broken. 128: wrong arguments.
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { commandOf, explainViolations, readScenario, tellScenario } from "./failing-seed.mjs";
import { addRun, emptySum, runRange } from "./seed-range.mjs";
import { bin, root, run } from "./setup.mjs";

const entry = pathToFileURL(join(root, "packages", "sim", "dist", "src", "index.js")).href;
/** Of a bench: runs that only warm the code up, then those that count. */
const warmUpSeeds = 4;
const measuredSeeds = 10;

await main();

async function main() {
  const options = parseOptions();
  if (!options.isBuilt) run(process.execPath, [bin("tsc"), "-b", join("packages", "sim", "src")]);
  const actions = { bench, seed: runSeed, seeds: runMany, scenario: runFile, traps: springAll };
  process.exitCode = await actions[options.action](options);
}

function parseOptions() {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        seed: { type: "string" },
        seeds: { type: "string" },
        scenario: { type: "string" },
        until: { type: "string" },
        story: { type: "boolean" },
        lines: { type: "string" },
        jobs: { type: "string" },
        engine: { type: "string", default: "raft" },
        needs: { type: "string", default: "" },
        lacks: { type: "string", default: "" },
        bench: { type: "boolean" },
        traps: { type: "boolean" },
        twice: { type: "boolean" },
        write: { type: "boolean" },
        "no-build": { type: "boolean" },
        "no-save": { type: "boolean" },
      },
    });
    if (positionals.length > 0 && values.traps !== true) {
      throw new Error(`"${positionals[0]}": only --traps takes words`);
    }
    return optionsOf(values, positionals);
  } catch (error) {
    console.error(error.message);
    return process.exit(128);
  }
}

function optionsOf(values, traps) {
  const [from, to = from] = (values.seeds ?? values.seed ?? "1").split("..").map(integer);
  if (values.engine !== "raft") throw new Error(`there is no engine "${values.engine}": raft`);
  const words = (text) => (text === "" ? [] : text.split(","));
  const actions = ["bench", "seeds", "seed", "scenario"].filter(
    (name) => values[name] !== undefined,
  );
  if (values.traps !== true && actions.length !== 1) {
    throw new Error("give one of --seed N, --seeds A..B, --scenario FILE, --traps, --bench");
  }
  return {
    action: values.traps === true ? "traps" : actions[0],
    traps,
    hasSeeds: values.seeds !== undefined,
    isWritten: values.write === true,
    from,
    to,
    limits: { needs: words(values.needs), lacks: words(values.lacks) },
    untilEvent: values.until === undefined ? undefined : integer(values.until),
    file: values.scenario,
    isTwice: values.twice === true,
    isTold: values.story === true,
    lines: values.lines === undefined ? undefined : integer(values.lines),
    isSaved: values["no-save"] !== true,
    jobs: values.jobs === undefined ? availableParallelism() : Math.max(1, integer(values.jobs)),
    isBuilt: values["no-build"] === true,
  };
}

function integer(text) {
  const value = Number(text);
  if (text === "" || !Number.isSafeInteger(value)) throw new Error(`"${text}" is no whole number`);
  return value;
}

function finish(sum, startedAtMs) {
  sum.wallSeconds = (performance.now() - startedAtMs) / 1000;
  console.log(JSON.stringify(sum));
  return sum.violations.length > 0 ? 1 : 0;
}

async function runSeed(options) {
  const sim = await import(entry);
  const { from: seed, limits, untilEvent } = options;
  return runOne(sim, sim.drawScenario(seed, limits), {
    ...options,
    command: commandOf({ seed, limits, untilEvent }),
  });
}

async function runFile(options) {
  const sim = await import(entry);
  const { saved, file } = openFile(sim, options.file);
  console.log(`${saved.title}${saved.fix === undefined ? "" : ` (mended by "${saved.fix}")`}`);
  const command = commandOf({ file, untilEvent: options.untilEvent });
  return runOne(sim, saved.scenario, { ...options, command });
}

function openFile(sim, word) {
  try {
    return readScenario(sim, word);
  } catch (error) {
    console.error(error.message);
    return process.exit(128);
  }
}

/** One scenario, with its story or without. */
function runOne(sim, scenario, { untilEvent, isTold, lines, command }) {
  const startedAtMs = performance.now();
  const limits = untilEvent === undefined ? {} : { untilEvent };
  const result = isTold
    ? tellScenario(sim, scenario, { untilEvent, lines, command })
    : sim.runScenario(scenario, limits);
  const { violation, hash } = result;
  if (violation !== undefined && !isTold) {
    const { oracle, message, atMs, event } = violation;
    console.log(`${oracle} at ${atMs.toFixed(1)} ms, event ${event}: ${message}`);
    console.log(`  in full: ${command}`);
  }
  const sum = emptySum();
  addRun(sum, scenario.seed, result);
  return finish({ ...sum, hash }, startedAtMs);
}

async function runMany({ from, to, jobs, limits, untilEvent, isTwice, isSaved }) {
  const startedAtMs = performance.now();
  const sum = await runRange(entry, { from, to, jobs, limits, untilEvent, isTwice });
  // Two runs that differ have no story, and one that does not end has none that is over.
  const isTold = ({ oracle }) => oracle !== "determinism" && oracle !== "progress";
  const told = sum.violations.filter(isTold);
  explainViolations(await import(entry), told, { limits, untilEvent, isSaved });
  for (const { seed, message } of sum.violations.filter((each) => !isTold(each))) {
    console.log(`seed ${seed}: ${message}\n  again: ${commandOf({ seed, limits, untilEvent })}`);
  }
  return finish(sum, startedAtMs);
}

/** Known bugs, in a build of their own. */
async function springAll({ traps: ids, from, to, hasSeeds, ...options }) {
  const { traps } = await import("./traps.mjs");
  return traps({ ...options, ids, seeds: hasSeeds ? [from, to] : undefined });
}

/** Worlds of five servers: everything that can go wrong, and nothing at all. */
async function bench() {
  const { drawScenario, faultKinds, features, runScenario } = await import(entry);
  const busyMs = 300_000;
  const busy = {
    founders: 5,
    isEverythingOn: true,
    troubleMsMin: busyMs,
    troubleMsMax: busyMs,
    operationsMax: busyMs / 100,
    faultsMax: busyMs / 500,
  };
  const idleMs = 1_200_000;
  const idle = {
    founders: 5,
    lacks: [...features, ...faultKinds],
    troubleMsMin: idleMs,
    troubleMsMax: idleMs,
    operationsMax: 0,
  };
  const sum = emptySum();
  const startedAtMs = performance.now();
  const measured = {};
  for (const [name, limits] of Object.entries({ busy, idle })) {
    const warm = { events: 0, simulatedSeconds: 0, seconds: 0 };
    for (let seed = 1; seed <= warmUpSeeds + measuredSeeds; seed++) {
      const begun = process.cpuUsage(); // Of all threads: the compiler's and the collector's, too.
      const result = runScenario(drawScenario(seed, limits), { isLinearizabilityChecked: false });
      const { user, system } = process.cpuUsage(begun);
      addRun(sum, seed, result);
      if (seed <= warmUpSeeds) continue;
      warm.events += result.events;
      warm.simulatedSeconds += result.simulatedMs / 1000;
      warm.seconds += (user + system) / 1e6;
    }
    const eventsPerSecond = Math.round(warm.events / warm.seconds);
    const timesRealTime = Math.round(warm.simulatedSeconds / warm.seconds);
    measured[name] = { eventsPerSecond, timesRealTime };
    console.log(
      `${name}: ${warm.events} events, ${eventsPerSecond} per second of processor time, ` +
        `${timesRealTime} times real time`,
    );
  }
  return finish({ ...sum, bench: measured }, startedAtMs);
}
