/**
 * `/health`, `/livez` and `/readyz`, which load balancers and kubelets ask often: each check is one
 * cheap read. Source: etcd server/etcdserver/api/etcdhttp/health.go.
 */
import type { Logger } from "@flotilla/base";
import type { ServiceContext } from "../context.ts";
import { rpcErrorOf, rpcErrors } from "../errors.ts";
import { type Answer, textAnswer } from "./answer.ts";
import { HealthCounters } from "./health-counters.ts";

/** Everything that is asked by name, and which question it belongs to. */
const questions = {
  livez: ["serializable_read"],
  readyz: ["data_corruption", "serializable_read", "linearizable_read", "non_learner"],
} as const;

/** A set of checks. */
export type Question = keyof typeof questions;
type Check = (typeof questions)[Question][number];

const alarmNames = { noSpace: "NOSPACE", corrupt: "CORRUPT" } as const;

export class Health {
  readonly #context: ServiceContext;
  readonly #logger: Logger;
  readonly #counters: HealthCounters;

  constructor(context: ServiceContext) {
    this.#context = context;
    this.#logger = context.logger;
    this.#counters = new HealthCounters(context.metrics);
  }

  /** `exclude` names alarms to overlook; `serializable=true` asks for this member alone. */
  async health(query: URLSearchParams): Promise<Answer> {
    const excluded = new Set(query.getAll("exclude"));
    const isLocal = query.get("serializable") === "true";
    const reason = this.#alarm(excluded) ?? (await this.#rangeFault(isLocal));
    this.#counters.health(reason === undefined);
    if (reason === undefined) return healthAnswer(200, JSON.stringify(good));
    const body = JSON.stringify({ health: "false", reason });
    this.#logger.warn("/health error", { output: body, "status-code": 503 });
    return textAnswer(503, `${body}\n`);
  }

  /** All checks of a question but those excluded. */
  checkAll(question: Question, query: URLSearchParams): Promise<Answer> {
    const excluded = new Set(query.getAll("exclude"));
    const checks = questions[question].filter((check) => !excluded.has(check));
    return this.#run(question, checks, { path: `/${question}`, query });
  }

  /** One check by its name; undefined when the question has no such check. */
  checkOne(question: Question, name: string, query: URLSearchParams): Promise<Answer> | undefined {
    const checks: readonly Check[] = questions[question];
    const check = checks.find((known) => known === name);
    if (check === undefined) return undefined;
    return this.#run(question, [check], { path: `/${question}/${name}`, query });
  }

  async #run(
    question: Question,
    checks: readonly Check[],
    { path, query }: { readonly path: string; readonly query: URLSearchParams },
  ): Promise<Answer> {
    const faults = await Promise.all(checks.map((check) => this.#faultOf(check)));
    const lines = checks.map((check, at) => {
      const fault = faults[at];
      this.#counters.check(question, check, fault === undefined);
      return fault === undefined ? `[+]${check} ok\n` : `[-]${check} failed: ${fault}\n`;
    });
    const reason = lines.join("");
    if (faults.some((fault) => fault !== undefined)) {
      this.#logger.error("Health check error", { path, reason, "status-code": 503 });
      return textAnswer(503, `${reason}\n`);
    }
    return textAnswer(200, query.has("verbose") ? `${reason}ok\n` : "ok\n");
  }

  async #faultOf(check: Check): Promise<string | undefined> {
    switch (check) {
      case "data_corruption":
        return this.#hasAlarm("corrupt") ? "alarm activated: CORRUPT" : undefined;
      case "serializable_read":
        return this.#readFault();
      case "linearizable_read":
        return this.#barrierFault();
      case "non_learner":
        return this.#isLearner() ? "not supported for learner" : undefined;
    }
  }

  #alarm(excluded: ReadonlySet<string>): string | undefined {
    const alarms = this.#context.member.store.alarms();
    const alarm = alarms.find(({ kind }) => !excluded.has(alarmNames[kind]));
    return alarm === undefined ? undefined : `ALARM ${alarmNames[alarm.kind]}`;
  }

  #hasAlarm(kind: keyof typeof alarmNames): boolean {
    return this.#context.member.store.alarms().some((alarm) => alarm.kind === kind);
  }

  async #rangeFault(isLocal: boolean): Promise<string | undefined> {
    if (!isLocal && !this.#context.hasLeader) return "RAFT NO LEADER";
    const fault = isLocal ? this.#readFault() : await this.#barrierFault();
    return fault === undefined ? undefined : `RANGE ERROR:${fault}`;
  }

  async #barrierFault(): Promise<string | undefined> {
    if (!this.#context.hasLeader) return rpcErrors.noLeader[1]; // Else it would be waited for.
    const outcome = await this.#context.member.readBarrier();
    return outcome.kind === "ready" ? this.#readFault() : rpcErrorOf(outcome, "timeout").message;
  }

  /** A read that needs the disk and nobody else. */
  #readFault(): string | undefined {
    try {
      this.#context.member.store.lease(0n);
      return undefined;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  #isLearner(): boolean {
    const { member } = this.#context;
    return member.members().some(({ id, isLearner }) => id === member.id && isLearner);
  }
}

const good = { health: "true", reason: "" };

/** Plain text, as etcd has it: kubelets and scripts look at the body. */
function healthAnswer(status: number, body: string): Answer {
  return { status, headers: { "Content-Type": "text/plain; charset=utf-8" }, body };
}
