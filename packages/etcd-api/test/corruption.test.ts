import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { describe, it } from "node:test";
import { type LogFields, silentLogger, utf8 } from "@flotilla/base";
import { nodeIdOf, type StateHash } from "@flotilla/member";
import { putRequest } from "@flotilla/store";
import { checkBeforeServing, startCorruptionChecks } from "../src/corruption/checks.ts";
import { startCorruptionRepair } from "../src/corruption/repair.ts";
import { impossiblyAhead, judgeHashes, type OwnHash } from "../src/corruption/verdict.ts";
import { serveEtcd } from "../src/index.ts";
import { ManualTimers, SoloMember } from "./fixtures.ts";

const of = (hash: number, fields: Partial<OwnHash> = {}): OwnHash => ({
  kind: "hash",
  hash,
  compactRevision: 5,
  revision: 5,
  storeRevision: 9,
  ...fields,
});
const away: StateHash = { kind: "unreachable", reason: "off" };
const judge = (own: number, ...answers: readonly StateHash[]) =>
  judgeHashes(
    { id: 1n, hash: of(own) },
    answers.map((answer, at) => ({ id: BigInt(at + 2), answer })),
  );

describe("whose data is wrong", () => {
  it("nobody's, when all are equal", () => {
    deepEqual(judge(7, of(7), of(7)), { corrupt: [], skipped: [] });
    deepEqual(judge(7), { corrupt: [], skipped: [] });
  });

  it("that of whoever differs from a majority, the leader too", () => {
    deepEqual(judge(7, of(7), of(8)).corrupt, [3n]);
    deepEqual(judge(8, of(7), of(7)).corrupt, [1n]);
    deepEqual(judge(7, of(1), of(7), of(2), of(7)).corrupt, [2n, 4n]);
  });

  it("somebody's, without a majority; those who are away count", () => {
    deepEqual(judge(7, of(8)).corrupt, [0n]);
    deepEqual(judge(7, of(8), of(9)).corrupt, [0n]);
    deepEqual(judge(7, of(8), away), { corrupt: [0n], skipped: [3n] });
    deepEqual(judge(7, of(7), of(7), of(8), away).corrupt, [4n]);
  });

  it("not that of whoever cannot be compared", () => {
    const others: readonly StateHash[] = [
      of(8, { compactRevision: 4 }),
      of(8, { revision: 6 }),
      { kind: "compacted", storeRevision: 9 },
      { kind: "futureRevision", storeRevision: 3 },
      { kind: "busy" },
      away,
    ];
    deepEqual(judge(7, ...others), { corrupt: [], skipped: [2n, 3n, 4n, 5n, 6n, 7n] });
  });

  it("that of whoever is ahead of a leader that has caught up", () => {
    const peers = [9, 10, 11].map((storeRevision, at) => ({
      id: BigInt(at),
      answer: of(7, { storeRevision }),
    }));
    deepEqual(impossiblyAhead(10, peers), [2n]);
    deepEqual(impossiblyAhead(1, [{ id: 1n, answer: away }]), []);
  });
});

/** A leader of three whose store holds five revisions, compacted to the third. */
async function leaderOfThree() {
  const member = new SoloMember();
  member.cluster.put(nodeIdOf(2n), { name: "two" });
  member.cluster.put(nodeIdOf(3n), { name: "three" });
  member.cluster.put(nodeIdOf(4n), { name: "witness", isWitness: true });
  for (let at = 0; at < 4; at++) {
    await member.propose({ kind: "put", request: putRequest(utf8("k"), utf8(String(at))) });
  }
  await member.propose({ kind: "compact", revision: 3, physical: false });
  while (member.store.compact());
  const logged: LogFields[] = [];
  const logger = {
    ...silentLogger,
    error: (_: string, fields?: LogFields) => void logged.push(fields ?? {}),
  };
  return { member, logger, timers: new ManualTimers(), logged };
}

const turns = async (): Promise<void> => {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
};

/** What the member itself would answer, or with another hash. */
async function answerLike(member: SoloMember, revision: number, hash?: number): Promise<StateHash> {
  const own = (await member.stateHash(member.id, { revision })) as OwnHash;
  return { ...own, hash: hash ?? own.hash };
}

const options = { compactHashCheckMs: 60_000, corruptCheckMs: 0 };
const repairOptions = { ...options, initialCorruptCheck: false, corruptRepair: true };

