/**
 * Runs every command of etcdctl against three members with TLS, compares what it prints with what it
 * prints against a real etcd, and says how many did what: `node tests/dist/etcdctl/main.js`.
 *
 * `record` asks the real one anew; `live` asks both now; `measurements` adds `check perf`, which
 * takes a minute. `ETCDCTL` names the program, `ETCD_ORACLE` the real etcd.
 */
import {
  differencesOf,
  findEtcdctl,
  readOutcomes,
  walkOnce,
  wholeWalk,
  writeOutcomes,
} from "./recording.ts";
import { measurements } from "./walks/maintenance.ts";

const client = findEtcdctl();
if (client === undefined) throw new Error("no etcdctl: set ETCDCTL to its program");
const words = process.argv.slice(2);
const print = (text: string): boolean => process.stdout.write(`${text}\n`);

if (words.includes("record")) {
  const { outcomes } = await walkOnce("etcd", client, wholeWalk());
  writeOutcomes(client, outcomes);
  print(`${client.version}: ${outcomes.length} commands recorded`);
} else {
  const expected = words.includes("live")
    ? (await walkOnce("etcd", client, wholeWalk())).outcomes
    : readOutcomes(client);
  if (expected === undefined) throw new Error(`etcdctl ${client.version} was never recorded`);
  const { outcomes, lacking } = await walkOnce("ours", client, wholeWalk());
  for (const command of lacking) print(`not in etcdctl ${client.version}: ${command}`);
  const differences = differencesOf(expected, outcomes);
  for (const { recorded, actual } of differences) {
    print(`etcd: ${JSON.stringify(recorded)}\nours: ${JSON.stringify(actual)}`);
  }
  if (words.includes("measurements")) {
    const measured = await walkOnce("ours", client, measurements(), []);
    for (const { command, code, stdout } of measured.outcomes) {
      print(`${command}: ended with ${code}${stdout.slice(stdout.indexOf("\n"))}`);
    }
  }
  const total = { etcdctl: client.version, commands: outcomes.length };
  print(JSON.stringify({ ...total, lacking: lacking.length, differences: differences.length }));
  process.exitCode = differences.length === 0 ? 0 : 1;
}
