/**
 * `npm run bench -- etcd [WORD...]`: our members against every etcd that is found, on this machine and disk.
 *
 * Three members of each program in turn, each row loaded by the same foreign generator; the number of
 * a row is the median of its rounds. Rows whose name has one of the words, or all. The programs:
 * `etcd` on the PATH, and those in ETCD_PROGRAMS (paths, by colons); etcd's `benchmark` by ETCD_BENCHMARK
 * or on the PATH; `h2load` on the PATH. BENCH_ROUNDS (3) rounds.
 */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { repository, which } from "@flotilla/tests";
import { type Bench, mixedRateMax, type Row, rows } from "./rows.ts";
import { measureStart } from "./start.ts";
import { type Program, Trio } from "./trio.ts";

const rounds = Number(process.env["BENCH_ROUNDS"] ?? 3);

/** For so long a member shows how late its event loop was. */
const loopDelayMemoryMs = 60_000;

const flotilla: Program = {
  name: "flotilla",
  command: [process.execPath, join(repository, "packages/cli/bin/flotilla.js"), "member"],
};

interface Measured {
  readonly row: Row;
  /** Of each program, by its name, in rounds. */
  readonly values: Map<string, number[]>;
  /** Of ours, see {@link Trio.loopDelayMs}: with start and warm-up, and when nothing else was for long. */
  loopDelayMs?: { readonly atFirst: number; readonly warm: number };
}

export async function etcd(words: readonly string[]): Promise<void> {
  const etcds = findEtcds();
  if (etcds.length === 0) {
    process.stderr.write("No etcd was found: put one on the PATH, or set ETCD_PROGRAMS.\n");
    return;
  }
  const benchmark = process.env["ETCD_BENCHMARK"] ?? which("benchmark");
  const isAsked = ({ name }: { readonly name: string }) =>
    words.length === 0 || words.some((word) => name.includes(word));
  const table = rows.filter(isAsked).map((row): Measured => ({ row, values: new Map() }));
  const bench: Bench = { benchmark, mixedRate: await mixedRate(etcds, benchmark, table) };
  for (let round = 0; round < rounds; round++) {
    for (const measured of table) {
      // One after the other: machines are faster at one time than at another.
      for (const program of [flotilla, ...etcds]) await measure(program, bench, measured);
    }
  }
  const lines = table.map(compare);
  if (benchmark !== undefined && isAsked({ name: "start" })) {
    lines.push(...(await compareStart([flotilla, ...etcds], benchmark)));
  }
  for (const line of lines) process.stdout.write(`${textOf(line)}\n`);
  process.stdout.write(`${JSON.stringify({ benchmark: "etcd", rows: lines })}\n`);
}

function findEtcds(): readonly Program[] {
  const found = (process.env["ETCD_PROGRAMS"] ?? "").split(":").filter((path) => path !== "");
  const onPath = which("etcd");
  if (onPath !== undefined) found.push(onPath);
  return [...new Set(found)].map((path) => {
    const version = execFileSync(path, ["--version"], { encoding: "utf8" });
    return { name: `etcd ${/Version: (\S+)/.exec(version)?.[1]}`, command: [path] };
  });
}

/** The better etcd's own maximum, from which the rate of the mixed load is taken. */
async function mixedRate(
  etcds: readonly Program[],
  benchmark: string | undefined,
  table: readonly Measured[],
): Promise<number> {
  if (!table.some(({ row }) => row.name.startsWith("mixed"))) return 0;
  const rates: number[] = [];
  for (const program of etcds) {
    const trio = await Trio.start(program);
    try {
      rates.push(await mixedRateMax(trio, { benchmark, mixedRate: 0 }));
    } finally {
      await trio.stop();
    }
  }
  return Math.max(...rates);
}

async function measure(program: Program, bench: Bench, measured: Measured): Promise<void> {
  const { row, values } = measured;
  const trio = await Trio.start(program);
  try {
    const value = await row.measure(trio, bench);
    process.stderr.write(`${program.name}, ${row.name}: ${value.toFixed(1)} ${row.unit}\n`);
    values.set(program.name, [...(values.get(program.name) ?? []), value]);
    if (program === flotilla) measured.loopDelayMs ??= await loopDelayMs(trio, row, bench);
  } finally {
    await trio.stop();
  }
}

/** The load goes on until the members have forgotten their start and its warm-up. */
async function loopDelayMs(trio: Trio, row: Row, bench: Bench) {
  const atFirst = await trio.loopDelayMs();
  const end = performance.now() + loopDelayMemoryMs;
  while (performance.now() < end) await row.measure(trio, bench);
  return { atFirst, warm: await trio.loopDelayMs() };
}

interface Line {
  readonly name: string;
  readonly unit: string;
  readonly ours: number;
  readonly etcds: Readonly<Record<string, number>>;
  readonly ratio: number;
  readonly ratioAtLeast: number;
  readonly loopDelayMs?: Measured["loopDelayMs"];
}

function compare({ row, values, loopDelayMs }: Measured): Line {
  const medians = new Map([...values].map(([name, all]) => [name, median(all)]));
  const ours = medians.get(flotilla.name) ?? Number.NaN;
  medians.delete(flotilla.name);
  return { ...lineOf(row, ours, Object.fromEntries(medians)), loopDelayMs };
}

function lineOf(
  row: Pick<Row, "name" | "unit" | "ratioAtLeast" | "isLessBetter">,
  ours: number,
  etcds: Readonly<Record<string, number>>,
): Line {
  const { name, unit, ratioAtLeast, isLessBetter } = row;
  const theirs = Object.values(etcds);
  const ratio = isLessBetter ? Math.min(...theirs) / ours : ours / Math.max(...theirs);
  return { name, unit, ours, etcds, ratio, ratioAtLeast };
}

async function compareStart(programs: readonly Program[], benchmark: string): Promise<Line[]> {
  const seconds: Record<string, number> = {};
  const memory: Record<string, number> = {};
  for (const program of programs) {
    const measured = await measureStart(program, benchmark);
    seconds[program.name] = measured.seconds;
    memory[program.name] = measured.memoryMb;
  }
  const split = ({ [flotilla.name]: ours = Number.NaN, ...etcds }: Record<string, number>) =>
    [ours, etcds] as const;
  const start = { name: "start on 1,000,000 keys of 256 B to the first answered read" };
  return [
    lineOf({ ...start, unit: "s", ratioAtLeast: 5, isLessBetter: true }, ...split(seconds)),
    lineOf(
      { name: "memory after that start", unit: "MB", ratioAtLeast: 3, isLessBetter: true },
      ...split(memory),
    ),
  ];
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

function textOf({ name, unit, ours, etcds, ratio, ratioAtLeast, loopDelayMs }: Line): string {
  const late =
    loopDelayMs === undefined
      ? ""
      : `; event loop late by ${loopDelayMs.warm.toFixed(0)} ms, at first ${loopDelayMs.atFirst.toFixed(0)}`;
  const theirs = Object.entries(etcds).map(([etcd, value]) => `${etcd} ${value.toFixed(1)}`);
  return `${name}: ${ours.toFixed(1)} ${unit} (${theirs.join(", ")}); ratio ${ratio.toFixed(2)}, at least ${ratioAtLeast}${late}`;
}