describe("the leader", () => {
  it("compares what a compaction has left, and names who holds something else", async () => {
    const world = await leaderOfThree();
    const { member, timers, logged } = world;
    member.hashes.set(2n, await answerLike(member, 3));
    member.hashes.set(3n, await answerLike(member, 3, 1));
    const stop = startCorruptionChecks(world, options);
    timers.advance(59_999);
    await turns();
    deepEqual(member.store.alarms(), []);
    timers.advance(1);
    await turns();
    deepEqual(member.store.alarms(), [{ memberId: 3n, kind: "corrupt" }]);
    equal(logged.length, 1);
    equal(logged[0]?.["member"], "3");
    match(String(logged[0]?.["todo"]), /move member\/db out of its data directory/);
    stop();
  });

  it("asks again when one was away, and not again when all have answered", async () => {
    const world = await leaderOfThree();
    const { member, timers } = world;
    let asked = 0;
    const stateHash = member.stateHash.bind(member);
    member.stateHash = (id, request) => {
      if (id !== member.id) asked++;
      return stateHash(id, request);
    };
    member.hashes.set(2n, await answerLike(member, 3));
    const stop = startCorruptionChecks(world, options);
    for (const expected of [2, 4]) {
      timers.advance(60_000);
      await turns();
      equal(asked, expected, "no witness is asked");
    }
    member.hashes.set(3n, await answerLike(member, 3));
    for (const expected of [6, 6]) {
      timers.advance(60_000);
      await turns();
      equal(asked, expected);
    }
    deepEqual(member.store.alarms(), []);
    stop();
  });

  it("waits a moment for one that lags before it names nobody", async () => {
    const world = await leaderOfThree();
    const { member, timers } = world;
    member.hashes.set(2n, await answerLike(member, 3, 1));
    const stop = startCorruptionChecks(world, options);
    timers.advance(60_000);
    await turns();
    deepEqual(member.store.alarms(), []);
    member.hashes.set(3n, await answerLike(member, 3));
    timers.advance(500);
    await turns();
    deepEqual(member.store.alarms(), [{ memberId: 2n, kind: "corrupt" }]);
    stop();
  });

  it("names nobody when nobody can tell for long", async () => {
    const world = await leaderOfThree();
    const { member, timers } = world;
    member.hashes.set(2n, await answerLike(member, 3, 1));
    const stop = startCorruptionChecks(world, options);
    timers.advance(60_000);
    for (let tries = 0; tries < 9; tries++) {
      await turns();
      deepEqual(member.store.alarms(), []);
      timers.advance(500);
    }
    await turns();
    deepEqual(member.store.alarms(), [{ memberId: 0n, kind: "corrupt" }]);
    stop();
  });

  it("does nothing while another leads, before a compaction, and after its end", async () => {
    const world = await leaderOfThree();
    const { member, timers } = world;
    for (const id of [2n, 3n]) member.hashes.set(id, await answerLike(member, 3, 1));
    const stop = startCorruptionChecks(world, options);
    member.leaderId = 2n;
    timers.advance(60_000);
    await turns();
    stop();
    member.leaderId = member.id;
    timers.advance(600_000);
    await turns();
    deepEqual(member.store.alarms(), []);
  });

  it("compares everything when that is asked for", async () => {
    const world = await leaderOfThree();
    const { member, timers } = world;
    const { revision } = member.store;
    for (const id of [2n, 3n]) member.hashes.set(id, await answerLike(member, revision, 1));
    const stop = startCorruptionChecks(world, { compactHashCheckMs: 0, corruptCheckMs: 1000 });
    timers.advance(1000);
    await turns();
    deepEqual(member.store.alarms(), [{ memberId: member.id, kind: "corrupt" }]);
    stop();
  });
});

const raise = (member: SoloMember) => {
  const alarm = { memberId: member.id, kind: "corrupt" } as const;
  return member.propose({ kind: "alarm", action: "activate", alarm });
};

