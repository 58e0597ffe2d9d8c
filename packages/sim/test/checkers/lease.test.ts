import { equal, match } from "node:assert/strict";
import { describe, it } from "node:test";
import {
  checkLeases,
  type LeaseBounds,
  type LeaseCall,
  type LeasedKeyEvent,
  type LeaseHistory,
} from "../../src/checkers/lease.ts";

const bounds: LeaseBounds = {
  driftRatio: 1,
  healedAtMs: 0,
  nowMs: 100_000,
  expiryMs: 1000,
  leadersAfterHeal: 2,
};

function acknowledged(calledAtMs: number, returnedAtMs = calledAtMs + 10): LeaseCall {
  return { calledAtMs, returnedAtMs, isAcknowledged: true };
}
function unanswered(calledAtMs: number): LeaseCall {
  return { calledAtMs, returnedAtMs: undefined, isAcknowledged: false };
}
function refused(calledAtMs: number): LeaseCall {
  return { calledAtMs, returnedAtMs: calledAtMs + 10, isAcknowledged: false };
}
function keyEvents(...events: readonly [number, LeasedKeyEvent["kind"]][]): LeasedKeyEvent[] {
  return events.map(([atMs, kind]) => ({ key: "k", atMs, kind }));
}

/** Granted at 0 for 5 s; it ended at 5.5 s and took its key along. */
const usual: LeaseHistory = {
  lease: "7",
  ttlMs: 5000,
  grant: acknowledged(0),
  keepalives: [],
  revokes: [],
  refusals: [],
  endedAtMs: 5500,
  keys: keyEvents([100, "attached"], [5500, "expired"]),
};

function check(change: Partial<LeaseHistory>, limits: Partial<LeaseBounds> = {}) {
  return checkLeases([{ ...usual, ...change }], { ...bounds, ...limits });
}
function rejects(found: ReturnType<typeof check>, oracle: string, facts: RegExp): void {
  equal(found?.oracle, oracle, found?.message);
  match(found?.message ?? "", facts);
}

