/**
 * bcrypt on threads of its own: a hash takes 80 ms at the default cost, and the loop that keeps the
 * cluster together must not stand still for it.
 *
 * Threads start with the first password and keep no process alive. What waits is bounded, and what
 * nobody waits for any more is left out. Anybody may have a password compared: those wait in a line of
 * their own, which takes turns with the other.
 */
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { type Call, GrpcError, statusCode } from "@flotilla/grpc";
import { RpcError } from "../errors.ts";
import { authenticationsWaitingMax, passwordsWaitingMax, passwordThreadsMax } from "../limits.ts";
import type { BcryptAnswer, BcryptTask } from "./bcrypt-worker.ts";

/** Who asked, and may have left since. */
type Caller = Pick<Call, "ended">;

/** One task and who waits for it. */
interface Job {
  readonly task: BcryptTask;
  readonly caller: Caller | undefined;
  resolve(answer: BcryptAnswer): void;
  reject(error: unknown): void;
}

/** Those who wait for the same kind of work. */
interface Line {
  readonly jobs: Job[];
  readonly jobsMax: number;
}

/** Owns the threads; {@link close} ends them. */
export class PasswordHasher {
  readonly #cost: number;
  readonly #idle: Worker[] = [];
  readonly #busy = new Map<Worker, Job>();
  readonly #hashes: Line = { jobs: [], jobsMax: passwordsWaitingMax };
  readonly #comparisons: Line = { jobs: [], jobsMax: authenticationsWaitingMax };
  /** Whose turn it is, and whose it is then. */
  #lines: readonly [Line, Line] = [this.#hashes, this.#comparisons];
  /** A hash of nothing that anybody knows; made when first needed. */
  #decoy: Promise<string> | undefined;
  #isClosed = false;

  /** `cost`: 4 to 31, each one twice as slow as the one before. */
  constructor(cost: number) {
    this.#cost = cost;
  }

  /** bcrypt's text for `password`. Throws {@link RpcError} when too many wait. */
  async hash(password: string, caller?: Caller): Promise<string> {
    const task = { kind: "hash", password, cost: this.#cost } as const;
    return (await this.#run(task, caller)) as string;
  }

  /**
   * Whether `hash` was made of `password`. Without a hash it is not, and takes as long to say so:
   * who asks must not learn which users there are.
   */
  async matches(password: string, hash: string | undefined, caller?: Caller): Promise<boolean> {
    const decoy = await this.#madeDecoy(); // Always, so that nobody's first comparison takes longer.
    const task = { kind: "compare", password, hash: hash ?? decoy } as const;
    const isSame = await this.#run(task, caller);
    return isSame === true && hash !== undefined;
  }

  #madeDecoy(): Promise<string> {
    this.#decoy ??= this.hash(crypto.randomUUID()).catch((error: unknown) => {
      this.#decoy = undefined; // Another time, when fewer wait.
      throw error;
    });
    return this.#decoy;
  }

  close(): void {
    this.#isClosed = true;
    const threads = [...this.#idle.splice(0), ...this.#busy.keys()];
    for (const job of [
      ...this.#lines.flatMap(({ jobs }) => jobs.splice(0)),
      ...this.#busy.values(),
    ]) {
      job.reject(new RpcError("stopped"));
    }
    this.#busy.clear();
    for (const thread of threads) void thread.terminate();
  }

  #run(task: BcryptTask, caller: Caller | undefined): Promise<BcryptAnswer> {
    if (this.#isClosed) return Promise.reject(new RpcError("stopped"));
    const line = task.kind === "hash" ? this.#hashes : this.#comparisons;
    if (line.jobs.length >= line.jobsMax) leaveOutTheGone(line.jobs);
    if (line.jobs.length >= line.jobsMax) return Promise.reject(new RpcError("tooManyRequests"));
    return new Promise((resolve, reject) => {
      line.jobs.push({ task, caller, resolve, reject });
      this.#dispatch();
    });
  }

  #dispatch(): void {
    for (;;) {
      for (const { jobs } of this.#lines) while (isGone(jobs[0])) refuse(jobs.shift());
      const [first, second] = this.#lines;
      const line = first.jobs.length > 0 ? first : second;
      const thread = line.jobs.length === 0 ? undefined : (this.#idle.pop() ?? this.#newThread());
      const job = thread && line.jobs.shift();
      if (thread === undefined || job === undefined) return;
      if (line === first) this.#lines = [second, first];
      this.#busy.set(thread, job);
      thread.postMessage(job.task);
    }
  }

  #newThread(): Worker | undefined {
    const threadsMax = Math.min(passwordThreadsMax, Math.max(1, availableParallelism() - 1));
    if (this.#busy.size >= threadsMax) return undefined;
    const thread = new Worker(new URL("./bcrypt-worker.js", import.meta.url));
    thread.unref();
    thread.on("message", (answer: BcryptAnswer) => {
      const job = this.#busy.get(thread);
      this.#busy.delete(thread);
      if (!this.#isClosed) this.#idle.push(thread);
      job?.resolve(answer);
      this.#dispatch();
    });
    thread.on("error", (error) => this.#lose(thread, error));
    return thread;
  }

  /** A thread that broke, for lack of memory say; the next password gets another one. */
  #lose(thread: Worker, error: unknown): void {
    const job = this.#busy.get(thread);
    this.#busy.delete(thread);
    const at = this.#idle.indexOf(thread);
    if (at >= 0) this.#idle.splice(at, 1);
    job?.reject(error);
    this.#dispatch();
  }
}

/** True for one whom nobody waits for any more. */
function isGone(job: Job | undefined): boolean {
  return job?.caller?.ended === true;
}

function refuse(job: Job | undefined): void {
  job?.reject(new GrpcError(statusCode.cancelled, "context canceled"));
}

/** So that those who have left take nobody's place. */
function leaveOutTheGone(jobs: Job[]): void {
  const all = jobs.splice(0);
  for (const job of all) {
    if (isGone(job)) refuse(job);
    else jobs.push(job);
  }
}
