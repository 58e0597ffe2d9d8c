import { deepEqual, equal, ok } from "node:assert/strict";
import { describe, it } from "node:test";
import { Prng } from "@flotilla/base";
import { configurationServers, isSound, removedMax } from "../src/configuration.ts";
import { jointOf, leaveJoint, planChange, withIncarnations } from "../src/configuration-change.ts";
import type { Configuration, ConfigurationChange, NodeId } from "../src/contract.ts";
import { votersOf } from "./cluster.ts";
import { show } from "./fixtures.ts";

const abc = votersOf("a", "b", "c");
const withLearner: Configuration = { ...abc, learners: ["d"] };
const withWitness: Configuration = { ...votersOf("a", "b", "w"), witnesses: ["w"] };
const led: Configuration = { ...abc, preferred: ["b", "a"], staticLeader: "b" };

function plan(configuration: Configuration, ...changes: readonly ConfigurationChange[]): string {
  const outcome = planChange(configuration, changes);
  return outcome.kind === "planned" ? show(outcome.target) : outcome.reason;
}

describe("planChange()", () => {
  // biome-ignore format: a table
  const cases: readonly [string, Configuration, ConfigurationChange[], string][] = [
    ["adds a learner",              abc, [{ kind: "add", id: "d", votes: 0 }], "a b c learners d"],
    ["adds a voter with weight",    abc, [{ kind: "add", id: "d", votes: 3 }], "a b c d3"],
    ["adds a witness",              abc, [{ kind: "add", id: "d", votes: 1, witness: true }], "a b c d*"],
    ["adds nobody twice",           abc, [{ kind: "add", id: "a", votes: 1 }], "serverExists"],
    ["adds no learner twice",       withLearner, [{ kind: "add", id: "d", votes: 1 }], "serverExists"],
    ["adds no removed server",      { ...abc, removed: ["d"] }, [{ kind: "add", id: "d", votes: 1 }], "serverRemoved"],
    ["adds no learning witness",    abc, [{ kind: "add", id: "d", votes: 0, witness: true }], "unsound"],
    ["adds no nameless server",     abc, [{ kind: "add", id: "", votes: 1 }], "unsound"],
    ["adds no endless weight",      abc, [{ kind: "add", id: "d", votes: 1e9 }], "unsound"],
    ["adds no endless addresses",   abc, [{ kind: "add", id: "d", votes: 1, urls: Array<string>(17).fill("u") }], "unsound"],
    ["removes a voter",             abc, [{ kind: "remove", id: "b" }], "a c removed b"],
    ["removes a learner",           withLearner, [{ kind: "remove", id: "d" }], "a b c removed d"],
    ["removes a witness",           withWitness, [{ kind: "remove", id: "w" }], "a b removed w"],
    ["removes the chosen leader",   led, [{ kind: "remove", id: "b" }], "a c prefer a removed b"],
    ["leaves no witnesses to decide", { ...votersOf("a", "b", "v", "w"), witnesses: ["v", "w"] }, [{ kind: "remove", id: "a" }], "unsound"],
    ["weighs no witness more than the rest", withWitness, [{ kind: "votes", id: "w", votes: 3 }], "unsound"],
    ["weighs a witness as the rest", withWitness, [{ kind: "votes", id: "w", votes: 2 }], "a b w2*"],
    ["removes no stranger",         abc, [{ kind: "remove", id: "x" }], "unknownServer"],
    ["removes not the last data",   { ...votersOf("a", "w"), witnesses: ["w"] }, [{ kind: "remove", id: "a" }], "noDataVoter"],
    ["removes not the last voter",  { ...votersOf("a"), learners: ["d"] }, [{ kind: "remove", id: "a" }], "noDataVoter"],
    ["promotes a learner",          withLearner, [{ kind: "promote", id: "d", votes: 2 }], "a b c d2"],
    ["promotes no voter",           abc, [{ kind: "promote", id: "a", votes: 2 }], "wrongRole"],
    ["promotes no stranger",        abc, [{ kind: "promote", id: "x", votes: 2 }], "unknownServer"],
    ["promotes not to nothing",     withLearner, [{ kind: "promote", id: "d", votes: 0 }], "unsound"],
    ["demotes a voter",             led, [{ kind: "demote", id: "b" }], "a c learners b prefer a"],
    ["demotes no learner",          withLearner, [{ kind: "demote", id: "d" }], "wrongRole"],
    ["demotes no witness",          withWitness, [{ kind: "demote", id: "w" }], "wrongRole"],
    ["demotes not the last voter",  votersOf("a"), [{ kind: "demote", id: "a" }], "noDataVoter"],
    ["changes votes",               abc, [{ kind: "votes", id: "c", votes: 5 }], "a b c5"],
    ["changes no learner's votes",  withLearner, [{ kind: "votes", id: "d", votes: 5 }], "wrongRole"],
    ["changes votes to no fraction", abc, [{ kind: "votes", id: "c", votes: 1.5 }], "unsound"],
    ["prefers leaders in order",    abc, [{ kind: "prefer", ids: ["c", "a"] }], "a b c prefer c a"],
    ["prefers nobody any more",     led, [{ kind: "prefer", ids: [] }], "a b c static b"],
    ["prefers nobody twice",        abc, [{ kind: "prefer", ids: ["a", "a"] }], "unsound"],
    ["prefers no witness",          withWitness, [{ kind: "prefer", ids: ["w"] }], "wrongRole"],
    ["sets a static leader",        abc, [{ kind: "staticLeader", id: "c" }], "a b c static c"],
    ["ends a static leader",        led, [{ kind: "staticLeader", id: undefined }], "a b c prefer b a"],
    ["sets no static learner",      withLearner, [{ kind: "staticLeader", id: "d" }], "wrongRole"],
    ["sets no static stranger",     abc, [{ kind: "staticLeader", id: "x" }], "unknownServer"],
    ["moves nobody unknown",        abc, [{ kind: "urls", id: "x", urls: [] }], "unknownServer"],
    ["does several steps at once",  abc, [{ kind: "add", id: "d", votes: 1 }, { kind: "remove", id: "a" }, { kind: "votes", id: "d", votes: 2 }], "b c d2 removed a"],
    ["does all steps or none",      abc, [{ kind: "add", id: "d", votes: 1 }, { kind: "remove", id: "x" }], "unknownServer"],
    ["says when nothing changes",   abc, [{ kind: "votes", id: "a", votes: 1 }], "unchanged"],
    ["says so of no steps, too",    abc, [], "unchanged"],
    ["keeps the epoch",             { ...abc, epoch: 3 }, [{ kind: "remove", id: "c" }], "a b epoch 3 removed c"],
    ["waits for the joint phase",   { ...abc, outgoing: abc.voters }, [{ kind: "remove", id: "c" }], "changePending"],
  ];
  for (const [name, configuration, changes, want] of cases) {
    it(name, () => equal(plan(configuration, ...changes), want));
  }

  it("remembers addresses, and keeps incarnations when they move", () => {
    const servers = [{ id: "a", incarnation: 7, urls: ["old"] }];
    const outcome = planChange({ ...abc, servers }, [
      { kind: "urls", id: "a", urls: ["new"] },
      { kind: "add", id: "d", votes: 1, urls: ["d1", "d2"] },
    ]);
    ok(outcome.kind === "planned");
    deepEqual(outcome.target.servers, [
      { id: "a", incarnation: 7, urls: ["new"] },
      { id: "d", incarnation: 0, urls: ["d1", "d2"] },
    ]);
  });

  it("remembers the last servers that were removed, and no more", () => {
    let configuration = abc;
    for (let count = 0; count < removedMax + 5; count++) {
      const id = `x${count}`;
      for (const change of [
        { kind: "add", id, votes: 1 } as const,
        { kind: "remove", id } as const,
      ]) {
        const outcome = planChange(configuration, [change]);
        ok(outcome.kind === "planned");
        configuration = outcome.target;
      }
    }
    equal(configuration.removed?.length, removedMax);
    equal(configuration.removed?.at(-1), `x${removedMax + 4}`);
    equal(configuration.removed?.[0], "x5");
  });
});

