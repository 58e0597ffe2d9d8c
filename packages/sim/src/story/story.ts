/**
 * Tells a run as text that a person can follow. Pure.
 *
 * A line has the time, who, and what: `1234.56  a2  follows a1 in term 3, appends [5/3 put c=17]`.
 * Position 5 of the log, from term 3, is 5/3. `<-` arrives; `-x` never does; `~>` is still on its way.
 */
import { assertNever } from "@flotilla/base";
import type { LeaseHistory, Operation } from "../checkers/index.ts";
import type { Scenario } from "../scenario/scenario.ts";
import { plainScenarioOptions } from "../shrink/plain-options.ts";
import { leaseLines, operationLines, requestText } from "./client-lines.ts";
import type { Fact } from "./fact.ts";
import { faultText } from "./fault-text.ts";
import { fold } from "./fold.ts";
import type { Line } from "./line.ts";
import { MessageTeller } from "./message-lines.ts";
import { isJudgedByHistory, promiseOf } from "./promises.ts";
import { standingLines } from "./standing.ts";
import { stateLine } from "./state-line.ts";

/** What is told; a `RunResult` that was recorded is one. */
export interface ToldRun {
  readonly facts: readonly Fact[];
  readonly simulatedMs: number;
  readonly events: number;
  readonly histories: {
    readonly operations: readonly Operation[];
    readonly leases: readonly LeaseHistory[];
  };
  readonly violation:
    | {
        readonly oracle: string;
        readonly message: string;
        readonly atMs: number;
        readonly event: number;
      }
    | undefined;
}

export interface StoryOptions {
  /** Lines between the head and the end that are told, the last ones. Default: all. */
  readonly linesMax?: number;
  /** Runs it again. */
  readonly command?: string;
}

/** The lines of the story of `scenario`, which `run` has played. */
export function tellStory(
  scenario: Scenario,
  run: ToldRun,
  options: StoryOptions = {},
): readonly string[] {
  const { linesMax = Number.POSITIVE_INFINITY, command } = options;
  const lines = fold(linesOf(scenario, run));
  const to = lines.length <= linesMax ? lines.length : endOf(lines, run);
  const from = Math.max(0, to - linesMax);
  const after = lines.length - to;
  return [
    ...headLines(scenario),
    "",
    ...(from > 0 ? [`... ${from} lines before`] : []),
    ...lines.slice(from, to).map(printed),
    ...(after > 0 ? [`... ${after} lines after`] : []),
    "",
    ...standingLines(run.facts),
    ...endLines(run),
    ...(command === undefined ? [] : [`Again: ${command}`]),
  ];
}

/** Where a shortened story ends: what clients saw may be wrong long before that is found out. */
function endOf(lines: readonly Line[], { violation }: ToldRun): number {
  if (violation === undefined || !isJudgedByHistory(violation.oracle)) return lines.length;
  const lastOf = (name: RegExp): number => lines.findLastIndex(({ who }) => name.test(who));
  const client = lastOf(/^c\d/);
  const last = client < 0 ? lastOf(/^probe/) : client;
  return last < 0 ? lines.length : last + 1;
}

function linesOf(scenario: Scenario, run: ToldRun): Line[] {
  const teller = new MessageTeller(run.facts);
  const name = (server: number): string => scenario.servers[server]?.id ?? `server ${server}`;
  const lines = run.facts.flatMap((fact) => factLines(fact, { teller, name, scenario }));
  const { operations, leases } = run.histories;
  lines.push(...operationLines(operations), ...leaseLines(leases));
  // Stable: what happens at the same moment stays in its order.
  return lines.filter(({ atMs }) => atMs <= run.simulatedMs).sort(byTime);
}

function byTime(left: Line, right: Line): number {
  return left.atMs - right.atMs || placeOf(left) - placeOf(right);
}

function placeOf({ place }: Line): number {
  if (place === undefined) return 0;
  return place === "first" ? -1 : 1;
}

interface Told {
  readonly teller: MessageTeller;
  readonly scenario: Scenario;
  name(server: number): string;
}

