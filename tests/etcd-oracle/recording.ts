/** Recordings: requests of ours with the answers of a real etcd, as files with one step per line. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { repository } from "../harness/index.ts";
import type { Json } from "./protobuf.ts";
import type { RunningServer } from "./servers.ts";
import { type Request, Session, type Step } from "./session.ts";

/** What was asked of one fresh server, in order. */
export interface Recording {
  readonly about: string;
  /** The version of the one that answered. */
  readonly oracle: string;
  /** etcd's flags that the server was started with. */
  readonly flags: readonly string[];
  /** How many founded the cluster; 1 when it is not said. */
  readonly members?: number;
  readonly steps: readonly Step[];
}

/** A step that was answered otherwise than recorded. */
export interface Difference {
  readonly recording: string;
  readonly step: number;
  readonly expected: Step;
  readonly actual: Step;
}

/** The requests of a run, made up as it goes: what is yielded is answered by the step. */
export type Script = Generator<Request, void, Step>;

/** The head in the first line, then a step in each. */
const extension = ".jsonl";
const folder = join(repository, "tests", "etcd-oracle", "recorded");

/** Names of what is recorded. */
export function recordedNames(): readonly string[] {
  const files = readdirSync(folder).filter((file) => file.endsWith(extension));
  return files.map((file) => file.slice(0, -extension.length)).toSorted();
}

export function readRecording(name: string): Recording {
  const text = readFileSync(join(folder, name + extension), "utf8");
  const [head, ...steps] = text.trim().split("\n");
  return {
    ...(JSON.parse(head ?? "") as Omit<Recording, "steps">),
    steps: steps.map((line) => JSON.parse(line) as Step),
  };
}

export function writeRecording(name: string, recording: Recording): void {
  const { steps, ...head } = recording;
  const lines = [head, ...steps].map((line) => JSON.stringify(line));
  writeFileSync(join(folder, name + extension), `${lines.join("\n")}\n`);
}

/** Runs a script against a server and returns what happened. */
export async function runScript(server: RunningServer, script: Script): Promise<readonly Step[]> {
  const session = new Session(server);
  const steps: Step[] = [];
  try {
    let next = await script.next();
    while (!next.done) {
      const step = await session.run(next.value);
      steps.push(step);
      next = await script.next(step);
    }
  } finally {
    session.close();
  }
  return steps;
}

/** Sends a recording's requests to another server and compares what it answers. */
export async function replay(
  server: RunningServer,
  recording: string,
  steps: readonly Step[],
): Promise<readonly Difference[]> {
  const session = new Session(server);
  const differences: Difference[] = [];
  try {
    for (const [index, expected] of steps.entries()) {
      const actual = await session.run(requestOf(expected), expected);
      for (const [want, have] of pairsOf(expected, actual)) {
        if (alike(want, have)) continue;
        differences.push({ recording, step: index + 1, expected: want, actual: have });
      }
    }
  } finally {
    session.close();
  }
  return differences;
}

/** Both sides of a step, or of each that was sent together. */
function pairsOf(expected: Step, actual: Step): readonly (readonly [Step, Step])[] {
  const { steps } = expected;
  if (steps === undefined) return [[expected, actual]];
  return steps.map((step, at) => [step, actual.steps?.[at] ?? requestOf(step)]);
}

function requestOf(step: Step): Request {
  const { answer: _1, answers: _2, error: _3, steps: _4, ...request } = step;
  return request as Request;
}

/** Equal, but for some seconds more or less of what is left of a lease: of a long one, many. */
function alike(expected: Step, actual: Step): boolean {
  if (isDeepStrictEqual(plain(expected), plain(actual))) return true;
  if (!("call" in expected) || expected.call !== "Lease/LeaseTimeToLive") return false;
  const [want, have] = [secondsOf(expected), secondsOf(actual)];
  return (
    Math.abs(want - have) <= Math.max(1, want / 5) &&
    isDeepStrictEqual({ ...plain(expected).answer, TTL: 0 }, { ...plain(actual).answer, TTL: 0 })
  );
}

/** As a file would hold it. */
function plain(step: Step): Step {
  return JSON.parse(JSON.stringify(step)) as Step;
}

function secondsOf(step: Step): number {
  const ttl: Json | undefined = step.answer?.["TTL"];
  return typeof ttl === "number" ? ttl : 0;
}

/** How many requests a run has sent. */
export function requestCount(steps: readonly Step[]): number {
  const count = (step: Step): number => {
    if ("together" in step) return step.together.length;
    return "call" in step || "send" in step ? 1 : 0;
  };
  return steps.reduce((sum, step) => sum + count(step), 0);
}
