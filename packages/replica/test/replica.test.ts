import { deepEqual, equal, ok } from "node:assert/strict";
import { describe, it } from "node:test";
import type { ConfigurationChange, EngineStatus } from "@flotilla/consensus";
import { holds } from "../src/change-effect.ts";
import type { ChangeConfigurationOutcome, ProposeOutcome } from "../src/index.ts";
import { cluster, type Node, newcomer, type World } from "./world.ts";

function change(node: Node, ...changes: ConfigurationChange[]): ChangeConfigurationOutcome {
  return node.world.ask((done) => node.replica.change(changes, done));
}

/** All servers that are up hold the same. */
function agree(world: World): void {
  const leader = world.leader();
  equal(leader.put("last").kind, "applied");
  const { appliedIndex } = leader.store;
  const data = world.up().filter(({ id }) => !isWitness(leader, id));
  world.until("all to catch up", () =>
    data.every(({ store }) => store.appliedIndex >= appliedIndex),
  );
  const hashes = data.map(({ store }) => store.hash(leader.store.revision));
  for (const hash of hashes) deepEqual(hash, hashes[0]);
  for (const { failure, id } of world.nodes.values()) equal(failure, undefined, id);
}

function isWitness(node: Node, id: string): boolean {
  return node.status().configuration.witnesses?.includes(id) === true;
}

describe("replicas", () => {
  it("apply what each of them proposes, and read it on each", () => {
    const world = cluster("a b c");
    world.leader();
    for (const node of world.up()) {
      equal(node.put(`from-${node.id}`).kind, "applied");
      for (const reader of world.up()) equal(reader.read(`from-${node.id}`)?.value, "v");
    }
    agree(world);
  });

  it("apply each command once, through crashes and over a link that loses (20 seeds)", () => {
    for (let seed = 0; seed < 20; seed++) {
      const world = cluster("a b c", seed, { loss: 0.05, snapshotEntries: 20, catchUpEntries: 5 });
      world.leader();
      const outcomes: ProposeOutcome[] = [];
      let asked = 0;
      for (let round = 0; round < 8; round++) {
        const victim = [...world.nodes.values()][world.prng.below(3)] as Node;
        for (const node of world.up()) {
          if (node !== victim) {
            asked++;
            node.putLater("counter", (outcome) => void outcomes.push(outcome));
          }
        }
        world.pass(world.prng.below(30));
        victim.crash();
        world.pass(world.prng.below(400));
        victim.start();
        // The others are asked to wait for theirs: a crash takes the callbacks along.
        const isOver = () => outcomes.length === asked;
        world.until(`seed=${seed}: all outcomes`, isOver);
      }
      const applied = outcomes.filter(({ kind }) => kind === "applied").length;
      const counted = world.leader().read("counter")?.version ?? 0;
      const unknown = outcomes.filter(({ kind }) => kind === "timeout").length;
      ok(
        applied <= counted && counted <= applied + unknown,
        `seed=${seed}: ${applied} were applied, ${counted} are there`,
      );
      ok(applied >= 10, `seed=${seed}`);
      agree(world);
    }
  });

  it("apply nothing twice when sessions are forgotten (trap T35, 10 seeds)", () => {
    for (let seed = 0; seed < 10; seed++) {
      const world = cluster("a b c", seed, { sessionsMax: 1, loss: 0.05 });
      world.leader();
      const outcomes: ProposeOutcome[] = [];
      for (let at = 0; at < 60; at++) {
        const node = world.up()[at % 3] as Node;
        node.putLater("counter", (outcome) => void outcomes.push(outcome));
        world.pass(world.prng.below(8));
      }
      world.until("all outcomes", () => outcomes.length === 60);
      const applied = outcomes.filter(({ kind }) => kind === "applied").length;
      const unknown = outcomes.filter(({ kind }) => kind === "timeout").length;
      equal(applied + unknown, 60, `seed=${seed}`);
      const counted = world.leader().read("counter")?.version ?? 0;
      ok(applied <= counted && counted <= applied + unknown, `seed=${seed}`);
      ok(applied > 0, `seed=${seed}: ${applied}`);
    }
  });

  it("bring one that is far behind up to date, over a link that loses (10 seeds)", () => {
    for (let seed = 0; seed < 10; seed++) {
      const options = { snapshotEntries: 10, catchUpEntries: 0, loss: 0.1 };
      const world = cluster("a b c", seed, options);
      const late = world.follower();
      late.crash();
      for (let at = 0; at < 40; at++) world.leader().putLater(`k${at}`, () => {}, "x".repeat(200));
      world.until("the log to be compacted", () => world.leader().status().firstIndex > 20);
      late.start();
      agree(world);
      ok(world.bulkFrames > 0);
      late.crash();
      late.start();
      agree(world);
    }
  });

  it("say where they stand, and end all that waits when they stop", () => {
    const world = cluster("a b c");
    const follower = world.follower();
    const status = world.ask((done: (status: EngineStatus | undefined) => void) =>
      follower.replica.leaderStatus(done),
    );
    equal(status?.role, "leader");
    equal(status?.id, world.leader().id);
    deepEqual([...(status?.progress.keys() ?? [])].sort(), othersThan(world.leader().id));
    follower.isCut = true;
    const kinds: string[] = [];
    const note = ({ kind }: { kind: string }) => void kinds.push(kind);
    follower.putLater("k", note);
    follower.replica.readBarrier(note);
    follower.replica.renewLease(1n, note);
    follower.replica.change([{ kind: "remove", id: "a" }], note);
    world.pass(20);
    deepEqual(kinds, []);
    const { replica } = follower;
    world.ask((done: (over: true) => void) => replica.stop(() => done(true)));
    deepEqual(kinds, ["stopped", "stopped", "stopped", "stopped"]);
    equal(follower.put("k").kind, "stopped");
    deepEqual(
      world.ask((done) => replica.leaderStatus(done)),
      undefined,
    );
  });
});

