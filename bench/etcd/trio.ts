/** Three members of one program on this machine, with etcd's own flags, on ports and directories of their own. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort, until } from "@flotilla/tests";
import { put, statusOf } from "./call.ts";

/** Something that takes etcd's flags. */
export interface Program {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
}

interface Seat {
  readonly name: string;
  readonly clientUrl: string;
  readonly peerUrl: string;
}

const startMs = 30_000;
const stopMs = 15_000;

export class Trio {
  readonly #program: Program;
  readonly #directory: string;
  readonly #seats: readonly Seat[];
  readonly #processes = new Map<string, ChildProcess>();

  private constructor(program: Program, seats: readonly Seat[]) {
    this.#program = program;
    this.#directory = mkdtempSync(join(tmpdir(), "flotilla-bench-"));
    this.#seats = seats;
  }

  /** Started, and a first key written. */
  static async start(program: Program, members = 3): Promise<Trio> {
    const seats: Seat[] = [];
    for (let at = 0; at < members; at++) {
      const clientUrl = `http://127.0.0.1:${await freePort()}`;
      seats.push({ name: `m${at}`, clientUrl, peerUrl: `http://127.0.0.1:${await freePort()}` });
    }
    const trio = new Trio(program, seats);
    for (const seat of seats) trio.#spawn(seat);
    try {
      await until(`${program.name} to serve`, startMs, () => trio.#serves());
    } catch (error) {
      const log = readFileSync(join(trio.#directory, `${seats[0]?.name}.log`), "utf8");
      await trio.stop();
      throw new Error(`${program.name} does not serve; its log:\n${log.slice(-2000)}`, {
        cause: error,
      });
    }
    return trio;
  }

  get urls(): readonly string[] {
    return this.#seats.map(({ clientUrl }) => clientUrl);
  }

  async leader(): Promise<string> {
    return (await this.#sorted()).leader;
  }

  async follower(): Promise<string> {
    return (await this.#sorted()).follower;
  }

  /** Of the leader's process, in bytes. */
  async leaderMemory(): Promise<number> {
    const leader = await this.leader();
    const seat = this.#seats.find(({ clientUrl }) => clientUrl === leader);
    const pid = this.#processes.get(seat?.name ?? "")?.pid ?? 0;
    const line = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
    return Number(line?.[1]) * 1024;
  }

  /**
   * The p99.9 of the event loop's delay in the last 30 to 60 s, of the worst member, in milliseconds;
   * only of ours.
   */
  async loopDelayMs(): Promise<number> {
    const delays = this.urls.map(async (url) => {
      const text = await (await fetch(`${url}/metrics`)).text();
      const line = /^flotilla_event_loop_delay_seconds\{p="0.999"\} (\S+)$/m.exec(text);
      return Number(line?.[1]) * 1000;
    });
    return Math.max(...(await Promise.all(delays)));
  }

  /** Ends all processes by `signal` and waits for them. */
  async halt(signal: NodeJS.Signals): Promise<void> {
    const running = [...this.#processes.values()].filter(({ exitCode }) => exitCode === null);
    for (const child of running) child.kill(signal);
    const isGone = () =>
      running.every(({ exitCode, signalCode }) => exitCode !== null || signalCode !== null);
    await until(`${this.#program.name} to end`, stopMs, isGone);
  }

  /** Starts all of them on what they have; does not wait. */
  restart(): void {
    for (const seat of this.#seats) this.#spawn(seat);
  }

  async stop(): Promise<void> {
    await this.halt("SIGKILL");
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #spawn({ name, clientUrl, peerUrl }: Seat): void {
    const log = openSync(join(this.#directory, `${name}.log`), "a");
    const [file, ...before] = this.#program.command;
    const initial = this.#seats.map((seat) => `${seat.name}=${seat.peerUrl}`).join(",");
    const args = [
      ...["--name", name, "--data-dir", join(this.#directory, name)],
      ...["--listen-client-urls", clientUrl, "--advertise-client-urls", clientUrl],
      ...["--listen-peer-urls", peerUrl, "--initial-advertise-peer-urls", peerUrl],
      ...["--initial-cluster", initial, "--log-level", "warn"],
    ];
    const child = spawn(file, [...before, ...args], { stdio: ["ignore", log, log] });
    this.#processes.set(name, child);
  }

  async #serves(): Promise<boolean> {
    try {
      const { follower } = await this.#sorted();
      await put(follower, "first", new Uint8Array(1));
      return true;
    } catch {
      return false;
    }
  }

  async #sorted(): Promise<{ readonly leader: string; readonly follower: string }> {
    let leader = "";
    let follower = "";
    for (const url of this.urls) {
      const { memberId, leaderId } = await statusOf(url);
      if (memberId === leaderId) leader = url;
      else follower = url;
    }
    if (leader === "") throw new Error("there is no leader");
    return { leader, follower: follower === "" ? leader : follower };
  }
}