function anyChange(prng: Prng, configuration: Configuration, fresh: NodeId): ConfigurationChange {
  const id = prng.pick([...configurationServers(configuration)]);
  const votes = prng.between(1, 3);
  return prng.pick<ConfigurationChange>([
    { kind: "add", id: fresh, votes: prng.below(2), urls: [fresh] },
    { kind: "add", id: fresh, votes, witness: true },
    { kind: "remove", id },
    { kind: "promote", id, votes },
    { kind: "demote", id },
    { kind: "votes", id, votes },
    { kind: "prefer", ids: [id] },
    { kind: "staticLeader", id },
    { kind: "urls", id, urls: [id, fresh] },
  ]);
}

describe("jointOf() and leaveJoint()", () => {
  it("go from one sound configuration through a sound joint one to the next (2,000 changes)", () => {
    for (let seed = 0; seed < 100; seed++) {
      const prng = new Prng(seed);
      let configuration = abc;
      for (let step = 0; step < 20; step++) {
        const changes = Array.from({ length: prng.between(1, 3) }, (_, at) =>
          anyChange(prng, configuration, `s${step}.${at}`),
        );
        const outcome = planChange(configuration, changes);
        if (outcome.kind === "refused") continue;
        const joint = jointOf(configuration, outcome.target);
        const message = `seed=${seed} step=${step}`;
        ok(isSound(joint) && isSound(outcome.target), message);
        deepEqual(joint.outgoing, configuration.voters, message);
        deepEqual(leaveJoint(joint), outcome.target, message);
        configuration = outcome.target;
      }
    }
  });

  it("keeps reaching and stripping a witness until it is out", () => {
    const servers = [{ id: "w", incarnation: 3, urls: ["url"] }];
    const current = { ...withWitness, servers };
    const outcome = planChange(current, [{ kind: "remove", id: "w" }]);
    ok(outcome.kind === "planned");
    const joint = jointOf(current, outcome.target);
    deepEqual(joint.witnesses, ["w"]);
    deepEqual(joint.servers, servers);
    equal(show(leaveJoint(joint)), "a b removed w");
  });
});

describe("withIncarnations()", () => {
  it("fills in what was not known, and never changes what was", () => {
    const servers = [
      { id: "a", incarnation: 7, urls: [] },
      { id: "b", incarnation: 0, urls: ["b"] },
    ];
    const heard = new Map([
      ["a", 8],
      ["b", 9],
      ["c", 10],
      ["stranger", 11],
    ]);
    deepEqual(withIncarnations({ ...abc, servers }, heard).servers, [
      { id: "a", incarnation: 7, urls: [] },
      { id: "b", incarnation: 9, urls: ["b"] },
      { id: "c", incarnation: 10, urls: [] },
    ]);
  });
});
