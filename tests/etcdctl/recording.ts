/** What etcdctl printed against a real etcd, as files with one command per line; one for each of its versions. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Side } from "../etcd-oracle/servers.ts";
import { repository, which } from "../harness/index.ts";
import { type Outcome, smallStore, type Walk, Walker } from "./walker.ts";
import { auth } from "./walks/auth.ts";
import { keys } from "./walks/keys.ts";
import { leases } from "./walks/leases.ts";
import { maintenance } from "./walks/maintenance.ts";
import { members } from "./walks/members.ts";

/** An etcdctl. */
export interface Etcdctl {
  readonly program: string;
  /** `3.7.1`. */
  readonly version: string;
  /** Of the 3.x. */
  readonly minor: number;
}

/** A command that printed something else, or ended otherwise, than recorded. */
export interface Difference {
  readonly recorded: Outcome | undefined;
  readonly actual: Outcome | undefined;
}

const folder = join(repository, "tests", "etcdctl", "recorded");

/** The one that `ETCDCTL` names, or the first on the path. */
export function findEtcdctl(): Etcdctl | undefined {
  const program = process.env["ETCDCTL"] ?? which("etcdctl");
  if (program === undefined) return undefined;
  const env = { ...process.env, ETCDCTL_API: "3" };
  const printed = execFileSync(program, ["version"], { env, encoding: "utf8", stdio: "pipe" });
  const version = /etcdctl version: (3\.(\d+)\.\d+)/.exec(printed);
  if (version === null) throw new Error(`${program} tells no version: ${printed}`);
  return { program, version: version[1] ?? "", minor: Number(version[2]) };
}

/** Everything, in the order in which it is done. */
export function* wholeWalk(): Walk {
  yield* keys();
  yield* leases();
  yield* auth();
  yield* members();
  yield* maintenance();
}

/** Walks once. */
export async function walkOnce(
  side: Side,
  client: Etcdctl,
  walk: Walk,
  flags: readonly string[] = smallStore,
): Promise<{ outcomes: readonly Outcome[]; lacking: readonly string[] }> {
  const walker = await Walker.start(side, client, flags);
  try {
    return await walker.walk(walk);
  } catch (error) {
    throw new Error(`the walk broke off: ${walker.cluster.logs()}`, { cause: error });
  } finally {
    await walker.close();
  }
}

function fileOf({ minor }: Etcdctl): string {
  return join(folder, `etcdctl-3.${minor}.jsonl`);
}

/** What this version printed; nothing when it was never recorded. */
export function readOutcomes(client: Etcdctl): readonly Outcome[] | undefined {
  const file = fileOf(client);
  if (!existsSync(file)) return undefined;
  const lines = readFileSync(file, "utf8").trim().split("\n");
  return lines.map((line) => JSON.parse(line) as Outcome);
}

export function writeOutcomes(client: Etcdctl, outcomes: readonly Outcome[]): void {
  const lines = outcomes.map((outcome) => `${JSON.stringify(outcome)}\n`);
  writeFileSync(fileOf(client), lines.join(""));
}

/** Line by line. */
export function differencesOf(
  recorded: readonly Outcome[],
  actual: readonly Outcome[],
): readonly Difference[] {
  const length = Math.max(recorded.length, actual.length);
  return Array.from({ length }, (_, at) => ({ recorded: recorded[at], actual: actual[at] })).filter(
    ({ recorded, actual }) => JSON.stringify(recorded) !== JSON.stringify(actual),
  );
}
