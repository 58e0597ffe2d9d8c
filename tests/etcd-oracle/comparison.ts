/** Sends what was recorded, or made up, to a fresh server of this repository and says what differs. */
import { knownDifferences } from "./known-differences.ts";
import { type Difference, readRecording, replay, requestCount, runScript } from "./recording.ts";
import { startServer } from "./servers.ts";
import type { Step } from "./session.ts";
import { randomSuite } from "./suites.ts";

/** How a run came out. */
export interface Comparison {
  readonly name: string;
  readonly requests: number;
  readonly differences: readonly Difference[];
}

/** Compares with a recording. */
export function compareRecorded(name: string): Promise<Comparison> {
  const { flags, steps } = readRecording(name);
  return compareSteps(name, flags, steps);
}

/** Sends random requests to a real etcd, and then the same to ours. */
export async function compareLive(seed: number, requests: number): Promise<Comparison> {
  const suite = randomSuite(seed, requests);
  const etcd = await startServer("etcd", suite.flags);
  try {
    const steps = await runScript(etcd, suite.script());
    return await compareSteps(`seed ${seed}`, suite.flags, steps);
  } finally {
    await etcd.close();
  }
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
  flags: readonly string[],
  steps: readonly Step[],
): Promise<Comparison> {
  const server = await startServer("ours", flags);
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
