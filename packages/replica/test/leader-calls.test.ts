import { deepEqual, equal } from "node:assert/strict";
import { describe, it } from "node:test";
import { encodeMessage } from "@flotilla/base";
import type { CallOutcome, Unavailable } from "../src/contract.ts";
import {
  decodeAnswer,
  decodeQuestion,
  type LeaderAnswer,
  type LeaderQuestion,
  writeAnswer,
  writeQuestion,
} from "../src/leader-call-codec.ts";
import { type FinalAnswer, LeaderCalls } from "../src/leader-calls.ts";
import { questionsMax } from "../src/limits.ts";

const question = { kind: "change", changes: [], since: undefined } as const;
const again = { kind: "change", changes: [], since: 7 } as const;
const refused = { kind: "refused", reason: "unsound" } as const;

/** Server `a`; calls are answered by hand, timers fire by hand. */
function scene() {
  const engine = { role: "follower" as "follower" | "leader", leader: "b" };
  const given = { nowMs: 0 };
  const calls: { to: string; question: LeaderQuestion; done: (outcome: CallOutcome) => void }[] =
    [];
  const local: { question: LeaderQuestion; done: (answer: LeaderAnswer | Unavailable) => void }[] =
    [];
  const timers: (() => void)[] = [];
  const leaderCalls = new LeaderCalls("a", {
    engine,
    nowMs: () => given.nowMs,
    after: (_delayMs, callback) => {
      timers.push(callback);
      return () => void timers.splice(timers.indexOf(callback), 1);
    },
    call: (to, request, _timeoutMs, done) =>
      void calls.push({ to, question: decodeQuestion(request), done }),
    answer: (asked, done) => {
      local.push({ question: asked, done });
      return () => {};
    },
  });
  const answers: FinalAnswer[] = [];
  const ask = () =>
    leaderCalls.ask({ question, again, attemptMs: 100, totalMs: 1000 }, (answer) => {
      answers.push(answer);
    });
  const answer = (at: number, what: LeaderAnswer) => {
    const response = encodeMessage((writer) => writeAnswer(writer, what));
    calls[at]?.done({ kind: "answered", response });
  };
  const fire = () => {
    for (const timer of timers.splice(0)) timer();
  };
  leaderCalls.observe();
  return { leaderCalls, engine, given, calls, local, timers, answers, ask, answer, fire };
}

describe("LeaderCalls", () => {
  it("asks the leader, and gives its answer", () => {
    const { ask, calls, answer, answers } = scene();
    ask();
    deepEqual(
      calls.map(({ to, question }) => [to, question]),
      [["b", question]],
    );
    answer(0, refused);
    deepEqual(answers, [refused]);
  });

  it("answers itself when it leads", () => {
    const { ask, engine, local, answers, calls } = scene();
    engine.role = "leader";
    ask();
    local[0]?.done(refused);
    deepEqual([answers, calls.length], [[refused], 0]);
  });

  it("asks again after a while when it has asked the wrong one, in the same words", () => {
    const { ask, calls, answer, fire } = scene();
    ask();
    answer(0, { kind: "notLeader" });
    equal(calls.length, 1);
    fire();
    deepEqual(calls[1]?.question, question, "nothing was done");
  });

  it("says that it asks again when the first time may have had an effect", () => {
    const { ask, calls, answer, fire } = scene();
    ask();
    calls[0]?.done({ kind: "failed", reason: "reset" });
    fire();
    deepEqual(calls[1]?.question, again);
    answer(1, { kind: "notLeader" });
    fire();
    deepEqual(calls[2]?.question, again, "that stays so");
  });

  it("does not wait for a leader that is not it any more", () => {
    const { ask, calls, engine, leaderCalls, answer, answers } = scene();
    ask();
    engine.leader = "c";
    leaderCalls.observe();
    deepEqual([calls[1]?.to, calls[1]?.question], ["c", again]);
    answer(0, refused);
    deepEqual(answers, [], "too late");
    answer(1, { kind: "notLeader" });
    engine.role = "leader";
    leaderCalls.observe();
    deepEqual(answers, []);
  });

  it("waits for a leader, and says which of the two is missing when the time is over", () => {
    const { ask, engine, given, fire, answers, calls, leaderCalls } = scene();
    engine.leader = "";
    leaderCalls.observe();
    ask();
    fire();
    given.nowMs = 1000;
    fire();
    deepEqual(answers, [{ kind: "noLeader" }]);
    given.nowMs = 0;
    ask();
    engine.leader = "b";
    leaderCalls.observe();
    equal(calls.length, 1, "at once");
    calls[0]?.done({ kind: "failed", reason: "reset" });
    given.nowMs = 1000;
    fire();
    deepEqual(answers[1], { kind: "timeout" });
  });

  it("takes garbage for no answer", () => {
    const { ask, calls, fire } = scene();
    ask();
    calls[0]?.done({ kind: "answered", response: Uint8Array.of(255) });
    fire();
    deepEqual(calls[1]?.question, again);
  });

  it("gives up in time what it answers itself", () => {
    const { ask, answers, engine, given, leaderCalls, local } = scene();
    engine.role = "leader";
    ask();
    for (given.nowMs of [999, 1000]) leaderCalls.tick(given.nowMs);
    deepEqual(answers, [{ kind: "timeout" }]);
    local[0]?.done(refused);
    deepEqual(answers.length, 1, "what comes late is not told");
  });

  it("forgets what is given up", () => {
    const { ask, answer, answers, fire, calls } = scene();
    ask()();
    answer(0, refused);
    fire();
    deepEqual([answers, calls.length], [[], 1]);
  });

  it("ends everything when it stops, and is full at its limit", () => {
    const { ask, leaderCalls, answers, timers, answer } = scene();
    for (let at = 0; at < questionsMax; at++) ask();
    equal(leaderCalls.isFull, true);
    answer(0, { kind: "notLeader" });
    equal(timers.length, 1, "one for all that wait");
    leaderCalls.stop();
    deepEqual([leaderCalls.isFull, timers.length], [false, 0]);
    deepEqual(answers.at(-1), { kind: "stopped" });
  });

  it("answers whoever asks, and garbage too", () => {
    const { leaderCalls, local } = scene();
    const answers: LeaderAnswer[] = [];
    const receive = (request: Uint8Array) =>
      leaderCalls.receive(request, (response) => void answers.push(decodeAnswer(response)));
    receive(Uint8Array.of(255));
    deepEqual(answers, [{ kind: "notLeader" }]);
    const request = encodeMessage((writer) => writeQuestion(writer, again));
    receive(request);
    local[0]?.done(refused);
    receive(request);
    local[1]?.done({ kind: "noLeader" });
    deepEqual(answers.slice(1), [refused, { kind: "notLeader" }]);
  });
});
