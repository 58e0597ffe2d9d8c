/** Waiting on conditions: every wait has a deadline and says what it waited for. */
import { setTimeout as sleep } from "node:timers/promises";

const pollMs = 25;

/** Asks until the answer is neither undefined nor false; throws after `timeoutMs` with the last answer or error. */
export async function until<T>(
  what: string,
  timeoutMs: number,
  ask: () => Promise<T | undefined | false> | T | undefined | false,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  let last: unknown;
  for (;;) {
    try {
      const answer = await ask();
      if (answer !== undefined && answer !== false) return answer;
      last = answer;
    } catch (error) {
      last = error;
    }
    if (performance.now() > deadline) {
      throw new Error(`waited ${timeoutMs} ms in vain for: ${what}`, { cause: last });
    }
    await sleep(pollMs);
  }
}
