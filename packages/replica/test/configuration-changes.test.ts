import { deepEqual } from "node:assert/strict";
import { describe, it } from "node:test";
import type { ChangeOutcome, Configuration, Engine, EngineStatus } from "@flotilla/consensus";
import { ConfigurationChanges } from "../src/configuration-changes.ts";
import type { LeaderAnswer } from "../src/leader-call-codec.ts";
import { changesMax } from "../src/limits.ts";

const plain: Configuration = { voters: [{ id: "a", votes: 1 }], learners: [], outgoing: [] };
const joint: Configuration = { ...plain, outgoing: plain.voters };
const doubled: Configuration = { ...plain, voters: [{ id: "a", votes: 2 }] };
const question = {
  kind: "change",
  changes: [{ kind: "votes", id: "a", votes: 2 }],
  since: undefined,
} as const;

/** A leader in term 2, with one change at a time. */
function scene() {
  const state = {
    role: "leader" as Engine["role"],
    term: 2,
    outcome: { kind: "appended", term: 2, index: 10 } as ChangeOutcome,
    status: { configuration: plain, configurationIndex: 0, isConfigurationCommitted: true },
  };
  let asked = 0;
  const engine = {
    get role() {
      return state.role;
    },
    get term() {
      return state.term;
    },
    status: () => state.status as EngineStatus,
    change: () => {
      asked++;
      return state.outcome;
    },
  } as unknown as Engine;
  const changes = new ConfigurationChanges({ engine, nowMs: () => 0, wake: () => {} }, 1000);
  const answers: LeaderAnswer[] = [];
  const ask = (since?: number) => {
    changes.change({ ...question, since }, (answer) => void answers.push(answer));
    changes.observe();
  };
  const settle = (configuration: Configuration, configurationIndex: number, isCommitted = true) => {
    state.status = { configuration, configurationIndex, isConfigurationCommitted: isCommitted };
    changes.observe();
  };
  return { changes, state, answers, ask, settle, asked: () => asked };
}

describe("ConfigurationChanges", () => {
  it("answers once the new configuration is committed and not joint any more", () => {
    const { ask, answers, settle } = scene();
    ask();
    settle(joint, 10, false);
    settle(joint, 10, true);
    settle(doubled, 11, false);
    deepEqual(answers, []);
    settle(doubled, 11, true);
    deepEqual(answers, [{ kind: "changed", configuration: doubled, index: 11 }]);
  });

  it("tells a refusal at once, but waits for what passes", () => {
    const { ask, answers, state, changes, asked } = scene();
    state.outcome = { kind: "refused", reason: "learnerBehind" };
    ask();
    deepEqual(answers, [{ kind: "refused", reason: "learnerBehind" }]);
    for (const reason of ["notReady", "changePending", "transferring"] as const) {
      state.outcome = { kind: "refused", reason };
      ask();
    }
    deepEqual(answers.length, 1);
    const before = asked();
    changes.observe();
    deepEqual(asked() - before, 3, "each is tried again");
    changes.tick(1000);
    deepEqual(answers.slice(1), [
      { kind: "refused", reason: "transferring" },
      { kind: "refused", reason: "transferring" },
      { kind: "refused", reason: "transferring" },
    ]);
  });

  it("refuses those that come when too many wait, and none that waits", () => {
    const { changes, state } = scene();
    state.outcome = { kind: "refused", reason: "changePending" };
    const refused: number[] = [];
    for (let at = 0; at <= changesMax; at++) changes.change(question, () => void refused.push(at));
    changes.observe();
    deepEqual(refused, [changesMax]);
  });

  it("does nothing when it does not lead, and knows nothing when it was deposed on the way", () => {
    const { ask, answers, state, changes, settle } = scene();
    state.role = "follower";
    ask();
    deepEqual(answers, [{ kind: "notLeader" }]);
    state.role = "leader";
    ask();
    settle(joint, 10, false);
    Object.assign(state, { role: "leader", term: 4 }); // Deposed, and elected again.
    changes.observe();
    deepEqual(answers[1], { kind: "interrupted" });
    Object.assign(state, { outcome: { kind: "appended", term: 4, index: 20 } });
    ask();
    state.role = "follower";
    changes.observe();
    deepEqual(answers[2], { kind: "interrupted" });
  });

  it("tells the leader that has removed itself that this is done (trap T16)", () => {
    const { ask, answers, state, settle } = scene();
    ask();
    settle(joint, 10);
    state.role = "follower";
    settle(doubled, 11);
    deepEqual(answers, [{ kind: "changed", configuration: doubled, index: 11 }]);
  });

  it("makes a change again only when nothing has changed since", () => {
    const { ask, answers, state, asked, settle } = scene();
    state.status = { configuration: plain, configurationIndex: 5, isConfigurationCommitted: true };
    ask(5);
    deepEqual([asked(), answers], [1, []], "it was not made: it is made now");
    settle(doubled, 11);
    ask(5);
    deepEqual(asked(), 1, "it was made");
    deepEqual(answers[1], { kind: "changed", configuration: doubled, index: 11 });
    state.status = { configuration: plain, configurationIndex: 20, isConfigurationCommitted: true };
    ask(5);
    deepEqual(asked(), 1);
    deepEqual(answers[2], { kind: "timeout" }, "it may have been made and unmade");
  });

  it("waits with a change that is asked for again until the configuration is settled", () => {
    const { ask, answers, state, settle } = scene();
    state.outcome = { kind: "refused", reason: "changePending" };
    settle(joint, 10, false);
    ask(5);
    deepEqual(answers, []);
    settle(doubled, 11);
    deepEqual(answers, [{ kind: "changed", configuration: doubled, index: 11 }]);
  });

  it("ends when its time is over", () => {
    const { ask, answers, changes } = scene();
    ask();
    changes.tick(999);
    deepEqual(answers, []);
    changes.tick(1000);
    deepEqual(answers, [{ kind: "interrupted" }]);
  });
});
