/**
 * Disturbs one member after the other: kills it, tells it to end, or stops it for three seconds; the
 * leader every other time.
 *
 * The last of them is only ever stopped: memory that grows over half an hour is not seen in processes
 * that are a minute old.
 */
import type { Prng } from "@flotilla/base";
import type { EtcdClient } from "@flotilla/client/etcd";
import type { MemberProcesses } from "../harness/member-processes.ts";
import { until } from "../harness/wait.ts";
import type { Ledger } from "./ledger.ts";

const pausedMs = 3_000;
/** A member that was started again answers within this time. */
const backMs = 60_000;

export interface FaultParts {
  readonly members: MemberProcesses;
  readonly names: readonly string[];
  readonly client: EtcdClient;
  readonly random: Prng;
  readonly ledger: Ledger;
  say(line: string): void;
}

export class Faults {
  readonly #parts: FaultParts;
  #count = 0;

  constructor(parts: FaultParts) {
    this.#parts = parts;
  }

  async run(everyMs: number, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await pause(everyMs, signal);
      if (!signal.aborted) await this.#disturb();
    }
  }

  async #disturb(): Promise<void> {
    const { members, random, ledger, say } = this.#parts;
    const leader = await this.#leader();
    const name = this.#count++ % 2 === 0 ? leader : random.pick(this.#others(leader));
    const kind = this.#kindFor(name);
    ledger.count(kind);
    ledger.disturbances.push(ledger.nowMs);
    say(`${kind} ${name}${name === leader ? ", the leader" : ""}`);
    if (kind === "stop") {
      members.signal(name, "SIGSTOP");
      await pause(pausedMs);
      members.signal(name, "SIGCONT");
    } else {
      if (kind === "kill") await members.kill(name);
      else await this.#terminate(name);
      await pause(random.between(200, 3000));
      members.start(name);
    }
    await this.#isBack(name);
    ledger.disturbances.push(ledger.nowMs);
  }

  #kindFor(name: string): "kill" | "stop" | "terminate" {
    if (name === this.#parts.names.at(-1)) return "stop";
    const draw = this.#parts.random.below(10);
    if (draw < 6) return "kill";
    return draw < 8 ? "terminate" : "stop";
  }

  #others(leader: string): readonly string[] {
    return this.#parts.names.filter((name) => name !== leader);
  }

  async #terminate(name: string): Promise<void> {
    const { members } = this.#parts;
    members.signal(name, "SIGTERM");
    await until(`the end of ${name}`, 15_000, () => members.hasEnded(name));
  }

  async #leader(): Promise<string> {
    const { names } = this.#parts;
    return until("a leader", backMs, async () => {
      const all = await Promise.all(names.map((name) => this.#status(name)));
      const at = all.findIndex(
        (status) => status !== undefined && status.leaderId === status.header.memberId,
      );
      return names[at];
    });
  }

  async #isBack(name: string): Promise<void> {
    const { ledger } = this.#parts;
    await until(`${name} to be back`, backMs, async () => {
      const status = await this.#status(name);
      return (status?.leaderId ?? 0n) !== 0n;
    }).catch((error: unknown) => ledger.broken(String(error)));
  }

  #status(name: string) {
    const { client, members } = this.#parts;
    return client.maintenance
      .status({ endpoint: members.clientUrl(name), timeoutMs: 2000 })
      .catch(() => undefined);
  }
}

/** Sleeps, unless it is over before. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    signal?.addEventListener("abort", done, { once: true });
    function done(): void {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    }
  });
}
