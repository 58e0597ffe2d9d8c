import { deepEqual, equal, match, ok } from "node:assert/strict";
import { describe, it } from "node:test";
import { runScenario } from "../../src/run/run.ts";
import { drawScenario } from "../../src/scenario/draw-scenario.ts";
import type { Fact } from "../../src/story/fact.ts";
import { tellStory } from "../../src/story/story.ts";
import { putOf, scenarioOf, staleRead } from "../shrink/fixtures.ts";
import {
  changed,
  heartbeat,
  noop,
  received,
  sent,
  stateOf,
  storyOf,
  toldOf,
  voteRequest,
} from "./fixtures.ts";

/** The lines of these facts, without head, standing and end. */
function linesOf(facts: readonly Fact[]): string[] {
  const story = tellStory(scenarioOf([], []), toldOf(facts));
  const from = story.indexOf("") + 1;
  return story.slice(from, story.indexOf("", from)).map((line) => line.trim());
}

/** Something to read after it, so that what was sent had time to arrive. */
function end(atMs: number): Fact {
  return { kind: "note", atMs, event: atMs, server: "a3", what: "is there" };
}

describe("a story of messages", () => {
  it("tells of each once, when it arrives", () => {
    const vote = voteRequest(2);
    deepEqual(linesOf([sent(1, vote), received(3, vote)]), [
      "3.00  a2    <- a1 voteRequest term 2 last 0/0",
    ]);
  });

  it("says of one that never arrives that it does not", () => {
    const lines = linesOf([sent(1, voteRequest(2)), end(900)]);
    equal(lines[0], "1.00  a1    -x a2 voteRequest term 2 last 0/0");
  });

  it("does not say so of one that was only just sent", () => {
    const lines = linesOf([end(900), sent(901, voteRequest(2))]);
    equal(lines[1], "901.00  a1    ~> a2 voteRequest term 2 last 0/0");
  });

  it("knows a copy, and one that took long, from the others", () => {
    const vote = voteRequest(2);
    deepEqual(linesOf([sent(1, vote), received(300, vote), received(310, vote)]), [
      "300.00  a2    <- a1 voteRequest term 2 last 0/0 (sent at 1.00)",
      "310.00  a2    <- a1 voteRequest term 2 last 0/0 (again)",
    ]);
  });

  it("folds heartbeats, but not what is between them", () => {
    const facts = [1, 2, 3].flatMap((at) => [sent(at, heartbeat(at)), received(at, heartbeat(at))]);
    const vote = voteRequest(2);
    deepEqual(linesOf([...facts, sent(4, vote), received(4, vote), ...facts.slice(0, 2)]), [
      "1.00        ... 4 heartbeats",
      "4.00  a2    <- a1 voteRequest term 2 last 0/0",
    ]);
  });
});

describe("a story of servers", () => {
  it("says what is new about one, in one line", () => {
    const before = stateOf(1);
    const log = { ...before.log, lastIndex: 2, lastTerm: 2, term: 2 };
    const after = stateOf(2, { leader: "a3", commitIndex: 1, log });
    const dropped = [{ index: 2, term: 1 }];
    const fact = { ...changed(5, before, after), log: { dropped, appended: [noop(2, 2)] } } as Fact;
    deepEqual(linesOf([fact]), [
      "5.00  a2    follows a3 in term 2, votes for a1, drops 2/1, appends [2/2 noop], commits to 1",
    ]);
  });

  it("says that a leader is none any more", () => {
    const facts = [changed(5, stateOf(1, { role: "leader", leader: "a2" }), stateOf(1))];
    deepEqual(linesOf(facts), ["5.00  a2    STEPS DOWN, follows a1 in term 1"]);
  });

  it("tells of a crash what the disk did not have yet", () => {
    const up = stateOf(3);
    const durable = { ...up.log, lastIndex: 2, term: 1, vote: "" };
    const [line = ""] = linesOf([changed(5, up, { ...up, isUp: false, durable })]);
    match(
      line,
      /is down; it had log to 3\/1, vote for a1 in term 1; of that its disk had log to 2\/1, no vote/,
    );
  });

  it("tells of a start what was found", () => {
    const down = { ...stateOf(3), isUp: false };
    const [line = ""] = linesOf([changed(5, down, { ...down, isUp: true })]);
    match(
      line,
      /runs in term 1 with log to 3\/1, vote for a1 in term 1, commit 0, applied 0, \{a1\}/,
    );
  });

  it("says when a state machine goes back", () => {
    const facts = [changed(5, stateOf(3, { appliedIndex: 3 }), stateOf(3, { appliedIndex: 1 }))];
    deepEqual(linesOf(facts), ["5.00  a2    its state goes back to 1"]);
  });

  it("folds lines that repeat themselves in a circle", () => {
    const facts = [1, 2, 3, 4, 5].flatMap((at) => {
      const vote = voteRequest(2);
      const what = "gives up";
      const note: Fact = { kind: "note", atMs: 10 * at + 1, event: at, server: "a1", what };
      return [sent(10 * at, vote), received(10 * at, vote), note];
    });
    deepEqual(linesOf(facts), [
      "10.00  a2    <- a1 voteRequest term 2 last 0/0",
      "11.00  a1    gives up",
      "51.00        ... these 2 lines 4 times more",
    ]);
  });
});