function othersThan(id: string): string[] {
  return ["a", "b", "c"].filter((other) => other !== id);
}

describe("a change of the configuration", () => {
  it("is made from any member, and is in force where it was asked for", () => {
    const world = cluster("a b c");
    const asker = world.follower();
    const joining = newcomer(world, "d");
    const reads: string[] = [];
    joining.replica.readBarrier(({ kind }) => void reads.push(kind));
    const added = change(asker, { kind: "add", id: "d", votes: 0 });
    ok(added.kind === "changed", JSON.stringify(added));
    ok(asker.status().configuration.learners.includes("d"));
    world.until(
      "the learner to catch up",
      () => change(asker, { kind: "promote", id: "d", votes: 1 }).kind === "changed",
    );
    equal(asker.status().configuration.voters.length, 4);
    deepEqual(reads, ["ready"], "it has waited until it had a place");
    agree(world);
    const leader = world.leader();
    const removed = change(leader, { kind: "remove", id: leader.id });
    equal(removed.kind, "changed", "also when the leader removes itself");
    leader.crash();
    agree(world);
    equal(world.leader().status().configuration.voters.length, 3);
  });

  it("is refused for its reason, from any member", () => {
    const world = cluster("a b c");
    for (const node of [world.leader(), world.follower()]) {
      deepEqual(change(node, { kind: "remove", id: "x" }), {
        kind: "refused",
        reason: "unknownServer",
      });
      deepEqual(change(node, { kind: "add", id: "a", votes: 1 }), {
        kind: "refused",
        reason: "serverExists",
      });
    }
  });

  it("says the truth about itself when leaders die on the way (40 seeds)", () => {
    const kinds = new Map<string, number>();
    for (let seed = 0; seed < 40; seed++) {
      const world = cluster("a b c d e", seed, { loss: 0.02 });
      const leader = world.leader();
      const asker = world.follower();
      const wanted: ConfigurationChange = { kind: "votes", id: asker.id, votes: 7 };
      let outcome: ChangeConfigurationOutcome | undefined;
      asker.replica.change([wanted], (given) => {
        outcome = given;
      });
      world.pass(world.prng.below(12));
      leader.crash();
      world.until(`seed=${seed}: an outcome`, () => outcome !== undefined);
      leader.start();
      agree(world);
      const { configuration } = world.leader().status();
      const isMade = holds(configuration, [wanted]);
      if (outcome?.kind === "changed") equal(isMade, true, `seed=${seed}`);
      if (outcome?.kind === "refused") equal(isMade, false, `seed=${seed}`);
      kinds.set(outcome?.kind ?? "", (kinds.get(outcome?.kind ?? "") ?? 0) + 1);
    }
    ok((kinds.get("changed") ?? 0) >= 35, JSON.stringify([...kinds]));
  });

  it("takes nothing into a snapshot that is not committed (20 seeds)", () => {
    let chances = 0;
    for (let seed = 0; seed < 20; seed++) {
      const world = cluster("a b c", seed, { snapshotEntries: 5, catchUpEntries: 0 });
      const leader = world.leader();
      const others = world.up().filter((node) => node !== leader);
      while (leader.status().appliedIndex < leader.durable.snapshot.index + 4) leader.put("k");
      const before = leader.durable.snapshot.index;
      leader.putLater("k", () => {});
      // What the others have acknowledged commits after they are gone, and with the change in force.
      const lastIndex = leader.status().lastIndex + 1;
      world.until("the others to have it", () =>
        others.every(({ durable }) => durable.snapshot.index + durable.entries.length >= lastIndex),
      );
      world.pass(0);
      for (const node of others) node.isCut = true;
      leader.replica.change([{ kind: "votes", id: "a", votes: 9 }], () => {});
      world.pass(20);
      const isJoint = leader.status().configuration.outgoing.length > 0;
      const { snapshot } = leader.durable;
      if (isJoint && snapshot.index > before) chances++;
      equal(snapshot.configuration.outgoing.length, 0, `seed=${seed}`);
      leader.crash();
      for (const node of others) node.isCut = false;
      leader.start();
      agree(world);
    }
    ok(chances > 0, "no seed has compacted while a change was under way");
  });

  it("is in every later snapshot, also of a server that has it from one", () => {
    const world = cluster("a b c", 4, { snapshotEntries: 5, catchUpEntries: 0 });
    const late = world.follower();
    late.crash();
    const leader = world.leader();
    equal(change(leader, { kind: "prefer", ids: ["c"] }).kind, "changed");
    for (let at = 0; at < 10; at++) leader.put(`k${at}`);
    late.start();
    agree(world);
    const { index } = late.durable.snapshot;
    for (let at = 0; at < 10; at++) leader.put(`k${at}`);
    agree(world);
    ok(late.durable.snapshot.index > index);
    for (const { durable, id } of world.up()) {
      deepEqual(durable.snapshot.configuration.preferred, ["c"], id);
    }
  });
});