describe("a member that is named", () => {
  const named = async () => {
    const world = await leaderOfThree();
    const { member } = world;
    let replaced = 0;
    const right = await answerLike(member, member.store.revision);
    const say = (two: StateHash, three: StateHash) => {
      member.hashes.set(2n, two);
      member.hashes.set(3n, three);
    };
    member.onReplaceState = () => {
      replaced++;
      say(right, right);
      return { kind: "replaced", index: 1 };
    };
    const stop = startCorruptionRepair(world, { ...repairOptions, corruptRepair: true });
    await raise(member);
    const look = async () => {
      world.timers.advance(1000);
      for (let round = 0; round < 4; round++) await turns();
    };
    return { ...world, say, look, stop, right, replacements: () => replaced };
  };
  const wrong = async (member: SoloMember) => answerLike(member, member.store.revision, 1);

  it("replaces its data when a quorum holds something else, and disarms the alarm then", async () => {
    const { member, say, look, replacements, stop } = await named();
    say(await wrong(member), await wrong(member));
    await look();
    equal(replacements(), 1);
    deepEqual(member.store.alarms(), []);
    await look();
    equal(replacements(), 1);
    stop();
  });

  it("does nothing in a tie, when it is the others that differ, or when they are away", async () => {
    const { member, say, look, right, replacements, stop } = await named();
    const other = await answerLike(member, member.store.revision, 2);
    const cases: readonly (readonly [StateHash, StateHash])[] = [
      [await wrong(member), other],
      [await wrong(member), right],
      [await wrong(member), away],
      [right, right],
      [away, away],
      [await answerLike(member, 4, 1), await answerLike(member, 4, 1)],
    ];
    for (const [two, three] of cases) {
      say(two, three);
      await look();
    }
    equal(replacements(), 0);
    equal(member.store.alarms().length, 1, "an operator's business");
    stop();
  });

  it("gives up after some repairs that did not help", async () => {
    const { member, say, look, stop } = await named();
    let replaced = 0;
    member.onReplaceState = () => {
      replaced++;
      return { kind: "replaced", index: 1 };
    };
    say(await wrong(member), await wrong(member));
    for (let times = 0; times < 6; times++) await look();
    equal(replaced, 3);
    equal(member.store.alarms().length, 1);
    stop();
  });

  it("disarms what was there when it started, once a quorum confirms its data", async () => {
    const world = await leaderOfThree();
    const { member, timers } = world;
    await raise(member);
    const right = await answerLike(member, member.store.revision);
    const stop = startCorruptionRepair(world, repairOptions);
    const look = async () => {
      timers.advance(1000);
      for (let round = 0; round < 4; round++) await turns();
    };
    await look();
    equal(member.store.alarms().length, 1, "nobody answers");
    member.hashes.set(2n, right);
    await look();
    deepEqual(member.store.alarms(), []);
    await look();
    await raise(member);
    await look();
    equal(member.store.alarms().length, 1, "an operator's");
    stop();
  });

  it("goes on as it was when no leader sends its state", async () => {
    const { member, say, look, timers, stop } = await named();
    let givenUp = 0;
    member.replaceState = (signal) =>
      new Promise((_, reject) => {
        signal?.addEventListener("abort", () => {
          givenUp++;
          reject(signal.reason);
        });
      });
    say(await wrong(member), await wrong(member));
    await look();
    equal(givenUp, 0);
    timers.advance(600_000);
    await turns();
    equal(givenUp, 1);
    equal(member.store.alarms().length, 1);
    stop();
  });

  it("is left alone when that is not wanted, or nobody compares", async () => {
    const world = await leaderOfThree();
    for (const option of [{ corruptRepair: false }, { compactHashCheckMs: 0 }]) {
      startCorruptionRepair(world, { ...repairOptions, ...option });
      equal(world.timers.pending, 0);
    }
    startCorruptionRepair(world, repairOptions);
    equal(world.timers.pending, 1);
  });
});

describe("a member before it serves", () => {
  it("repairs itself when a quorum holds something else, and goes on when a quorum holds the same", async () => {
    const world = await leaderOfThree();
    const { member } = world;
    const { revision } = member.store;
    const right = await answerLike(member, revision);
    for (const id of [2n, 3n]) member.hashes.set(id, await answerLike(member, revision, 1));
    await rejects(checkBeforeServing(world, { mayRepair: true }), /found data inconsistency/);
    member.onReplaceState = () => {
      for (const id of [2n, 3n]) member.hashes.set(id, right);
      return { kind: "replaced", index: 1 };
    };
    await checkBeforeServing(world, { mayRepair: true });
    member.hashes.set(3n, await answerLike(member, revision, 1));
    await checkBeforeServing(world, { mayRepair: true });
    await rejects(checkBeforeServing(world, { mayRepair: false }), /found data inconsistency/);
  });

  it("waits for the others while too few answer to tell whose data is wrong", async () => {
    const world = await leaderOfThree();
    const { member, timers } = world;
    const { revision } = member.store;
    const right = await answerLike(member, revision);
    member.hashes.set(2n, await answerLike(member, revision, 1));
    const checking = checkBeforeServing(world, { mayRepair: true });
    await turns();
    member.hashes.set(3n, right);
    timers.advance(500);
    await checking;
    member.hashes.set(3n, away);
    const inVain = rejects(checkBeforeServing(world, { mayRepair: true }), /found data/);
    for (let tries = 0; tries < 31; tries++) {
      await turns();
      timers.advance(500);
    }
    await inVain;
  });

  it("refuses to when another holds something else", async () => {
    const world = await leaderOfThree();
    const { member } = world;
    const { revision } = member.store;
    await checkBeforeServing(world, { mayRepair: false });
    member.hashes.set(2n, await answerLike(member, revision));
    await checkBeforeServing(world, { mayRepair: false });
    member.hashes.set(3n, await answerLike(member, revision, 1));
    await rejects(checkBeforeServing(world, { mayRepair: false }), (error: Error) => {
      match(error.message, /^found data inconsistency with peers: .* than 3\. /);
      return error.name === "CorruptionError";
    });
  });

  it("does not open its port then", async () => {
    const world = await leaderOfThree();
    world.member.hashes.set(2n, await answerLike(world.member, world.member.store.revision, 1));
    const options = {
      host: "127.0.0.1",
      port: 0,
      initialCorruptCheck: true,
      corruptRepair: false,
    };
    await rejects(serveEtcd(world, options), { name: "CorruptionError" });
  });
});
