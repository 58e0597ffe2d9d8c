/**
 * Three real members at about half load, disturbed every now and then, and everything that their clients
 * were told held against what the store says and what it promises.
 */
import { setMaxListeners } from "node:events";
import { Prng } from "@flotilla/base";
import { createEtcdClient, type EtcdClient, textOf } from "@flotilla/client/etcd";
import { equalHashes } from "../harness/etcd.ts";
import { MemberProcesses } from "../harness/member-processes.ts";
import { until } from "../harness/wait.ts";
import { Faults, pause } from "./faults.ts";
import { KeyWorker } from "./key-worker.ts";
import { LeaseHolder } from "./lease-holder.ts";
import { Ledger } from "./ledger.ts";
import { judgeMemory, type MemoryVerdict, residentMemory, type Sample } from "./memory.ts";
import { type SoakOptions, soakDefaults } from "./options.ts";
import { insisting, Window } from "./window.ts";

const names = ["m1", "m2", "m3"] as const;
const workers = 48;
const leaseHolders = 6;
/** A key is written in each second that is there until the end. */
const keepEveryMs = 1000;

export interface SoakResult {
  readonly ok: boolean;
  readonly seed: number;
  readonly seconds: number;
  readonly rate: number;
  readonly counts: Readonly<Record<string, number>>;
  readonly failures: Readonly<Record<string, number>>;
  readonly hash: number | undefined;
  readonly memory: Readonly<Record<string, MemoryVerdict>>;
  readonly problems: readonly string[];
}

/** Rejects only when the members cannot even be started. */
export async function soak(given: Partial<SoakOptions>): Promise<SoakResult> {
  const options = { ...soakDefaults, ...given };
  const members = new MemberProcesses();
  members.flags = ["--log-level", "warn"];
  try {
    await members.found(...names);
    return await new Soak(options, members).run();
  } finally {
    await members.close();
  }
}

class Soak {
  readonly #options: SoakOptions;
  readonly #members: MemberProcesses;
  readonly #ledger = new Ledger();
  readonly #random: Prng;
  /** One for each member, which asks that one first. */
  readonly #clients: readonly EtcdClient[];
  readonly #samples = new Map<string, Sample[]>(names.map((name) => [name, []]));
  readonly #kept = new Map<string, string>();
  readonly #ending = new AbortController();
  #window: Window | undefined;
  /** One after the other: each takes the history away that it has judged, and what is before it. */
  #closing: Promise<void> = Promise.resolve();