describe("a witness", () => {
  it("keeps two members going when one of them is gone, and serves nobody", () => {
    const world = cluster("a b w:w");
    world.leader();
    const witness = world.nodes.get("w") as Node;
    deepEqual(witness.put("k"), { kind: "noData" });
    deepEqual(
      world.ask((done) => witness.replica.readBarrier(done)),
      { kind: "noData" },
    );
    for (const id of ["a", "b"]) {
      const victim = world.nodes.get(id) as Node;
      victim.crash();
      const survivor = world.nodes.get(id === "a" ? "b" : "a") as Node;
      const isApplied = () => survivor.put(`without-${id}`).kind === "applied";
      world.until("the survivor to lead", isApplied);
      victim.start();
      agree(world);
    }
    equal(witness.store.revision, 1, "it holds nothing");
    ok(witness.store.appliedIndex > 0);
    const status = world.ask((done: (status: EngineStatus | undefined) => void) =>
      witness.replica.leaderStatus(done),
    );
    equal(status?.role, "leader", "but it helps operators");
  });

  it("is told without a byte how far it may leave the log behind (10 seeds)", () => {
    for (let seed = 0; seed < 10; seed++) {
      const options = { snapshotEntries: 10, catchUpEntries: 0, loss: 0.05 };
      const world = cluster("a b w:w", seed, options);
      const witness = world.nodes.get("w") as Node;
      world.leader();
      witness.crash();
      for (let at = 0; at < 40; at++) world.leader().putLater(`k${at}`, () => {});
      world.until("the log to be compacted", () => world.leader().status().firstIndex > 20);
      witness.start();
      const target = world.leader().status().commitIndex;
      world.until("the witness to catch up", () => witness.store.appliedIndex >= target);
      equal(world.bulkFrames, 0);
      equal(witness.store.revision, 1);
      witness.crash();
      witness.start();
      ok(witness.store.appliedIndex > 0, "a restart finds it");
      agree(world);
    }
  });

  it("can be new, and not know yet that it is one", () => {
    const world = cluster("a b", 5, { snapshotEntries: 10, catchUpEntries: 0 });
    const leader = world.leader();
    for (let at = 0; at < 30; at++) leader.put(`k${at}`);
    const witness = newcomer(world, "w");
    const reads: string[] = [];
    const read = () => witness.replica.readBarrier(({ kind }) => void reads.push(kind));
    read();
    const added = change(leader, { kind: "add", id: "w", votes: 1, witness: true });
    equal(added.kind, "changed");
    world.until("its place", () => isWitness(witness, "w"));
    equal(witness.store.revision, 1);
    read();
    world.pass(50);
    deepEqual(reads, ["noData", "noData"]);
    world.follower().crash();
    world.until("the other two to go on", () => leader.put("k").kind === "applied");
  });
});
