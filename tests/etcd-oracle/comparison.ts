/** Sends what was recorded, or made up, to a fresh server of this repository and says what differs. */
import { knownDifferences } from "./known-differences.ts";
import { type Difference, readRecording, replay, requestCount, runScript } from "./recording.ts";
import type { Step } from "./session.ts";
import { type Setting, startFor } from "./setting.ts";
import { randomSuite, type Suite, suites } from "./suites.ts";

/** How a run came out. */
export interface Comparison {
  readonly name: string;
  readonly requests: number;
  readonly differences: readonly Difference[];
}

/** Compares with a recording. */
export function compareRecorded(name: string): Promise<Comparison> {
  const { flags, members = 1, steps } = readRecording(name);
  return compareSteps(name, { flags, members }, steps);
}

/** Sends random requests to a real etcd, and then the same to ours. */
export function compareLive(seed: number, requests: number): Promise<Comparison> {
  return compareNow(`seed ${seed}`, randomSuite(seed, requests));
}

/** Sends what is recorded to a real etcd once more, and then to ours. */
export function compareSuite(name: string): Promise<Comparison> {
  const suite = suites[name];
  if (suite === undefined) throw new Error(`no suite is called ${name}`);
  return compareNow(name, suite);
}

async function compareNow(name: string, suite: Suite): Promise<Comparison> {
  const etcd = await startFor("etcd", suite);
  let steps: readonly Step[];
  try {
    steps = await runScript(etcd, suite.script());
  } finally {
    await etcd.close();
  }
  return compareSteps(name, suite, steps);
}

/** Each difference that the table does not know, as text. */
export function unexpectedOf({ differences }: Comparison): readonly string[] {
  return differences.filter((one) => !isKnown(one)).map(describeDifference);
}

function isKnown({ recording, expected, actual }: Difference): boolean {
  return knownDifferences.some(
    (known) => known.recording === recording && known.matches(expected, actual),
  );
}

async function compareSteps(
  name: string,
  setting: Setting,
  steps: readonly Step[],
): Promise<Comparison> {
  const server = await startFor("ours", setting);
  try {
    const differences = await replay(server, name, steps);
    return { name, requests: requestCount(steps), differences };
  } finally {
    await server.close();
  }
}

const shownCharacters = 1200;

/** The request and both answers. */
export function describeDifference({ recording, step, expected, actual }: Difference): string {
  const { answer, answers, error, ...request } = expected;
  const part = (value: unknown): string => JSON.stringify(value).slice(0, shownCharacters);
  return [
    `${recording} step ${step}: ${part(request)}`,
    `  etcd: ${part({ answer, answers, error })}`,
    `  ours: ${part({ answer: actual.answer, answers: actual.answers, error: actual.error })}`,
  ].join("\n");
}