  constructor(options: SoakOptions, members: MemberProcesses) {
    this.#options = options;
    this.#members = members;
    this.#random = new Prng(options.seed);
    const urls = names.map((name) => members.clientUrl(name));
    this.#clients = urls.map((_, at) =>
      createEtcdClient({ endpoints: [...urls.slice(at), ...urls.slice(0, at)] }),
    );
  }

  async run(): Promise<SoakResult> {
    const { seconds, faultEveryMs, say } = this.#options;
    const { signal } = this.#ending;
    setMaxListeners(0, signal); // Everybody waits for it.
    this.#window = await Window.open("0", this.#clients, this.#ledger);
    const faults = new Faults({
      members: this.#members,
      names,
      client: this.#clientOf(0),
      random: this.#random.split(),
      ledger: this.#ledger,
      say,
    });
    const parts = [
      faults.run(faultEveryMs, signal),
      this.#sample(signal),
      this.#keep(signal),
      this.#turnWindows(signal),
      ...Array.from({ length: workers }, (_, at) => this.#work(at, signal)),
      ...Array.from({ length: leaseHolders }, (_, at) =>
        new LeaseHolder(this.#clientOf(at), at, this.#random.split(), this.#ledger).run(signal),
      ),
    ];
    await pause(seconds * 1000);
    this.#ending.abort();
    const ends = await Promise.allSettled(parts);
    for (const end of ends) if (end.status === "rejected") this.#ledger.broken(String(end.reason));
    await this.#closing;
    await this.#closeWindow(this.#window);
    const hash = await this.#compareMembers();
    for (const client of this.#clients) client.close();
    return this.#result(hash);
  }

  /** At an even pace; what could not be done in time is left out. */
  async #work(number: number, signal: AbortSignal): Promise<void> {
    const at = number % names.length;
    const parts = { client: this.#clientOf(at), server: names[at] ?? "", number };
    const worker = new KeyWorker(parts, this.#random.split(), this.#ledger);
    const everyMs = (workers * 1000) / this.#options.rate;
    let nextMs = this.#ledger.nowMs + this.#random.fraction() * everyMs;
    while (!signal.aborted) {
      await pause(Math.max(0, nextMs - this.#ledger.nowMs), signal);
      if (signal.aborted || this.#window === undefined) return;
      await worker.work(this.#window);
      nextMs = Math.max(nextMs + everyMs, this.#ledger.nowMs - everyMs);
    }
  }

  /** The next window is open before the last one is judged: nobody waits. */
  async #turnWindows(signal: AbortSignal): Promise<void> {
    for (let number = 1; ; number++) {
      await pause(this.#options.windowMs, signal);
      if (signal.aborted) return;
      const last = this.#window;
      this.#window = await Window.open(String(number), this.#clients, this.#ledger);
      this.#closing = this.#closing.then(() => this.#closeWindow(last));
    }
  }

  async #closeWindow(window: Window | undefined): Promise<void> {
    try {
      await window?.close(this.#clientOf(this.#random.below(names.length)));
    } catch (error) {
      this.#ledger.broken(`window ${window?.prefix}: ${String(error)}`);
    }
  }

  async #keep(signal: AbortSignal): Promise<void> {
    for (let at = 0; !signal.aborted; at++) {
      const [key, value] = [`kept/${at}`, this.#ledger.serial()];
      try {
        await this.#clientOf(at).put(key, value);
        this.#kept.set(key, value);
      } catch (error) {
        this.#ledger.failed(error);
      }
      await pause(keepEveryMs, signal);
    }
  }

  async #sample(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await pause(this.#options.rssEveryMs, signal);
      for (const name of names) {
        const pid = this.#members.pid(name);
        const memory = pid === undefined ? undefined : residentMemory(pid);
        if (pid === undefined || memory === undefined) continue;
        this.#samples.get(name)?.push({ atMs: this.#ledger.nowMs, pid, ...memory });
      }
      const done = this.#ledger.counts["operations"] ?? 0;
      const { say } = this.#options;
      say(`${Math.round(this.#ledger.nowMs / 1000)} s: ${done} operations, ${this.#memoryText()}`);
    }
  }

  #memoryText(): string {
    return names
      .map((name) => `${name} ${this.#samples.get(name)?.at(-1)?.mib ?? "?"} MiB`)
      .join(", ");
  }

  /** All hold the same, and in it every key that was to be kept. */
  async #compareMembers(): Promise<number | undefined> {
    const urls = names.map((name) => this.#members.clientUrl(name));
    try {
      const { hash } = await equalHashes(urls);
      for (const [at, client] of this.#clients.entries()) {
        await insisting(() => client.range("kept/", {})); // It is as far as all that was acknowledged.
        await this.#checkKept(client, at);
      }
      return hash;
    } catch (error) {
      this.#ledger.broken(`the members do not hold the same: ${String(error)}`);
      return undefined;
    }
  }

  async #checkKept(client: EtcdClient, at: number): Promise<void> {
    const found = new Map<string, string>();
    await until("all that was kept", 20_000, async () => {
      const { kvs } = await client.range({ prefix: "kept/" }, { serializable: true });
      for (const { key, value } of kvs) found.set(textOf(key), textOf(value));
      return true;
    });
    for (const [key, value] of this.#kept) {
      if (found.get(key) === value) continue;
      this.#ledger.broken(
        `lost: ${key} is ${found.get(key)} and should be ${value}, at client ${at}`,
      );
    }
    this.#ledger.counts["kept"] = this.#kept.size;
  }

  #result(hash: number | undefined): SoakResult {
    const { seed, seconds, rate, warmUpMs } = this.#options;
    const memory = Object.fromEntries(
      [...this.#samples].map(([name, samples]) => [name, judgeMemory(samples, warmUpMs)]),
    );
    for (const [name, { isFlat, slope }] of Object.entries(memory)) {
      if (isFlat === false) this.#ledger.broken(`memory: ${name} grows by ${slope} MiB a minute`);
    }
    const { counts, failures, problems } = this.#ledger;
    const ok = problems.length === 0 && hash !== undefined;
    return { ok, seed, seconds, rate, counts, failures, hash, memory, problems };
  }

  #clientOf(at: number): EtcdClient {
    return this.#clients[at % names.length] as EtcdClient;
  }
}
