/**
 * `npm run bench -- voyage`: what a user waits for, measured on a real cluster with default settings.
 *
 * Each row is run `rounds` times; the table shows minimum, median and maximum beside the promise.
 */
import { readFileSync } from "node:fs";
import { ask, EntryLoad, StoreWriter, TestCluster, until } from "@flotilla/tests";

const rounds = 3;
/** How long the customers go on after a death, so that late failures are seen. */
const aftermathMs = 8000;

interface Row {
  readonly what: string;
  readonly unit: string;
  readonly atMost: number;
  readonly values: number[];
}

const rows: Row[] = [];
function record(what: string, unit: string, atMost: number, value: number): void {
  const row = rows.find((one) => one.what === what);
  if (row === undefined) rows.push({ what, unit, atMost, values: [value] });
  else row.values.push(value);
  process.stderr.write(`${what}: ${value.toFixed(2)} ${unit}\n`);
}

const secondsSince = (startMs: number) => (performance.now() - startMs) / 1000;

/** Runs customers through one death and records how many of their requests failed after the first second. */
async function withCustomers(cluster: TestCluster, death: () => Promise<void>): Promise<void> {
  const load = new EntryLoad(cluster.record.entry, (at) =>
    at % 2 === 0 ? { path: "/" } : { path: `/items/${at % 20}`, method: "PUT", body: `${at}` },
  );
  await until("customers", 10_000, () => load.answered > 50);
  const deathMs = performance.now();
  await death();
  await until(
    "the aftermath to pass",
    aftermathMs * 2,
    () => performance.now() - deathMs > aftermathMs,
  );
  await load.stop();
  record("failed requests after the first second", "", 0, load.failuresAfter(deathMs, 1000).length);
}

async function startUp(): Promise<TestCluster> {
  const cluster = TestCluster.create();
  const manifest = await cluster.shopManifest();
  const startMs = performance.now();
  await cluster.up("--apply", manifest);
  record("up --detach to shop Ready 3/3", "s", 8, secondsSince(startMs));
  return cluster;
}

async function idleMemory(cluster: TestCluster): Promise<void> {
  const rssMb = (pid: number) =>
    Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) / 1024;
  const settledMs = performance.now() + 10_000;
  await until("the cluster to be idle", 20_000, () => performance.now() > settledMs);
  for (const { pid } of cluster.record.members)
    record("RSS of an idle member", "MB", 120, rssMb(pid));
  for (const { pid } of cluster.record.nodes) record("RSS of an idle agent", "MB", 80, rssMb(pid));
}

async function leaderDeath(cluster: TestCluster): Promise<void> {
  const leader = await cluster.leader();
  const others = await cluster.followers();
  await withCustomers(cluster, async () => {
    const writer = new StoreWriter(
      others.map(({ clientUrl }) => clientUrl),
      "bench/",
    );
    await until("puts", 10_000, () => writer.acknowledged.length > 20);
    const startMs = performance.now();
    process.kill(leader.pid, "SIGKILL");
    const before = writer.acknowledged.length;
    // The first one may have been under way; the one after it was asked of a cluster without a leader.
    await until("the next puts", 20_000, () => writer.acknowledged.length > before + 2);
    record(
      "leader killed to the next acknowledged put",
      "s",
      2,
      Math.max(secondsSince(startMs), writer.longestGapMs / 1000),
    );
    await writer.stop();
  });
  await cluster.up();
}

async function webProcessDeath(cluster: TestCluster): Promise<void> {
  const { pid } = JSON.parse((await ask(cluster.record.entry)).body);
  await withCustomers(cluster, async () => {
    const startMs = performance.now();
    process.kill(pid, "SIGKILL");
    await until("two ready pods", 5000, async () => (await cluster.readyPods("web")).length === 2);
    await until(
      "three ready pods",
      20_000,
      async () => (await cluster.readyPods("web")).length === 3,
    );
    record("web process killed to a Ready replacement", "s", 2, secondsSince(startMs));
  });
}

async function nodeDeath(cluster: TestCluster): Promise<void> {
  const db = (await cluster.readyPods("db"))[0]?.node;
  const node = (await cluster.readyPods("web")).find((pod) => pod.node !== db)?.node ?? "";
  await withCustomers(cluster, async () => {
    const startMs = performance.now();
    await cluster.command("chaos", "power-off", node);
    await replaced(cluster, node);
    record("node powered off to 3/3 Ready on the others", "s", 10, secondsSince(startMs));
  });
  await cluster.up();
}

async function databaseNodeDeath(cluster: TestCluster): Promise<void> {
  const node = (await cluster.readyPods("db"))[0]?.node ?? "";
  await withCustomers(cluster, async () => {
    const startMs = performance.now();
    await cluster.command("chaos", "power-off", node);
    await replaced(cluster, node);
    await until("db elsewhere", 30_000, async () =>
      (await cluster.readyPods("db")).some((pod) => pod.node !== node),
    );
    record("node with db powered off to all Ready on the others", "s", 10, secondsSince(startMs));
  });
  await cluster.up();
}

async function replaced(cluster: TestCluster, dead: string): Promise<void> {
  await until("three ready pods elsewhere", 30_000, async () => {
    const elsewhere = (await cluster.readyPods("web")).filter(({ node }) => node !== dead);
    return elsewhere.length === 3;
  });
}

export async function voyage(): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    const cluster = await startUp();
    try {
      await idleMemory(cluster);
      await leaderDeath(cluster);
      await webProcessDeath(cluster);
      await nodeDeath(cluster);
      await databaseNodeDeath(cluster);
    } finally {
      await cluster.close();
    }
  }
  process.stdout.write(`| what | at most | min | median | max |\n|---|---|---|---|---|\n`);
  for (const { what, unit, atMost, values } of rows) {
    const sorted = values.toSorted((a, b) => a - b);
    const show = (value: number | undefined) =>
      `${(value ?? 0).toFixed(unit === "" ? 0 : 2)} ${unit}`.trim();
    const median = sorted[Math.floor(sorted.length / 2)];
    process.stdout.write(
      `| ${what} | ${atMost} ${unit} | ${show(sorted[0])} | ${show(median)} | ${show(sorted.at(-1))} |\n`,
    );
  }
  process.stdout.write(`${JSON.stringify({ bench: "voyage", rounds, rows })}\n`);
}
