/** A customer of the shop: one request after the other through the entry, each on a connection of its own. */
import { request } from "node:http";

export interface Answer {
  readonly status: number;
  readonly body: string;
}

/** One request; rejects when the connection fails or nothing comes within `timeoutMs`. */
export function ask(
  url: string,
  options: { method?: string; body?: string; timeoutMs?: number } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { method: options.method ?? "GET", agent: false }, (incoming) => {
      let body = "";
      incoming.on("data", (chunk) => {
        body += chunk;
      });
      incoming.on("error", reject);
      incoming.on("end", () => resolve({ status: incoming.statusCode ?? 0, body }));
    });
    outgoing.setTimeout(options.timeoutMs ?? 5000, () => {
      outgoing.destroy(new Error("no answer in time"));
    });
    outgoing.on("error", reject);
    outgoing.end(options.body);
  });
}

export interface Failure {
  /** Milliseconds on the monotonic clock when the request began, and when it failed. */
  readonly beganMs: number;
  readonly failedMs: number;
  readonly what: string;
}

/** A customer's patience: while db moves to another node the shop keeps its customers waiting. */
const patienceMs = 15_000;

/** Asks `path(n)` without pause and keeps every request that did not end with status 200. */
export class EntryLoad {
  answered = 0;
  readonly failures: Failure[] = [];
  #stopped = false;
  readonly #done: Promise<void>;

  constructor(
    entry: string,
    next: (at: number) => { path: string; method?: string; body?: string },
  ) {
    this.#done = this.#run(entry, next);
  }

  async #run(
    entry: string,
    next: (at: number) => { path: string; method?: string; body?: string },
  ): Promise<void> {
    for (let at = 0; !this.#stopped; at++) {
      const { path, ...options } = next(at);
      const beganMs = performance.now();
      const failure = (what: string) =>
        this.failures.push({ beganMs, failedMs: performance.now(), what });
      try {
        const { status, body } = await ask(`${entry}${path}`, {
          ...options,
          timeoutMs: patienceMs,
        });
        if (status === 200) this.answered++;
        else failure(`${status} ${body.slice(0, 200)}`);
      } catch (error) {
        failure(error instanceof Error ? error.message : String(error));
      }
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#done;
  }

  /** Failures of requests that began later than `graceMs` after the moment `deathMs`. */
  failuresAfter(deathMs: number, graceMs: number): Failure[] {
    return this.failures.filter(({ beganMs }) => beganMs > deathMs + graceMs);
  }
}
