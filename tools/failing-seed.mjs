// What is done about a scenario that breaks a promise: it is shrunk, told, and kept.
import { readFileSync, writeFileSync } from "node:fs";
import { basename, join, relative, resolve } from "node:path";
import { bin, root, run } from "./setup.mjs";

const scenariosFolder = join(root, "packages", "sim", "scenarios");
/** Of a range of seeds, so many are shrunk at most: one for each promise. */
const shrunkMax = 5;
const shownLines = 40;
/** A run with more events than this goes round in circles. */
const eventsMax = 500_000;

/** The command that runs a seed again, or a file. */
export function commandOf({ seed, file, limits = {}, untilEvent }) {
  const words = ["npm run sim --"];
  words.push(file === undefined ? `--seed ${seed}` : `--scenario ${file}`);
  for (const name of ["needs", "lacks"]) {
    if (file === undefined && limits[name]?.length > 0)
      words.push(`--${name} ${limits[name].join()}`);
  }
  if (untilEvent !== undefined) words.push(`--until ${untilEvent}`);
  return [...words, "--story"].join(" ");
}

/** Runs a scenario and prints its story: all of it, or the last `lines`. */
export function tellScenario(sim, scenario, { untilEvent, lines, command }) {
  const options = { isRecorded: true, ...(untilEvent === undefined ? {} : { untilEvent }) };
  const result = sim.runScenario(scenario, options);
  const limits = { command, ...(lines === undefined ? {} : { linesMax: lines }) };
  for (const line of sim.tellStory(scenario, result, limits)) console.log(line);
  return result;
}

/**
 * Shrinks the first violation of each promise, tells the end of its story and keeps it as a file, unless
 * not `isSaved`. Adds to each what became of it.
 */
export function explainViolations(sim, violations, { limits, untilEvent, isSaved }) {
  const seen = new Set();
  for (const violation of violations) {
    const { seed, oracle, message, atMs, event } = violation;
    console.log(`seed ${seed}: ${oracle} at ${atMs.toFixed(1)} ms, event ${event}: ${message}`);
    if (seen.has(oracle) || seen.size >= shrunkMax) {
      console.log(`  again: ${commandOf({ seed, limits })}`);
      continue;
    }
    seen.add(oracle);
    Object.assign(violation, explain(sim, violation, { limits, untilEvent, isSaved }));
  }
}

function explain(sim, { seed, oracle }, { limits, untilEvent = eventsMax, isSaved }) {
  const drawn = sim.drawScenario(seed, limits);
  const shrunk = sim.shrink(drawn, (each) => sim.runScenario(each, { untilEvent }).violation);
  const { scenario, violation, runs, isMinimal } = shrunk;
  if (violation === undefined) {
    console.log("  does not fail when it is run again: the simulator itself is not deterministic");
    return {};
  }
  const size = sizeOf(scenario);
  const rest = isMinimal ? "" : ", and more may go";
  console.log(
    `  shrunk from ${sizeText(sizeOf(drawn))} to ${sizeText(size)} in ${runs} runs${rest}`,
  );
  const file = isSaved ? save(sim, { seed, oracle }, shrunk) : undefined;
  tellScenario(sim, scenario, { lines: shownLines, command: commandOf({ seed, file, limits }) });
  if (file !== undefined) console.log(`Saved as ${file}; in full: ${commandOf({ seed, limits })}`);
  return { shrunk: { ...size, runs }, ...(file === undefined ? {} : { file }) };
}

function save(sim, { seed, oracle }, { scenario, violation }) {
  const name = oracle.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  const path = join(scenariosFolder, `${name}-seed-${seed}.json`);
  const { message } = violation;
  const found = { seed, oracle, message };
  writeFileSync(path, sim.encodeSavedScenario({ title: message, found, scenario }));
  run(bin("biome"), ["format", "--write", path], { stdio: "ignore" });
  return relative(root, path);
}

/** A file, by its path or by its name among those that are kept. Throws when it is none. */
export function readScenario(sim, word) {
  const path =
    word === basename(word, ".json") ? join(scenariosFolder, `${word}.json`) : resolve(word);
  const decoded = sim.decodeSavedScenario(readFileSync(path, "utf8"));
  if (decoded.kind === "malformed") throw new Error(`${path}: ${decoded.reason}`);
  return { saved: decoded.saved, file: relative(root, path) };
}

function sizeOf({ faults, operations, servers }) {
  return { faults: faults.length, operations: operations.length, servers: servers.length };
}

function sizeText({ faults, operations, servers }) {
  return `${faults} faults, ${operations} operations and ${servers} servers`;
}