describe("checkLeases()", () => {
  it("accepts a lease that ends in time", () => equal(check({}), undefined));

  it("rejects one that ends before its time to live", () => {
    const change = { endedAtMs: 4900, keys: [] };
    rejects(check(change), "leaseTooShort", /lease 7 of 5000 ms ended at 4900 ms, .* 0 and 10 ms/);
  });

  it("counts from the last acknowledged keepalive, from its call on", () => {
    const keepalives = [acknowledged(2000, 4000)];
    equal(check({ keepalives, endedAtMs: 7000, keys: [] }), undefined);
    const short = { keepalives, endedAtMs: 6999, keys: [] };
    rejects(check(short), "leaseTooShort", /renewed between 2000 and 4000 ms/);
  });

  it("does not count on keepalives that were not acknowledged", () => {
    equal(check({ keepalives: [unanswered(2000), refused(6000)] }), undefined);
  });

  it("does not count on a grant that was not acknowledged", () => {
    equal(check({ grant: unanswered(2000) }), undefined);
  });

  it("allows for clocks as far as they are bounded", () => {
    equal(check({ endedAtMs: 2500, keys: [] }, { driftRatio: 2 }), undefined);
    rejects(
      check({ endedAtMs: 2499, keys: [] }, { driftRatio: 2 }),
      "leaseTooShort",
      /ended at 2499/,
    );
  });

  it("lets clients revoke, also when they do not know whether they did", () => {
    for (const revoke of [acknowledged(1000), unanswered(1000)]) {
      equal(check({ revokes: [revoke], endedAtMs: 1005, keys: [] }), undefined);
    }
    const late = { revokes: [acknowledged(3000)], endedAtMs: 1005, keys: [] };
    rejects(check(late), "leaseTooShort", /ended at 1005 ms/);
  });

  it("rejects that a renewal in time is told that it comes too late", () => {
    rejects(check({ keepalives: [refused(4980)] }), "leaseTooShort", /gone between 4980 and 4990/);
    equal(check({ keepalives: [refused(4990)] }), undefined);
    const renewed = [acknowledged(3000), refused(7900)];
    rejects(check({ keepalives: renewed, endedAtMs: 8100, keys: [] }), "leaseTooShort", /gone/);
    const slow = { keepalives: [refused(4980)] };
    equal(check(slow, { driftRatio: 1.01 }), undefined);
    equal(check({ ...slow, revokes: [unanswered(4985)] }), undefined);
    equal(check({ ...slow, grant: acknowledged(0, 4980) }), undefined);
  });

  it("rejects that a write with a lease that lives is refused", () => {
    const early = { refusals: [refused(5)] };
    equal(check(early), undefined);
    rejects(
      check({ refusals: [refused(5480)] }),
      "leaseTooShort",
      /refused at 5490 ms, .* at 5500/,
    );
    equal(check({ refusals: [refused(5490)] }), undefined);
    const lives = { refusals: [refused(500)], endedAtMs: undefined, keys: [] };
    rejects(check(lives, { nowMs: 600 }), "leaseTooShort", /ended at no ms/);
    equal(check({ ...lives, grant: unanswered(0) }), undefined);
  });

  it("rejects a renewal of a lease that is gone", () => {
    rejects(check({ keepalives: [acknowledged(5501)] }), "leaseResurrected", /between 5501 and/);
    const revoked = { keepalives: [acknowledged(5501)], revokes: [acknowledged(5000)] };
    rejects(check(revoked), "leaseResurrected", /ended at 5500 ms/);
  });

  it("rejects a key that comes to a lease that is gone", () => {
    const keys = keyEvents([5501, "attached"]);
    rejects(check({ keys }), "leaseResurrected", /k was attached at 5501 ms/);
  });

  it("rejects a key that goes before its lease, or without it", () => {
    const early = keyEvents([100, "attached"], [5400, "expired"]);
    rejects(check({ keys: early }), "leaseTooShort", /k was expired at 5400 ms, .* ended at 5500/);
    const without = { keys: early, endedAtMs: undefined };
    rejects(check(without, { nowMs: 6000 }), "leaseTooShort", /ended at no ms/);
  });

  it("rejects a key that stays when its lease goes", () => {
    const keys = keyEvents([100, "attached"]);
    rejects(check({ keys }), "leaseTooLong", /k outlives lease 7, which ended at 5500 ms/);
  });

  it("accepts a key that had left its lease", () => {
    equal(check({ keys: keyEvents([100, "attached"], [200, "detached"]) }), undefined);
  });

  it("wants a lease to end within two full times and the bound", () => {
    const lives = { endedAtMs: undefined, keys: keyEvents([100, "attached"]) };
    equal(check(lives, { nowMs: 11_010 }), undefined);
    rejects(
      check(lives, { nowMs: 11_011 }),
      "leaseTooLong",
      /ended at no ms, and was due by 11010/,
    );
    rejects(check({ endedAtMs: 11_011, keys: [] }), "leaseTooLong", /ended at 11011 ms/);
  });

  it("gives it time after the heal, after the last renewal, and for slow clocks", () => {
    const lives = { endedAtMs: undefined, keys: [] };
    equal(check(lives, { healedAtMs: 50_000, nowMs: 61_000 }), undefined);
    rejects(check(lives, { healedAtMs: 50_000, nowMs: 61_001 }), "leaseTooLong", /by 61000 ms/);
    equal(check({ ...lives, keepalives: [unanswered(60_000)] }, { nowMs: 71_000 }), undefined);
    equal(check(lives, { driftRatio: 1.5, nowMs: 16_010 }), undefined);
    rejects(check(lives, { driftRatio: 1.5, nowMs: 16_011 }), "leaseTooLong", /by 16010 ms/);
  });

  it("does not wait for the end of a lease that may never have been", () => {
    equal(check({ grant: unanswered(0), endedAtMs: undefined, keys: [] }), undefined);
    const held = { grant: unanswered(0), endedAtMs: undefined, keys: keyEvents([100, "attached"]) };
    rejects(check(held), "leaseTooLong", /ended at no ms/);
  });
});
