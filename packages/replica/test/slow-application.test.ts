import { deepEqual, equal, ok } from "node:assert/strict";
import { describe, it } from "node:test";
import { cluster, electionMs, heartbeatMs, type Node, type World } from "./world.ts";

const queueEntriesMax = 20;
/** Of 300 bytes each: three to a message, two messages under way. */
const value = "x".repeat(200);
const engine = { appendBytesMax: 1_000, inflightMessagesMax: 2 };
const messageEntriesMax = 4;
/**
 * The limit is looked at when a message comes. What was taken in before it and is not known to be
 * committed comes on top: a window on its way to the leader, and one whose commit is on its way back.
 */
const waitingMax = queueEntriesMax + 2 * engine.inflightMessagesMax * messageEntriesMax;
const options = { apply: { queueEntriesMax }, engine };

/** Entries that this server has taken in and not applied. What a snapshot brings along does not wait. */
function waiting(node: Node): number {
  const { firstIndex, lastIndex } = node.status();
  return lastIndex - Math.max(node.store.appliedIndex, firstIndex - 1);
}

/** The longest a round trip takes here, both disks included. */
const roundTripMs = 10;

/** Writes on for `ms`, and says what came of it, and how much `slow` had waiting at most. */
function writeFor(world: World, ms: number, slow: Node): { kinds: string[]; most: number } {
  const leader = world.leader();
  const kinds: string[] = [];
  let asked = 0;
  let most = 0;
  for (const endMs = world.nowMs + ms; world.nowMs < endMs; ) {
    leader.putLater(`k${asked++ % 5}`, ({ kind }) => void kinds.push(kind), value);
    world.pass(1);
    most = Math.max(most, waiting(slow));
  }
  return { kinds, most };
}

/** All hold the same, and nobody has failed. */
function agree(world: World, leader: Node): void {
  equal(leader.put("last").kind, "applied");
  const { appliedIndex } = leader.store;
  const isThere = () => world.up().every(({ store }) => store.appliedIndex >= appliedIndex);
  world.until("all to catch up", isThere);
  const { revision } = leader.store;
  for (const { store, failure, id } of world.up()) {
    deepEqual(store.hash(revision), leader.store.hash(revision), id);
    equal(failure, undefined, id);
  }
}

describe("a follower that applies slowly", () => {
  it("is held back, and stays a follower of the same leader", () => {
    const world = cluster("a b c", 1, options);
    const leader = world.leader();
    const { term } = leader.status();
    const slow = world.follower();
    slow.holdApplying();
    const before = slow.store.appliedIndex;
    const { kinds, most } = writeFor(world, 10 * electionMs, slow);
    ok(most >= queueEntriesMax && most <= waitingMax, `${most} have waited`);
    equal(slow.store.appliedIndex, before);
    ok(kinds.length > 10 * waitingMax, "the others have gone on");
    for (const { id, replica } of world.up()) equal(replica.status().term, term, id);
    deepEqual([leader.status().role, slow.status().leader], ["leader", leader.id]);
    equal(leader.status().progress.get(slow.id)?.recentlyActive, true);
  });

  it("goes on after two heartbeats at most, and has missed nothing (20 seeds)", () => {
    for (let seed = 0; seed < 20; seed++) {
      const world = cluster("a b c", seed, options);
      const leader = world.leader();
      const slow = world.follower();
      slow.holdApplying();
      writeFor(world, 3 * electionMs + world.prng.below(heartbeatMs), slow);
      const { lastIndex } = slow.status();
      ok(leader.status().lastIndex > lastIndex + waitingMax, `seed=${seed}`);
      slow.resumeApplying();
      const sinceMs = world.nowMs;
      world.until("more to be taken in", () => slow.status().lastIndex > lastIndex);
      const tookMs = world.nowMs - sinceMs;
      ok(tookMs <= 2 * heartbeatMs + roundTripMs, `seed=${seed}: ${tookMs} ms`);
      agree(world, leader);
      equal(world.bulkFrames, 0, "no snapshot was needed");
    }
  });

  it("holds up commits that need it, and deposes nobody (20 seeds)", () => {
    for (let seed = 0; seed < 20; seed++) {
      const world = cluster("a b", seed, options);
      const leader = world.leader();
      const { term } = leader.status();
      const slow = world.follower();
      slow.holdApplying();
      const { kinds, most } = writeFor(world, 5 * electionMs, slow);
      ok(most <= waitingMax, `seed=${seed}: ${most} have waited`);
      ok(kinds.length <= waitingMax, `seed=${seed}: ${kinds.length} were applied`);
      slow.resumeApplying();
      world.until("all outcomes", () => kinds.length === 5 * electionMs);
      ok(
        kinds.every((kind) => kind === "applied"),
        `seed=${seed}`,
      );
      agree(world, leader);
      deepEqual([leader.status().role, leader.status().term], ["leader", term], `seed=${seed}`);
    }
  });

  it("keeps to the limit when it is slow now and then, over a link that loses (8 seeds)", () => {
    for (let seed = 0; seed < 8; seed++) {
      const lossy = { ...options, loss: 0.05, snapshotEntries: 30, catchUpEntries: 10 };
      const world = cluster("a b c", seed, lossy);
      world.leader();
      for (let round = 0; round < 10; round++) {
        const slow = world.follower();
        slow.holdApplying();
        const { most } = writeFor(world, world.prng.below(2 * electionMs), slow);
        ok(most <= waitingMax, `seed=${seed}: ${most} have waited`);
        slow.resumeApplying();
        world.pass(world.prng.below(electionMs));
      }
      agree(world, world.leader());
    }
  });
});

