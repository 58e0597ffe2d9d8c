import { deepEqual, equal } from "node:assert/strict";
import { describe, it } from "node:test";
import { type Command, createStore } from "@flotilla/store";
import type { BarrierOutcome, RenewOutcome } from "../src/contract.ts";
import type { LeaderAnswer, LeaseQuestion } from "../src/leader-call-codec.ts";
import type { FinalAnswer } from "../src/leader-calls.ts";
import { Lessor } from "../src/lessor.ts";
import { ArrayBackend } from "./fixtures.ts";

/** A leader in term 1 that counts one lease of 10 seconds; barriers are answered by hand. */
function scene(electionMs = 1000) {
  const store = createStore(new ArrayBackend());
  const state = { nowMs: 0, role: "leader" as "leader" | "follower", term: 1 };
  const barriers: ((outcome: BarrierOutcome) => void)[] = [];
  const proposed: { command: Command; onlyInTerm: number }[] = [];
  const questions: { question: LeaseQuestion; done: (answer: FinalAnswer) => void }[] = [];
  const lessor = new Lessor(
    {
      store,
      engine: state,
      nowMs: () => state.nowMs,
      ask: (question, done) => {
        questions.push({ question, done });
        return () => {};
      },
      readBarrier: (done) => {
        barriers.push(done);
        return () => {};
      },
      propose: (command, onlyInTerm) => {
        proposed.push({ command, onlyInTerm });
      },
    },
    electionMs,
  );
  const apply = (index: number, term: number, command: Command) => {
    const numbers = { session: 1n, openedAt: 0, sequence: index, settledBelow: 1, onlyInTerm: 0 };
    const entry = { index, term, proposal: { ...numbers, command } };
    lessor.applied(entry, store.apply([entry])[0]);
  };
  apply(1, 1, { kind: "leaseGrant", id: 5n, ttlSeconds: 10 });
  /** Time passes as it does for a process that runs. */
  const pass = (ms: number, tickMs = 100) => {
    for (let left = ms; left > 0; left -= tickMs) {
      state.nowMs += Math.min(left, tickMs);
      lessor.tick();
    }
  };
  /** What the leader answers once the round is over. */
  const answer = (question: LeaseQuestion, outcome: BarrierOutcome = { kind: "ready" }) => {
    let answered: LeaderAnswer | BarrierOutcome | undefined;
    lessor.answer(question, (given) => {
      answered = given;
    });
    equal(answered, undefined, "not before the round");
    barriers.pop()?.(outcome);
    return answered;
  };
  return { lessor, state, questions, barriers, proposed, apply, pass, answer };
}

const renew = { kind: "renew", id: 5n } as const;
const live = { kind: "live", grantedSeconds: 10, remainingSeconds: 10 } as const;

describe("Lessor", () => {
  it("names the lease that runs out first before the others while it counts, and by id when it does not", () => {
    const { lessor, apply, state } = scene();
    apply(2, 1, { kind: "leaseGrant", id: 4n, ttlSeconds: 20 });
    apply(3, 1, { kind: "leaseGrant", id: 6n, ttlSeconds: 5 });
    deepEqual(lessor.leases(), [6n, 5n, 4n]);
    state.role = "follower";
    lessor.observe();
    deepEqual(lessor.leases(), [4n, 5n, 6n]);
  });

  it("renews only after a round has shown that it still leads", () => {
    const { answer, pass } = scene();
    pass(5_000);
    deepEqual(answer({ kind: "timeToLive", id: 5n }), { ...live, remainingSeconds: 6 });
    deepEqual(answer(renew), live);
  });

  it("does not renew when the round fails, or when it was deposed meanwhile", () => {
    const { answer, lessor, state } = scene();
    deepEqual(answer(renew, { kind: "timeout" }), { kind: "timeout" });
    state.term = 3; // It leads again, and has applied nothing of the new term.
    deepEqual(answer(renew), { kind: "notLeader" });
    state.role = "follower";
    lessor.observe();
    deepEqual(answer(renew), { kind: "notLeader" });
  });

  it("does not bring back a lease that was revoked while the round went on", () => {
    const { lessor, barriers, apply } = scene();
    let answered: unknown;
    lessor.answer(renew, (given) => {
      answered = given;
    });
    apply(2, 1, { kind: "leaseRevoke", id: 5n });
    barriers[0]?.({ kind: "ready" });
    deepEqual(answered, { kind: "leaseNotFound" });
  });

  it("revokes what has run out, in its own term only, and nothing once deposed", () => {
    const { lessor, proposed, pass, state } = scene();
    pass(10_900);
    deepEqual(proposed, [], "a fresh leader adds a grace");
    pass(200);
    deepEqual(proposed, [{ command: { kind: "leaseRevoke", id: 5n }, onlyInTerm: 1 }]);
    Object.assign(state, { role: "follower", term: 2 });
    lessor.observe();
    pass(50_000);
    equal(proposed.length, 1);
  });

  it("does not hold it against a lease that this process was stopped for an hour", () => {
    const { lessor, answer, state, proposed, pass } = scene();
    pass(5_000);
    state.nowMs += 3_600_000;
    lessor.tick();
    deepEqual(proposed, []);
    deepEqual(answer(renew), live);
    pass(9_900);
    deepEqual(proposed, []);
    pass(300);
    equal(proposed.length, 1, "silence since then counts");
  });

  it("counts all of the time when heartbeats are seconds apart", () => {
    const { proposed, pass } = scene(25_000);
    pass(30_000, 5_000);
    deepEqual(proposed, []);
    pass(5_000, 5_000);
    equal(proposed.length, 1);
  });

  it("tells the caller what whoever leads has answered", () => {
    const { lessor, questions } = scene();
    const outcomes: RenewOutcome[] = [];
    const answers: FinalAnswer[] = [
      live,
      { kind: "leaseNotFound" },
      { kind: "noLeader" },
      { kind: "refused", reason: "unsound" },
    ];
    for (const answer of answers) {
      lessor.renew(5n, (outcome) => void outcomes.push(outcome));
      questions.at(-1)?.done(answer);
    }
    deepEqual(outcomes, [
      { kind: "renewed", ttlSeconds: 10 },
      { kind: "leaseNotFound" },
      { kind: "noLeader" },
      { kind: "timeout" }, // That is no answer to this question.
    ]);
  });

  it("tells the keys of a lease only once it is as far as the leader was", () => {
    const { lessor, questions, barriers } = scene();
    const outcomes: unknown[] = [];
    const ask = () =>
      lessor.timeToLive(5n, { keys: true }, (outcome) => void outcomes.push(outcome));
    ask();
    questions[0]?.done(live);
    deepEqual(outcomes, []);
    barriers[0]?.({ kind: "ready" });
    deepEqual(outcomes, [{ ...live, keys: [] }]);
    ask();
    questions[1]?.done(live);
    barriers[1]?.({ kind: "timeout" });
    deepEqual(outcomes[1], { kind: "timeout" });
  });
});
