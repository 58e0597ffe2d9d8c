// `npm run sim -- --traps [T5 T7 ...]`: brings the known bugs back, one at a time, and lets the
// simulator find them.
//
//   --seeds A..B     instead of the seeds that each trap states
//   --jobs J         threads, 2 at most
//   --write          also writes the table in docs/testing.md
//
// A seed counts only if it is clean while the switch is off: the bug must be what was found.
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { bin, root, run } from "./setup.mjs";
import { buildTrapped, groupTraps, readTraps } from "./trapped-build.mjs";

const here = fileURLToPath(import.meta.url);
const jobsMax = 2;
/** A run with more events than this goes round in circles. */
const eventsMax = 500_000;
/** A trap whose runs take longer altogether is given up. */
const trapMs = 120_000;
/** A test that takes longer is given up. */
const testMs = 60_000;
const testing = join(root, "docs", "testing.md");
const tableMarks = ["<!-- traps: begin -->", "<!-- traps: end -->"];

if (!isMainThread && workerData?.job === "traps") await work();

/**
 * Springs the traps with these ids, or all. Returns what became of each, in the order of the traps:
 * `seeds` to catch it and the `oracle` that did, or a `failure`.
 */
export async function springTraps({ ids = [], seeds, jobs = jobsMax, home }, onRow = () => {}) {
  const all = readTraps();
  const unknown = ids.find((id) => !all.some((trap) => trap.id === id));
  if (unknown !== undefined) throw new Error(`there is no trap "${unknown}"`);
  const wanted = all.filter(({ id }) => ids.length === 0 || ids.includes(id));
  groupTraps(all); // Also those that nobody asked for have to fit.
  const built = buildTrapped(wanted, home);
  const rows = new Map();
  const take = (row) => {
    rows.set(row.id, row);
    onRow(row);
  };
  const switched = wanted.filter((trap) => trap.test === undefined);
  await springSwitched(switched, { built, seeds, jobs }, take);
  const tested = wanted.filter((trap) => trap.test !== undefined);
  for (const trap of tested) take(springTested(trap, built.get(trap.id)?.copy ?? root));
  return wanted.map(({ id }) => rows.get(id));
}

/** Threads take one trap after the other. */
async function springSwitched(traps, { built, seeds, jobs }, take) {
  const queue = [...traps];
  const springNext = async () => {
    for (let trap = queue.shift(); trap !== undefined; trap = queue.shift()) {
      take(await springInThread(trap, { ...built.get(trap.id), seeds }));
    }
  };
  const threads = Math.min(jobs, jobsMax, traps.length);
  await Promise.all(Array.from({ length: threads }, springNext));
}

function springInThread(trap, { entry, switchPath, seeds }) {
  return new Promise((resolve) => {
    const data = { job: "traps", trap, entry, switchPath, seeds };
    const worker = new Worker(here, { workerData: data });
    const end = (outcome) => {
      clearTimeout(timer);
      resolve({ ...factsOf(trap), ...outcome });
      void worker.terminate();
    };
    const timer = setTimeout(() => end({ failure: `not over after ${trapMs} ms` }), trapMs);
    worker.on("message", end);
    worker.on("error", (error) => end({ failure: `${error.name}: ${error.message}` }));
  });
}

function factsOf({ id, title, seeds, world, test }) {
  return { id, title, limit: seeds, world, test };
}

/** In a thread: seed after seed, until one shows the bug. */
async function work() {
  const { trap, entry, switchPath, seeds } = workerData;
  const sim = await import(pathToFileURL(entry).href);
  const { openTrap } = await import(pathToFileURL(switchPath).href);
  const [from, to] = seeds ?? [1, trap.seeds];
  const startedAtMs = performance.now();
  const unclean = [];
  let found;
  for (let seed = from; seed <= to && found === undefined; seed++) {
    const { violation, simulatedMs } = runWith(sim, openTrap, trap, seed);
    if (violation === undefined) continue;
    if (runWith(sim, openTrap, { ...trap, id: "" }, seed).violation !== undefined) {
      unclean.push(seed);
      continue;
    }
    const { oracle, message } = violation;
    found = { seed, seeds: seed - from + 1, oracle, message, simulatedMs };
  }
  const wallSeconds = (performance.now() - startedAtMs) / 1000;
  const failure = found === undefined ? { failure: `not caught by seeds ${from}..${to}` } : {};
  parentPort.postMessage({ ...found, ...failure, wallSeconds, unclean });
}

function runWith({ drawScenario, runScenario }, openTrap, { id, world, isRepeated }, seed) {
  openTrap(id);
  const scenario = drawScenario(seed, { needs: world });
  const result = runScenario(scenario, { untilEvent: eventsMax });
  if (result.violation !== undefined) return result;
  if (result.events >= eventsMax) {
    const message = `${eventsMax} events, and no end`;
    return { ...result, violation: { oracle: "endless", message } };
  }
  if (!isRepeated || runScenario(scenario, { untilEvent: eventsMax }).hash === result.hash) {
    return result;
  }
  const message = "the same run is another one when it is run again";
  return { ...result, violation: { oracle: "determinism", message } };
}