describe("a follower that waits for another store", () => {
  it("takes no more in than may wait, while the others go on without it", () => {
    const world = cluster("a b c", 1, options);
    const leader = world.leader();
    const bad = world.follower();
    world.isBulkLost = true;
    let outcome = "";
    bad.replica.replaceState(({ kind }) => {
      outcome = kind;
    });
    const { kinds, most } = writeFor(world, 10 * electionMs, bad);
    ok(most >= queueEntriesMax && most <= waitingMax, `${most} have waited`);
    ok(kinds.length > 10 * waitingMax, "the others have gone on");
    world.isBulkLost = false;
    world.until("the replacement", () => outcome !== "");
    equal(outcome, "replaced");
    agree(world, leader);
  });

  it("holds up commits that need it, until it has its store (20 seeds)", () => {
    for (let seed = 0; seed < 20; seed++) {
      const world = cluster("a b", seed, options);
      const leader = world.leader();
      const bad = world.follower();
      world.isBulkLost = true;
      bad.replica.replaceState(() => {});
      const { kinds, most } = writeFor(world, 5 * electionMs, bad);
      ok(most <= waitingMax, `seed=${seed}: ${most} have waited`);
      world.isBulkLost = false;
      world.until(`all outcomes, seed=${seed}`, () => kinds.length === 5 * electionMs);
      ok(
        kinds.every((kind) => kind === "applied"),
        `seed=${seed}`,
      );
      agree(world, leader);
    }
  });

  it("takes in what a new leader needs to have a state to send, which is no more (20 seeds)", () => {
    for (let seed = 0; seed < 20; seed++) {
      const world = cluster("a b c", seed, options);
      const leader = world.leader();
      const bad = world.follower();
      world.isBulkLost = true;
      bad.replica.replaceState(() => {});
      writeFor(world, 3 * electionMs, bad);
      const [other] = world.up().filter((node) => node !== leader && node !== bad);
      leader.crash();
      world.until(`a leader, seed=${seed}`, () => other?.status().role === "leader");
      const { lastIndex } = (other as Node).status();
      world.until(`its own entry, seed=${seed}`, () => bad.status().commitIndex >= lastIndex);
      writeFor(world, 5 * electionMs, bad);
      const { lastIndex: takenIndex } = bad.status();
      ok(takenIndex <= lastIndex + messageEntriesMax, `seed=${seed}: ${takenIndex - lastIndex}`);
      world.isBulkLost = false;
      leader.start();
      agree(world, world.leader());
    }
  });
});

describe("a leader that applies slowly", () => {
  it("takes no more proposals in, its own or forwarded, than may wait", () => {
    const world = cluster("a b c", 1, options);
    const leader = world.leader();
    const follower = world.follower();
    leader.holdApplying();
    const own: string[] = [];
    const forwarded: string[] = [];
    let most = 0;
    for (let asked = 0; asked < 5 * electionMs; asked++) {
      leader.putLater(`own${asked % 5}`, ({ kind }) => void own.push(kind), value);
      follower.putLater(`forwarded${asked % 5}`, ({ kind }) => void forwarded.push(kind), value);
      world.pass(1);
      most = Math.max(most, waiting(leader));
    }
    // On top of the limit comes what was accepted before the first of it was committed: a round trip's worth.
    ok(most >= queueEntriesMax && most <= queueEntriesMax + 4 * roundTripMs, `${most} have waited`);
    ok(own.length > 0 && own.every((kind) => kind === "tooManyRequests"), own.join());
    equal(leader.status().role, "leader");
    leader.resumeApplying();
    world.until("all outcomes", () => own.length + forwarded.length === 10 * electionMs);
    agree(world, leader);
  });
});