describe("a story of a run", () => {
  it("tells of a fault what it does, that it ends, and before what comes of it", () => {
    const crash = { kind: "crash", server: 1, power: true, isInWrite: false, downMs: 300 } as const;
    const pause = { kind: "pause", server: 0, forMs: 40 } as const;
    const story = storyOf(scenarioOf([pause, crash], []));
    const at = (text: string): number => story.findIndex((line) => line.includes(text));
    match(story[at("FAULT a1")] ?? "", /100\.00 +FAULT a1 stands still for 40 ms/);
    match(story[at("the pause")] ?? "", /140\.00 +the pause of 100\.00 ends/);
    match(story[at("FAULT a2")] ?? "", /a2 loses power, and starts again after 300 ms/);
    ok(at("FAULT a2") < at("a2    loses power"), "the fault, and then what comes of it");
    ok(at("a2    loses power") < at("a2    is down"));
    ok(story.some((line) => /500\.00 +a2 +starts/.test(line)));
  });

  it("tells what clients ask for, and what they are told", () => {
    const story = storyOf({
      ...scenarioOf([], []),
      operations: [{ atMs: 5_000, client: 0, operation: putOf(0, "7") }],
    });
    ok(story.some((line) => / 5000\.00 +c0 +asks to put a=7$/.test(line)));
    ok(story.some((line) => /c0 +is told: done at revision 2 \(put a=7, through a1/.test(line)));
    ok(story.some((line) => /appends \[4\/1 put a=7\]/.test(line)));
  });

  it("ends with how all stand, the promise that was broken, and all facts", () => {
    const run = runScenario(staleRead, { isRecorded: true });
    const story = tellStory(staleRead, run, { command: "again" });
    const [standing, broken, facts, command] = story.slice(-4);
    match(standing ?? "", /^a3: (leader|follower of a\d) in term \d/);
    match(
      broken ?? "",
      /^BROKEN at [\d.]+ ms, event \d+: realTime\. Nobody is told of an older state/,
    );
    equal(facts?.trim(), run.violation?.message);
    equal(command, "Again: again");
  });

  it("shows, when it is short, the lines in which clients saw what is wrong", () => {
    const story = storyOf(staleRead, 12);
    ok(story.some((line) => /^\.\.\. \d+ lines before$/.test(line)));
    ok(story.some((line) => /^\.\.\. \d+ lines after$/.test(line)));
    ok(story.some((line) => /c1 +is told: 1, written at revision 2; now is revision/.test(line)));
    equal(story.filter((line) => /^ *\d+\.\d\d /.test(line)).length, 12);
  });

  it("does not change the run that it tells", () => {
    for (const seed of [3, 4, 5]) {
      const scenario = drawScenario(seed, { troubleMsMax: 3_000, operationsMax: 40 });
      const told = runScenario(scenario, { isRecorded: true });
      equal(told.hash, runScenario(scenario).hash, `seed ${seed}`);
      const story = tellStory(scenario, told);
      deepEqual(story, tellStory(scenario, runScenario(scenario, { isRecorded: true })));
      const times = story.flatMap((line) => /^ *(\d+\.\d\d) {2}/.exec(line)?.[1] ?? []).map(Number);
      deepEqual(
        times,
        times.toSorted((left, right) => left - right),
        `seed ${seed}`,
      );
    }
  });
});
