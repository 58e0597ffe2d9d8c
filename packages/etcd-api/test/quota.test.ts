import { deepEqual, equal, ok } from "node:assert/strict";
import { describe, it } from "node:test";
import { silentLogger, utf8 } from "@flotilla/base";
import {
  type Command,
  deleteRequest,
  getRequest,
  putRequest,
  type RequestOp,
  type TxnRequest,
} from "@flotilla/store";
import { costOf } from "../src/quota/cost.ts";
import { Quota, quotaBytesOf } from "../src/quota/quota.ts";
import { keepToQuota } from "../src/quota/quota-member.ts";
import { SoloMember } from "./fixtures.ts";

const put = (bytes: number): RequestOp => ({
  kind: "put",
  request: putRequest(utf8("k"), new Uint8Array(bytes - 1)),
});
const txn = (success: readonly RequestOp[], failure: readonly RequestOp[] = []): TxnRequest => ({
  compare: [],
  success,
  failure,
});
const nested = (request: TxnRequest): RequestOp => ({ kind: "txn", request });

describe("what a command costs", () => {
  const cases: readonly [name: string, command: Command, cost: number][] = [
    ["a put", put(100) as Command, 356],
    ["the dearer branch", { kind: "txn", request: txn([put(10)], [put(10), put(20)]) }, 542],
    [
      "ranges and deletes",
      {
        kind: "txn",
        request: txn([
          { kind: "range", request: getRequest(utf8("k")) },
          { kind: "deleteRange", request: deleteRequest(utf8("k")) },
        ]),
      },
      0,
    ],
    [
      "nested transactions",
      {
        kind: "txn",
        request: txn([put(1), nested(txn([put(1)], [nested(txn([put(1000), put(1)]))]))]),
      },
      257 + 1256 + 257,
    ],
    ["a lease", { kind: "leaseGrant", id: 1n, ttlSeconds: 5 }, 64],
    ["a delete", { kind: "deleteRange", request: deleteRequest(utf8("k")) }, 0],
    ["a compaction", { kind: "compact", revision: 1, physical: false }, 0],
    [
      "an alarm",
      { kind: "alarm", action: "activate", alarm: { memberId: 1n, kind: "corrupt" } },
      0,
    ],
  ];
  for (const [name, command, cost] of cases) it(name, () => equal(costOf(command), cost));
});

describe("a quota", () => {
  it("is off, the default, or what it says", () => {
    deepEqual([-1, 0, 5].map(quotaBytesOf), [undefined, 2 ** 31, 5]);
  });

  it("lets through what costs nothing, and what fits", () => {
    const quota = new Quota(1000, () => 600);
    ok(quota.admit(399));
    ok(!quota.admit(400));
    ok(quota.admit(0));
  });

  it("does not ask for the size each time, and never lets much through without", () => {
    let asked = 0;
    let used = 0;
    const quota = new Quota(1_000_000, () => {
      asked++;
      return used;
    });
    let puts = 0;
    // Each takes three times its cost: as much as pages and tables may add.
    while (quota.admit(300)) {
      puts++;
      used += 900;
      ok(used < 1_010_000);
    }
    ok(used > 990_000);
    ok(asked < puts / 4, `asked ${asked} times for ${puts} puts`);
  });
});

describe("a member with a quota", () => {
  const command = (key: string, bytes: number): Command => ({
    kind: "put",
    request: putRequest(utf8(key), new Uint8Array(bytes)),
  });
  const kindOf = async (outcome: ReturnType<SoloMember["propose"]>): Promise<string> => {
    const ended = await outcome;
    if (ended.kind !== "applied") return ended.kind;
    return ended.result.kind === "refused" ? ended.result.error : ended.result.kind;
  };

  it("refuses beyond it and raises the alarm once; compaction and disarming end that", async () => {
    const solo = new SoloMember();
    let alarms = 0;
    const propose = solo.propose.bind(solo);
    solo.propose = (proposed) => {
      if (proposed.kind === "alarm") alarms++;
      return propose(proposed);
    };
    const member = keepToQuota(solo, { quotaBackendBytes: 100_000, logger: silentLogger });
    let last = "put";
    for (let at = 0; last === "put" && at < 100; at++) {
      last = await kindOf(member.propose(command("k", 10_000)));
    }
    equal(last, "noSpace");
    const alarm = { memberId: solo.id, kind: "noSpace" } as const;
    deepEqual(solo.store.alarms(), [alarm]);
    equal(await kindOf(member.propose(command("k", 1))), "noSpace");
    equal(alarms, 1);
    const deletion: Command = { kind: "deleteRange", request: deleteRequest(utf8("k")) };
    equal(await kindOf(member.propose(deletion)), "deleteRange");
    const { revision } = solo.store;
    equal(await kindOf(member.propose({ kind: "compact", revision, physical: false })), "compact");
    while (solo.store.compact());
    equal(await kindOf(member.propose(command("k", 10_000))), "noSpace", "until it is disarmed");
    equal(await kindOf(member.propose({ kind: "alarm", action: "deactivate", alarm })), "alarm");
    equal(await kindOf(member.propose(command("k", 10_000))), "put");
  });

  it("is the member itself without one", () => {
    const solo = new SoloMember();
    equal(keepToQuota(solo, { quotaBackendBytes: -1, logger: silentLogger }), solo);
  });

  it("passes everything else on", async () => {
    const solo = new SoloMember();
    const member = keepToQuota(solo, { quotaBackendBytes: 0, logger: silentLogger });
    equal(member.id, solo.id);
    equal(member.store, solo.store);
    deepEqual(member.status(), solo.status());
    deepEqual(member.members(), solo.members());
    deepEqual(await member.readBarrier(), { kind: "ready" });
    deepEqual(await member.renewLease(5n), { kind: "leaseNotFound" });
    deepEqual(await member.leaseTimeToLive(5n, { keys: false }), { kind: "leaseNotFound" });
    equal((await member.stateHash(solo.id, { revision: 0 })).kind, "hash");
    equal(member.snapshot().revision, 1);
    equal((await member.clusterStatus())?.term, 7);
    member.transferLeadership(5n);
    equal(solo.leaderId, 5n);
  });
});
