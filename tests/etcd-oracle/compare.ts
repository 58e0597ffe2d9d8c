/**
 * Compares this repository with what was recorded, and says each difference.
 * `node tests/dist/etcd-oracle/compare.js [NAME...]`; with `--live A..B REQUESTS` random requests of
 * these seeds go to a real etcd, and then to ours; with `--live NAME...` what is recorded. Where there is
 * no etcd 3.7 a live comparison says so, and is done.
 */
import {
  differencesOf,
  findEtcdctl,
  readOutcomes,
  walkOnce,
  wholeWalk,
} from "../etcdctl/recording.ts";
import { besideNames, compareBeside } from "./beside.ts";
import {
  type Comparison,
  compareLive,
  compareRecorded,
  compareSuite,
  describeDifference,
  unexpectedOf,
} from "./comparison.ts";
import { knownDifferences } from "./known-differences.ts";
import { recordedNames } from "./recording.ts";
import { oracleProgram } from "./servers.ts";

const total = { requests: 0, differences: 0, unexpected: 0 };

function report(comparison: Comparison): void {
  const { name, requests, differences } = comparison;
  const unexpected = unexpectedOf(comparison);
  for (const difference of differences) process.stdout.write(`${describeDifference(difference)}\n`);
  const known = differences.length - unexpected.length;
  process.stdout.write(
    `${name}: ${requests} requests, ${unexpected.length} differences, ${known} known\n`,
  );
  count(requests, differences.length, unexpected.length);
}

/** What etcdctl prints, command by command, where there is one that was recorded. */
async function reportEtcdctl(): Promise<void> {
  const client = findEtcdctl();
  const recorded = client && readOutcomes(client);
  if (client === undefined || recorded === undefined) {
    process.stdout.write("etcdctl: there is none that was recorded\n");
    return;
  }
  const { outcomes } = await walkOnce("ours", client, wholeWalk());
  const differences = differencesOf(recorded, outcomes);
  for (const difference of differences) process.stdout.write(`${JSON.stringify(difference)}\n`);
  const { length } = outcomes;
  process.stdout.write(
    `etcdctl ${client.version}: ${length} commands, ${differences.length} differences\n`,
  );
  count(length, differences.length);
}

async function reportBeside(name: string): Promise<void> {
  const { requests, differences } = await compareBeside(name);
  for (const difference of differences) process.stdout.write(`${difference}\n`);
  process.stdout.write(`${name}: ${requests} requests, ${differences.length} differences\n`);
  count(requests, differences.length);
}

function count(requests: number, differences: number, unexpected: number = differences): void {
  total.requests += requests;
  total.differences += differences;
  total.unexpected += unexpected;
}

async function reportLive(names: readonly string[]): Promise<void> {
  if (oracleProgram() === undefined) {
    process.stdout.write("live: there is no etcd 3.7 here; ETCD_ORACLE names its program\n");
    return;
  }
  const [what = "1", requests = "1000"] = names;
  const [first = "1", last = first] = what.split("..");
  if (/^\d/.test(what)) {
    for (let seed = Number(first); seed <= Number(last); seed++) {
      report(await compareLive(seed, Number(requests)));
    }
  } else for (const name of names) report(await compareSuite(name));
}

const words = process.argv.slice(2);
const isAsked = (name: string): boolean => words.length === 0 || words.includes(name);
if (words[0] === "--live") await reportLive(words.slice(1));
else {
  for (const name of recordedNames()) if (isAsked(name)) report(await compareRecorded(name));
  for (const name of besideNames) if (isAsked(name)) await reportBeside(name);
  if (isAsked("etcdctl")) await reportEtcdctl();
}
for (const { recording, reason } of knownDifferences) {
  process.stdout.write(`known in ${recording}: ${reason}\n`);
}
process.stdout.write(`${JSON.stringify(total)}\n`);
process.exitCode = total.unexpected === 0 ? 0 : 1;
