import { deepEqual, equal, notDeepEqual, ok } from "node:assert/strict";
import { describe, it } from "node:test";
import { silentLogger } from "@flotilla/base";
import type { ChangeConfigurationOutcome, ReplaceOutcome } from "../src/index.ts";
import { StateReplacement } from "../src/state-replacement.ts";
import { cluster, electionMs, heartbeatMs, type Node, type World } from "./world.ts";

function agree(world: World): void {
  const leader = world.leader();
  equal(leader.put("last").kind, "applied");
  const { appliedIndex, revision } = leader.store;
  world.until("all to catch up", () =>
    world.up().every(({ store }) => store.appliedIndex >= appliedIndex),
  );
  for (const { store, id, failure } of world.up()) {
    equal(failure, undefined, id);
    deepEqual(store.hash(revision), leader.store.hash(revision), id);
  }
}

function replaced(node: Node): ReplaceOutcome[] {
  const outcomes: ReplaceOutcome[] = [];
  node.replica.replaceState((outcome) => void outcomes.push(outcome));
  return outcomes;
}

describe("a server whose store is wrong", () => {
  it("gets the leader's, and keeps its log and its vote", () => {
    const world = cluster("a b c");
    const leader = world.leader();
    for (let at = 0; at < 20; at++) leader.put(`k${at}`);
    const bad = world.follower();
    world.pass(100);
    bad.corrupt();
    const { revision } = leader.store;
    notDeepEqual(bad.store.hash(revision), leader.store.hash(revision));
    const { entries, snapshot, hardState } = bad.durable;
    const outcomes = replaced(bad);
    world.until("the replacement", () => outcomes.length > 0);
    deepEqual(outcomes, [{ kind: "replaced", index: leader.store.appliedIndex }]);
    equal(bad.durable.entries.length, entries.length);
    deepEqual(bad.durable.snapshot, snapshot);
    equal(bad.durable.hardState.vote, hardState.vote);
    equal(bad.readLocally("k3")?.value, "v");
    equal(bad.put("own").kind, "applied", "it takes part as before");
    agree(world);
    bad.crash();
    bad.start();
    agree(world);
  });

  it("does so under load, over a link that loses, through crashes (30 seeds)", () => {
    for (let seed = 0; seed < 30; seed++) {
      const options = { loss: 0.05, snapshotEntries: 20, catchUpEntries: 5 };
      const world = cluster("a b c", seed, options);
      const leader = world.leader();
      for (let at = 0; at < 30; at++) leader.put(`k${at}`);
      const bad = world.follower();
      bad.corrupt();
      const outcomes = replaced(bad);
      for (let at = 0; at < 60; at++) {
        world.pass(world.prng.below(8));
        const [node] = world.up().filter((one) => one !== bad);
        node?.putLater(`more${at}`, () => {});
        if (at === 20 && seed % 3 === 1) leader.crash();
        if (at === 40 && seed % 3 === 1) leader.start();
        if (at === 20 && seed % 3 === 2 && outcomes.length === 0) {
          bad.crash();
          bad.start();
          replaced(bad);
        }
      }
      world.until(`the right state, seed=${seed}`, () => bad.readLocally("k3")?.value === "v");
      agree(world);
    }
  });

  it("gives its leadership away, and asks whoever leads then", () => {
    const world = cluster("a b c");
    const bad = world.leader();
    for (let at = 0; at < 5; at++) bad.put(`k${at}`);
    bad.corrupt();
    const outcomes = replaced(bad);
    world.until("the replacement", () => outcomes.length > 0);
    ok(world.leader() !== bad);
    equal(bad.readLocally("k3")?.value, "v");
    agree(world);
  });

  it("is not to lead, however preferred, until it has it: that would break it off each time (20 seeds)", () => {
    for (let seed = 0; seed < 20; seed++) {
      const preferTicks = 5;
      const world = cluster("a b c", seed, { engine: { preferTicks } });
      const leader = world.leader();
      const bad = world.follower();
      for (let at = 0; at < 50; at++) leader.put(`k${at}`, "v".repeat(2_000));
      const outcomes = replaced(bad);
      const preferred = world.ask((done: (outcome: ChangeConfigurationOutcome) => void) =>
        leader.replica.change([{ kind: "prefer", ids: [bad.id] }], done),
      );
      equal(preferred.kind, "changed");
      const { term } = leader.status();
      const sinceMs = world.nowMs;
      world.until(`the replacement, seed=${seed}`, () => outcomes.length > 0);
      ok(world.nowMs - sinceMs > 2 * preferTicks * heartbeatMs, "it was long enough");
      equal(leader.status().term, term, `seed=${seed}`);
      world.until(`its turn, seed=${seed}`, () => bad.status().role === "leader");
      agree(world);
    }
  });

  it("has it from the only one that has it, whichever two of three have not (30 seeds)", () => {
    for (let seed = 0; seed < 30; seed++) {
      const world = cluster("a b c", seed);
      for (let at = 0; at < 5; at++) world.leader().put(`k${at}`);
      world.pass(100);
      const bad = world.up().filter((_, at) => at !== seed % 3);
      for (const node of bad) node.corrupt();
      const outcomes = bad.map(replaced);
      world.until(`both replacements, seed=${seed}`, () =>
        outcomes.every(({ length }) => length > 0),
      );
      for (const node of bad) equal(node.readLocally("k3")?.value, "v", `seed=${seed}`);
      agree(world);
    }
  });

  it("sends its state to nobody", () => {
    const world = cluster("a b c", 1, { snapshotEntries: 10, catchUpEntries: 0 });
    const bad = world.leader();
    const late = world.follower();
    late.crash();
    for (let at = 0; at < 40; at++) world.leader().put(`k${at}`);
    bad.corrupt();
    const [other] = world.up().filter((node) => node !== bad);
    (other as Node).isCut = true; // Nobody is there to lead instead.
    replaced(bad);
    late.start();
    world.pass(20 * electionMs);
    equal(late.readLocally("k39"), undefined);
    (other as Node).isCut = false;
    world.until("all to be right", () =>
      world.up().every((node) => node.readLocally("k39")?.value === "v"),
    );
    agree(world);
  });

  it("goes on as it was when that is given up, and takes one at a time", () => {
    const world = cluster("a b c");
    const bad = world.follower();
    const leader = world.leader();
    for (const node of world.up()) node.isCut = node !== bad && node !== leader;
    leader.isCut = true;
    const outcomes: ReplaceOutcome[] = [];
    const cancel = bad.replica.replaceState((outcome) => void outcomes.push(outcome));
    const second = world.ask((done: (outcome: ReplaceOutcome) => void) =>
      bad.replica.replaceState(done),
    );
    equal(second.kind, "tooManyRequests");
    world.pass(200);
    cancel();
    for (const node of world.up()) node.isCut = false;
    agree(world);
    deepEqual(outcomes, []);
  });

  it("does not take the one that comes late from an earlier try, and is older than what is here", () => {
    const calls: string[] = [];
    let appliedIndex = 10;
    let nowMs = 0;
    const replacement = new StateReplacement(
      {
        engine: { role: "follower", leader: "b" },
        logger: silentLogger,
        nowMs: () => nowMs,
        presentIndex: () => appliedIndex,
        hold: () => {},
        ask: (_leader, sinceIndex) => calls.push(`ask ${sinceIndex}`),
        isReceiving: () => false,
        stopAsking: () => {},
        install: ({ index }) => calls.push(`install ${index}`),
      },
      electionMs,
    );
    const configuration = { voters: [], learners: [], outgoing: [] };
    const giveUp = replacement.begin(() => {});
    giveUp();
    appliedIndex = 20;
    replacement.begin(() => {});
    replacement.received({ index: 12, term: 1, configuration });
    nowMs += electionMs;
    replacement.tick();
    replacement.received({ index: 20, term: 1, configuration });
    deepEqual(calls, ["ask 10", "ask 20", "ask 20", "install 20"]);
  });

  it("is refused where nobody else votes and holds data", () => {
    for (const names of ["a", "a w:w"]) {
      const world = cluster(names);
      const { replica } = world.leader();
      const outcome = world.ask((done: (outcome: ReplaceOutcome) => void) =>
        replica.replaceState(done),
      );
      equal(outcome.kind, "alone", names);
      equal(world.leader().put("k").kind, "applied");
    }
  });

  it("is told when it stops", () => {
    const world = cluster("a b c");
    const bad = world.leader();
    const outcomes = replaced(bad);
    const isStopped = world.ask((done: (isStopped: true) => void) =>
      bad.replica.stop(() => done(true)),
    );
    ok(isStopped);
    deepEqual(outcomes, [{ kind: "stopped" }]);
  });
});
