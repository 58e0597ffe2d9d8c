/**
 * Records anew: starts a real etcd for each suite, sends it the suite's requests, writes down what it
 * answers; and what the etcdctl of this machine prints. `node tests/dist/etcd-oracle/record.js [NAME...]`,
 * after a build.
 */
import { execFileSync } from "node:child_process";
import { findEtcdctl, walkOnce, wholeWalk, writeOutcomes } from "../etcdctl/recording.ts";
import { besideNames, recordBeside } from "./beside.ts";
import { type Recording, requestCount, runScript, writeRecording } from "./recording.ts";
import { oracleProgram } from "./servers.ts";
import { startFor } from "./setting.ts";
import { type Suite, suites } from "./suites.ts";

const program = oracleProgram();
if (program === undefined) throw new Error("no etcd 3.7: set ETCD_ORACLE to its program");
const oracle = execFileSync(program, ["--version"], { encoding: "utf8" }).split("\n")[0] ?? "";
const names = process.argv.slice(2);

function aboutOf({ about, flags, members }: Suite): Omit<Recording, "oracle" | "steps"> {
  return { about, flags, ...(members !== undefined && { members }) };
}

for (const [name, suite] of Object.entries(suites)) {
  if (names.length > 0 && !names.includes(name)) continue;
  const server = await startFor("etcd", suite);
  try {
    const steps = await runScript(server, suite.script());
    writeRecording(name, { ...aboutOf(suite), oracle, steps });
    process.stdout.write(`${name}: ${requestCount(steps)} requests\n`);
  } finally {
    await server.close();
  }
}

for (const name of besideNames) {
  if (names.length > 0 && !names.includes(name)) continue;
  process.stdout.write(`${name}: ${await recordBeside(name)} requests\n`);
}

const client = findEtcdctl();
if (client !== undefined && (names.length === 0 || names.includes("etcdctl"))) {
  const { outcomes } = await walkOnce("etcd", client, wholeWalk());
  writeOutcomes(client, outcomes);
  process.stdout.write(`etcdctl ${client.version}: ${outcomes.length} commands\n`);
}
