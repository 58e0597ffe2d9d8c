/** One member of a test cluster: a process that can be killed, paused, cut off and started again. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { EmbedError } from "./errors.ts";
import { logCharsMax, startMs, stopMs } from "./limits.ts";
import type { LinkHandle } from "./peer-links.ts";
import { type StartedMessage, type StartMessage, stopMessage } from "./process-messages.ts";

const program = fileURLToPath(new URL("./member-process.js", import.meta.url));

export class TestMember {
  readonly name: string;
  readonly #link: LinkHandle;
  readonly #options: Omit<StartMessage, "clientPort">;
  #process: ChildProcess | undefined;
  #clientUrl = "";
  #log = "";

  constructor(options: Omit<StartMessage, "clientPort">, link: LinkHandle) {
    this.name = options.name;
    this.#options = options;
    this.#link = link;
  }

  /** The same after each start. */
  get clientUrl(): string {
    return this.#clientUrl;
  }

  get isRunning(): boolean {
    const child = this.#process;
    return child !== undefined && child.exitCode === null && child.signalCode === null;
  }

  /** What it last logged. */
  get log(): string {
    return this.#log;
  }

  /** Starts it, on what it kept. Resolves once it listens; rejects with `notStarted`. */
  async start(): Promise<void> {
    if (this.isRunning) throw new EmbedError("badState", `${this.name} runs already`);
    // A test runner's settings are not meant for members.
    const { NODE_TEST_CONTEXT: _, NODE_OPTIONS: __, ...env } = process.env;
    const child = fork(program, {
      execArgv: [],
      env,
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
    this.#process = child;
    child.stderr?.on("data", (chunk) => {
      this.#log = (this.#log + chunk).slice(-logCharsMax);
    });
    const clientPort = this.#clientUrl === "" ? 0 : Number(new URL(this.#clientUrl).port);
    const started = await this.#tell(child, { ...this.#options, clientPort });
    this.#clientUrl = started.clientUrl;
    this.#link.leadTo(started.peerPort);
    // A cluster that is forgotten ends with its program.
    child.unref();
    child.channel?.unref();
    (child.stderr as { unref?: () => void } | null)?.unref?.();
  }

  /** SIGKILL: what was not on disk is gone. Resolves once the process is. */
  async kill(): Promise<void> {
    const child = this.#process;
    if (child === undefined || !this.isRunning) return;
    this.#link.leadTo(0);
    const exited = once(child, "exit");
    child.ref();
    child.kill("SIGKILL");
    await exited;
  }

  /** Stops it in peace: a leader hands over first. */
  async stop(): Promise<void> {
    const child = this.#process;
    if (child === undefined || !this.isRunning) return;
    this.resume();
    const exited = once(child, "exit");
    child.ref();
    child.send(stopMessage, () => {}); // It may have ended meanwhile.
    const late = setTimeout(() => child.kill("SIGKILL"), stopMs);
    await exited;
    clearTimeout(late);
    this.#link.leadTo(0);
  }

  /** SIGSTOP: its connections stay, and nobody answers. */
  pause(): void {
    if (this.isRunning) this.#process?.kill("SIGSTOP");
  }

  resume(): void {
    if (this.isRunning) this.#process?.kill("SIGCONT");
  }

  /** From now on it hears no peer: it cannot lead, nor learn anything. Clients still reach it. */
  isolate(): void {
    this.#link.cut();
  }

  /** Ends {@link isolate}. */
  heal(): void {
    this.#link.heal();
  }

  #tell(child: ChildProcess, message: StartMessage): Promise<StartedMessage> {
    return new Promise((resolve, reject) => {
      const fail = (why: string): void => {
        const text = `${this.name} did not start: ${why}\n${this.#log}`;
        reject(new EmbedError("notStarted", text));
      };
      const late = setTimeout(() => {
        child.kill("SIGKILL");
        fail(`it was silent for ${startMs} ms`);
      }, startMs);
      child.once("message", (started) => {
        clearTimeout(late);
        resolve(started as StartedMessage);
      });
      child.once("exit", (code, signal) => {
        clearTimeout(late);
        fail(`its process ended with ${signal ?? code}`);
      });
      child.on("error", (error) => {
        clearTimeout(late);
        fail(error.message);
      });
      child.send(message, () => {}); // If it cannot be sent, one of these follows.
    });
  }
}
