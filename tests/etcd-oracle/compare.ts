/**
 * Compares this repository with what was recorded, and says each difference.
 * `node tests/dist/etcd-oracle/compare.js [NAME...]`; with `--live A..B REQUESTS` random requests of
 * these seeds go to a real etcd, and then to ours.
 */
import {
  type Comparison,
  compareLive,
  compareRecorded,
  describeDifference,
  unexpectedOf,
} from "./comparison.ts";
import { knownDifferences } from "./known-differences.ts";
import { recordedNames } from "./recording.ts";

const total = { requests: 0, differences: 0, unexpected: 0 };

function report(comparison: Comparison): void {
  const { name, requests, differences } = comparison;
  const unexpected = unexpectedOf(comparison);
  for (const difference of differences) process.stdout.write(`${describeDifference(difference)}\n`);
  const known = differences.length - unexpected.length;
  process.stdout.write(
    `${name}: ${requests} requests, ${unexpected.length} differences, ${known} known\n`,
  );
  total.requests += requests;
  total.differences += differences.length;
  total.unexpected += unexpected.length;
}

const words = process.argv.slice(2);
if (words[0] === "--live") {
  const [first = "1", last = first] = (words[1] ?? "1").split("..");
  for (let seed = Number(first); seed <= Number(last); seed++) {
    report(await compareLive(seed, Number(words[2] ?? 1000)));
  }
} else {
  for (const name of recordedNames()) {
    if (words.length === 0 || words.includes(name)) report(await compareRecorded(name));
  }
}
for (const { recording, reason } of knownDifferences) {
  process.stdout.write(`known in ${recording}: ${reason}\n`);
}
process.stdout.write(`${JSON.stringify(total)}\n`);
process.exitCode = total.unexpected === 0 ? 0 : 1;
