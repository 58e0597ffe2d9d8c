// Runs a range of seeds on several threads, and adds up what they find.
//
// A run whose events never end is over at its limit of them; one that goes round in a loop within one
// event is not. So whoever stands at one seed for too long is ended, the seed is named as a violation,
// and another thread goes on behind it.
import { fileURLToPath } from "node:url";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";

const here = fileURLToPath(import.meta.url);
/** Wall time for one seed; nearly all take less than a second. */
const seedMsMax = 60_000;
/** Looks at a thread in that time. */
const looks = 60;

if (!isMainThread && workerData?.job === "seeds") await work();

/** What runs of a range add up to. */
export function emptySum() {
  return {
    seeds: 0,
    events: 0,
    simulatedSeconds: 0,
    wallSeconds: 0,
    unjudged: 0,
    faults: {},
    histories: { operations: 0, acknowledged: 0, watches: 0, leases: 0, revisions: 0 },
    violations: [],
  };
}

/** Adds what came of one seed. */
export function addRun(sum, seed, result) {
  sum.seeds++;
  sum.events += result.events;
  sum.simulatedSeconds += result.simulatedMs / 1000;
  addCounts(sum.faults, result.faults);
  const { operations, watches, leases, store } = result.histories;
  if (result.unjudgedKey !== undefined) sum.unjudged++;
  addCounts(sum.histories, {
    operations: operations.length,
    acknowledged: operations.filter((operation) => operation.returnedAt).length,
    watches: watches.length,
    leases: leases.length,
    revisions: store.revisions.length,
  });
  if (result.violation !== undefined) sum.violations.push({ seed, ...result.violation });
}

function addSum(sum, other) {
  for (const name of ["seeds", "events", "simulatedSeconds", "unjudged"]) sum[name] += other[name];
  for (const part of ["faults", "histories"]) addCounts(sum[part], other[part]);
  sum.violations.push(...other.violations);
}

function addCounts(counts, more) {
  for (const [name, count] of Object.entries(more)) counts[name] = (counts[name] ?? 0) + count;
}

/**
 * Runs `from` to `to` on `jobs` threads; `entry` is the simulator's module. The sum counts every seed,
 * also those that came to no end.
 */
export async function runRange(entry, { from, to, jobs, patienceMs = seedMsMax, ...options }) {
  const sum = emptySum();
  const step = Math.min(jobs, to - from + 1);
  const shares = Array.from({ length: step }, (_, job) => ({ from: from + job, to, step }));
  await Promise.all(shares.map((share) => runShare(sum, share, { entry, patienceMs, ...options })));
  sum.violations.sort((left, right) => left.seed - right.seed);
  return sum;
}

/** One thread after the other, each from behind the seed at which the one before was lost. */
async function runShare(sum, { from, to, step }, options) {
  for (let next = from; next <= to; next += step) {
    const { done, reason } = await runThread(sum, { from: next, to, step }, options);
    next += done * step;
    if (next > to) return;
    sum.seeds++;
    sum.violations.push({ seed: next, oracle: "progress", message: reason });
  }
}

/** How many seeds were done, and why not all. */
function runThread(sum, share, { patienceMs, ...options }) {
  return new Promise((resolve, reject) => {
    const done = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
    const worker = new Worker(here, { workerData: { job: "seeds", done, ...share, ...options } });
    let reason = "its thread has ended";
    const watch = watchProgress(done, patienceMs, () => {
      reason = `no end after ${patienceMs} ms of wall time: a loop within one event, or too many events`;
      void worker.terminate();
    });
    worker.on("message", (part) => addSum(sum, part));
    worker.on("error", (error) => {
      // A loop that remembers each of its rounds.
      if (error.code === "ERR_WORKER_OUT_OF_MEMORY") reason = error.message;
      else reject(error);
    });
    worker.on("exit", () => {
      clearInterval(watch);
      resolve({ done: done[0], reason });
    });
  });
}

function watchProgress(done, patienceMs, onStuck) {
  let seen = 0;
  let sinceMs = performance.now();
  return setInterval(() => {
    const nowMs = performance.now();
    const count = Atomics.load(done, 0);
    if (count !== seen) {
      seen = count;
      sinceMs = nowMs;
    } else if (nowMs - sinceMs >= patienceMs) onStuck();
  }, patienceMs / looks);
}

/** In a thread: every `step`th seed. */
async function work() {
  const { entry, from, to, step, done, limits, untilEvent, isTwice } = workerData;
  const { drawScenario, runScenario } = await import(entry);
  const options = untilEvent === undefined ? {} : { untilEvent };
  for (let seed = from; seed <= to; seed += step) {
    const sum = emptySum();
    const result = runScenario(drawScenario(seed, limits), options);
    addRun(sum, seed, result);
    if (isTwice) {
      const { hash } = runScenario(drawScenario(seed, limits), options);
      if (hash !== result.hash) sum.violations.push(differs(seed, result, hash));
    }
    parentPort.postMessage(sum); // At once: a thread that is ended tells nothing any more.
    Atomics.add(done, 0, 1);
  }
}

/** Something besides the seed has decided a run. */
function differs(seed, { hash, simulatedMs, events }, other) {
  const message = `the same seed gave trace hash ${hash}, and then ${other}`;
  return { seed, oracle: "determinism", message, atMs: simulatedMs, event: events };
}