function factLines(fact: Fact, { teller, scenario, name }: Told): Line[] {
  const { atMs, server: who } = fact;
  switch (fact.kind) {
    case "sent":
    case "received":
      return present(teller.line(fact));
    case "state":
      return present(stateLine(fact));
    case "note":
      return [{ atMs, who, text: fact.what }];
    case "asked": {
      const text = requestText(fact.operation, name);
      return text === undefined ? [] : [{ atMs, who: `c${fact.client}`, text }];
    }
    case "fault":
      return faultLines(fact, { scenario, name });
    default:
      return assertNever(fact);
  }
}

function present(line: Line | undefined): Line[] {
  return line === undefined ? [] : [line];
}

/** The begin of a fault, and its end. */
function faultLines(
  { atMs, fault, isDone }: Extract<Fact, { kind: "fault" }>,
  { scenario, name }: Pick<Told, "scenario" | "name">,
): Line[] {
  const what = faultText(fault, name);
  if (!isDone) return [{ atMs, who: "", text: `(not done: ${what})` }];
  const begin: Line = { atMs, who: "", text: `FAULT ${what}`, place: "first" };
  const endMs = "forMs" in fault ? atMs + fault.forMs : Number.POSITIVE_INFINITY;
  if (endMs >= scenario.healAtMs) return [begin];
  const text = `the ${fault.kind} of ${atMs.toFixed(2)} ends`;
  return [begin, { atMs: endMs, who: "", text }];
}

function printed({ atMs, who, text }: Line): string {
  return `${atMs.toFixed(2).padStart(10)}  ${who.padEnd(5)} ${text}`;
}

function headLines({ seed, servers, options, faults, operations, healAtMs }: Scenario): string[] {
  const { heartbeatMs, electionTicks } = options;
  const special = specialOptions(options);
  return [
    `Seed ${seed}: servers ${servers.map(serverText).join(" ")}; ${faults.length} faults, ${operations.length} operations.`,
    `All faults end at ${healAtMs} ms. A heartbeat every ${heartbeatMs} ms; who has missed ${electionTicks} or more campaigns.`,
    ...(special.length === 0 ? [] : [`Not plain: ${special.join(", ")}.`]),
    "5/3 is position 5 of the log, from term 3. <- arrives, -x never arrives, ~> is still on its way.",
  ];
}

function serverText({ id, votes, isWitness, isLearner }: Scenario["servers"][number]): string {
  if (isLearner) return `${id}:learner`;
  if (votes === 0) return `(${id})`;
  return `${id}${votes === 1 ? "" : `*${votes}`}${isWitness ? ":witness" : ""}`;
}

/** Options that are not those of a plain cluster: `inflightMessagesMax 1`, `network.loss 0.01`. */
function specialOptions(options: Scenario["options"]): string[] {
  const texts: string[] = [];
  for (const [name, plain] of Object.entries(plainScenarioOptions)) {
    const value: unknown = options[name as keyof typeof options];
    if (JSON.stringify(value) === JSON.stringify(plain)) continue;
    if (typeof value !== "object" || Array.isArray(value)) {
      texts.push(`${name} ${amountText(value)}`);
      continue;
    }
    for (const [part, amount] of Object.entries(value ?? {})) {
      if (amount !== (plain as Record<string, unknown>)[part]) {
        texts.push(`${name}.${part} ${amountText(amount)}`);
      }
    }
  }
  return texts;
}

function amountText(value: unknown): string {
  return typeof value === "number" ? String(Number(value.toPrecision(4))) : JSON.stringify(value);
}

function endLines({ violation, simulatedMs, events }: ToldRun): string[] {
  if (violation === undefined) {
    return [`No promise was broken in ${simulatedMs.toFixed(0)} ms, ${events} events.`];
  }
  const { oracle, message, atMs, event } = violation;
  const promise = promiseOf(oracle);
  return [
    `BROKEN at ${atMs.toFixed(2)} ms, event ${event}: ${oracle}${promise === undefined ? "" : `. ${promise}`}`,
    `  ${message}`,
  ];
}
