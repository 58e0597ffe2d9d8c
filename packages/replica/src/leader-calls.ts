/**
 * Questions to whoever leads, from any server, until somebody answers or the time is over. Pure.
 *
 * One that may have had an effect before its answer was lost is put in other words when it is asked
 * again.
 */
import { encodeMessage, WireError } from "@flotilla/base";
import type { Engine, NodeId } from "@flotilla/consensus";
import type { CallOutcome, Cancel, ReplicaPorts, Unavailable } from "./contract.ts";
import {
  decodeAnswer,
  decodeQuestion,
  type LeaderAnswer,
  type LeaderQuestion,
  writeAnswer,
  writeQuestion,
} from "./leader-call-codec.ts";
import { leaderCallRetryMs, questionsMax } from "./limits.ts";

/** What is left of the answers once all asking is over. */
export type FinalAnswer =
  | Exclude<LeaderAnswer, { readonly kind: "notLeader" | "interrupted" }>
  | Unavailable;

export interface Ask {
  readonly question: LeaderQuestion;
  /** The same once it may have been done. */
  readonly again: LeaderQuestion;
  /** How long one attempt may take, and all of them. */
  readonly attemptMs: number;
  readonly totalMs: number;
}

export interface LeaderCallsPorts extends Pick<ReplicaPorts, "nowMs" | "after" | "call"> {
  readonly engine: Pick<Engine, "role" | "leader">;
  /** Answers as the leader; `done` is not called before it has returned. */
  answer(question: LeaderQuestion, done: (answer: LeaderAnswer | Unavailable) => void): Cancel;
}

interface Asking {
  readonly ask: Ask;
  readonly deadlineMs: number;
  readonly done: (answer: FinalAnswer) => void;
  /** Counts attempts, so that a late answer to an earlier one is told apart. */
  attempt: number;
  /** Who was asked, or this server itself; empty while it waits to ask. */
  asked: NodeId;
  wasAsked: boolean;
  mayBeDone: boolean;
  cancel: Cancel;
}

export class LeaderCalls {
  readonly #ports: LeaderCallsPorts;
  readonly #self: NodeId;
  readonly #asking = new Set<Asking>();
  #leader: NodeId = "";
  #cancelRetry: (() => void) | undefined;

  constructor(self: NodeId, ports: LeaderCallsPorts) {
    this.#self = self;
    this.#ports = ports;
  }

  /** True when {@link questionsMax} are not answered: nothing more is taken in. */
  get isFull(): boolean {
    return this.#asking.size >= questionsMax;
  }

  /** Asks until there is an answer. */
  ask(ask: Ask, done: (answer: FinalAnswer) => void): Cancel {
    const asking: Asking = {
      ask,
      deadlineMs: this.#ports.nowMs() + ask.totalMs,
      done,
      attempt: 0,
      asked: "",
      wasAsked: false,
      mayBeDone: false,
      cancel: () => {},
    };
    this.#asking.add(asking);
    this.#try(asking);
    return () => this.#forget(asking);
  }

  /** Answers a server that takes this one for the leader. */
  receive(request: Uint8Array, answer: (response: Uint8Array) => void): void {
    const respond = (what: LeaderAnswer): void =>
      answer(encodeMessage((writer) => writeAnswer(writer, what)));
    const question = orUndefined(() => decodeQuestion(request));
    // Whoever sends garbage finds no leader here.
    if (question === undefined) respond({ kind: "notLeader" });
    else this.#ports.answer(question, (what) => respond(wireAnswerOf(what)));
  }

  /** The engine has worked: whom it takes for the leader may be another. */
  observe(): void {
    const { role, leader } = this.#ports.engine;
    const present = role === "leader" ? this.#self : leader;
    if (present === this.#leader) return;
    this.#leader = present;
    if (present === "") return;
    for (const asking of this.#asking) {
      if (asking.asked === present) continue;
      if (asking.asked !== "" && asking.asked !== this.#self) this.#interrupt(asking);
      if (asking.asked === "") this.#try(asking);
    }
  }

  /** Gives up what has had its time, also where this server itself is at it as the leader. */
  tick(nowMs: number): void {
    for (const asking of this.#asking) {
      if (asking.deadlineMs > nowMs) continue;
      asking.cancel();
      this.#timeOut(asking);
    }
  }

  /** Ends everything. */
  stop(): void {
    this.#cancelRetry?.();
    for (const asking of [...this.#asking]) this.#settle(asking, { kind: "stopped" });
  }

  #try(asking: Asking): void {
    const { ask, deadlineMs } = asking;
    const leftMs = deadlineMs - this.#ports.nowMs();
    if (leftMs <= 0) {
      this.#timeOut(asking);
      return;
    }
    const { role, leader } = this.#ports.engine;
    if (role !== "leader" && leader === "") {
      this.#retrySoon();
      return;
    }
    asking.wasAsked = true;
    const attempt = ++asking.attempt;
    const question = asking.mayBeDone ? ask.again : ask.question;
    const done = (answer: LeaderAnswer | Unavailable): void =>
      this.#answered(asking, attempt, answer);
    if (role === "leader") {
      asking.asked = this.#self;
      asking.cancel = this.#ports.answer(question, done);
      return;
    }
    asking.asked = leader;
    const request = encodeMessage((writer) => writeQuestion(writer, question));
    this.#ports.call(leader, request, Math.min(ask.attemptMs, leftMs), (outcome) =>
      done(answerOf(outcome)),
    );
  }

  #answered(asking: Asking, attempt: number, answer: LeaderAnswer | Unavailable): void {
    if (asking.attempt !== attempt || !this.#asking.has(asking)) return;
    if (answer.kind === "notLeader") asking.asked = "";
    else if (answer.kind === "interrupted") this.#interrupt(asking);
    else this.#settle(asking, answer);
    if (asking.asked === "") this.#retrySoon();
  }

  /** What came of the attempt will not be known. */
  #interrupt(asking: Asking): void {
    asking.asked = "";
    asking.mayBeDone = true;
    asking.attempt++;
  }

  #retrySoon(): void {
    this.#cancelRetry ??= this.#ports.after(leaderCallRetryMs, () => {
      this.#cancelRetry = undefined;
      for (const asking of [...this.#asking]) if (asking.asked === "") this.#try(asking);
    });
  }

  #timeOut(asking: Asking): void {
    this.#settle(asking, { kind: asking.wasAsked ? "timeout" : "noLeader" });
  }

  #settle(asking: Asking, answer: FinalAnswer): void {
    this.#asking.delete(asking);
    asking.done(answer);
  }

  #forget(asking: Asking): void {
    this.#asking.delete(asking);
    asking.cancel();
  }
}

function answerOf(outcome: CallOutcome): LeaderAnswer {
  if (outcome.kind === "failed") return { kind: "interrupted" };
  return orUndefined(() => decodeAnswer(outcome.response)) ?? { kind: "interrupted" };
}

/** Undefined when what a peer has sent is no message. */
function orUndefined<T>(decode: () => T): T | undefined {
  try {
    return decode();
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}

/** What is of use to another server: that this one cannot help is all the same to it. */
function wireAnswerOf(answer: LeaderAnswer | Unavailable): LeaderAnswer {
  switch (answer.kind) {
    case "noLeader":
    case "tooManyRequests":
    case "noData":
    case "stopped":
      return { kind: "notLeader" };
    default:
      return answer;
  }
}