/** A trap that a test springs: it passes while the switch is off, and fails while it is on. */
function springTested(trap, copy) {
  const [, file, name] = /^(\S+\.test\.ts): (.+)$/.exec(trap.test) ?? [];
  const facts = factsOf(trap);
  if (file === undefined) return { ...facts, failure: `"${trap.test}" names no test` };
  const output = join(copy, file.replace("/test/", "/dist/test/").replace(/\.ts$/, ".js"));
  const startedAtMs = performance.now();
  const result = runTest(output, name, "");
  const isSprung = trap.edits.length === 0 || runTest(output, name, trap.id) === "failed";
  const wallSeconds = (performance.now() - startedAtMs) / 1000;
  if (result === "absent") return { ...facts, failure: `${file} has no "${name}"` };
  if (result === "failed") return { ...facts, failure: `${file} fails without it: "${name}"` };
  if (!isSprung) return { ...facts, failure: `${file} passes all the same: "${name}"` };
  return { ...facts, wallSeconds };
}

/** Runs one test of a compiled file, with the trap `id` open. */
function runTest(output, name, id) {
  const pattern = `^${name.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&")}$`;
  const open = `data:text/javascript,globalThis.openTrap=${JSON.stringify(id)}`;
  const reporter = ["--test-reporter", "tap", "--test-name-pattern", pattern];
  const { stdout } = spawnSync(process.execPath, ["--import", open, ...reporter, output], {
    cwd: root,
    encoding: "utf8",
    timeout: testMs,
  });
  for (const line of stdout.split("\n")) {
    const [, not, title, skipped] = /^ *(not )?ok \d+ - (.*?)( # SKIP.*)?$/.exec(line) ?? [];
    if (title === name && skipped === undefined) return not === undefined ? "passed" : "failed";
  }
  return "absent";
}

/** The whole of `--traps`; returns the exit code. */
export async function traps({ ids, seeds, jobs, isBuilt, isWritten }) {
  // A test without a switch is one of the tree itself.
  if (!isBuilt) run(process.execPath, [bin("tsc"), "-b", join("packages", "consensus")]);
  const startedAtMs = performance.now();
  const rows = await springTraps({ ids, seeds, jobs }, (row) => console.log(textOf(row)));
  if (isWritten) writeTable(rows);
  const caught = rows.filter(({ failure }) => failure === undefined).length;
  const wallSeconds = Math.round(performance.now() - startedAtMs) / 1000;
  console.log(JSON.stringify({ traps: rows.length, caught, wallSeconds }));
  return caught === rows.length ? 0 : 1;
}

function textOf({ id, title, test, failure, seed, seeds, oracle, simulatedMs, ...row }) {
  const unclean = row.unclean?.length > 0 ? `, not clean without it: ${row.unclean.join(" ")}` : "";
  const wall = row.wallSeconds === undefined ? "" : ` in ${row.wallSeconds.toFixed(1)} s`;
  const head = `${id.padEnd(5)} ${title}`;
  if (failure !== undefined) return `${head}\n      FAILED${wall}: ${failure}${unclean}`;
  if (test !== undefined) return `${head}\n      by a test${wall}: ${test}`;
  const when = `${(simulatedMs / 1000).toFixed(1)} s simulated`;
  return `${head}\n      by ${oracle}, seed ${seed} (${seeds} of ${row.limit}), ${when}${wall}${unclean}\n      ${row.message}`;
}

/** The rows as a table of markdown, between the marks of docs/testing.md. Other rows there stay. */
function writeTable(rows) {
  const text = readFileSync(testing, "utf8");
  const [begin, end] = tableMarks.map((mark) => text.indexOf(mark));
  if (begin < 0 || end < begin) throw new Error(`${testing} lacks ${tableMarks.join(" ... ")}`);
  const lines = new Map();
  for (const line of text.slice(begin, end).split("\n")) {
    const [, id] = /^\| (T\d+[a-z]?) \|/.exec(line) ?? [];
    if (id !== undefined) lines.set(id, line);
  }
  for (const row of rows) lines.set(row.id, tableLine(row));
  const table = [
    "| Trap | The bug | Caught by | Seeds | Simulated |",
    "|------|---------|-----------|-------|-----------|",
    ...readTraps().flatMap(({ id }) => lines.get(id) ?? []),
  ].join("\n");
  const head = text.slice(0, begin + tableMarks[0].length);
  writeFileSync(testing, `${head}\n${table}\n${text.slice(end)}`);
}

function tableLine({ id, title, test, oracle, seeds, limit, simulatedMs, failure }) {
  const cells = [id, title];
  if (failure !== undefined) cells.push("not caught", "", "");
  else if (test !== undefined) cells.push(`test: ${test.replace(/^packages\//, "")}`, "", "");
  else cells.push(oracle, `${seeds} of ${limit}`, `${(simulatedMs / 1000).toFixed(1)} s`);
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
}
