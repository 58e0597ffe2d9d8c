import { deepEqual, equal } from "node:assert/strict";
import { describe, it } from "node:test";
import { createMemoryBackend } from "@flotilla/backend";
import { type Command, createStore } from "@flotilla/store";
import type { BarrierOutcome, ProposeOutcome } from "../src/contract.ts";
import { decodeAnswer, encodeQuestion } from "../src/leader-call.ts";
import { Lessor } from "../src/lessor.ts";

const settled = () => new Promise((resolve) => setImmediate(resolve));

/** A leader in term 1 that counts one lease of 10 seconds; barriers are answered by hand. */
function scene() {
  const store = createStore(createMemoryBackend());
  const state = { nowMs: 0, leadership: { isLeader: true, term: 1 } };
  const barriers: ((outcome: BarrierOutcome) => void)[] = [];
  const proposed: { command: Command; onlyInTerm: number }[] = [];
  const lessor = new Lessor(
    {
      store,
      nowMs: () => state.nowMs,
      after: (_delayMs, callback) => {
        state.nowMs += 500;
        setImmediate(callback);
        return () => {};
      },
      leadership: () => state.leadership,
      callLeader: () => undefined,
      readBarrier: () => new Promise((resolve) => barriers.push(resolve)),
      propose: (command, onlyInTerm) => {
        proposed.push({ command, onlyInTerm });
        return new Promise<ProposeOutcome>(() => {});
      },
    },
    { requestMs: 2000, graceMs: 1000 },
  );
  const apply = (index: number, term: number, command: Command) => {
    const proposal = {
      session: 1n,
      openedAt: 0,
      sequence: index,
      settledBelow: 1,
      onlyInTerm: 0,
      command,
    };
    const entry = { index, term, proposal };
    lessor.applied(entry, store.apply([entry])[0]);
  };
  apply(1, 1, { kind: "leaseGrant", id: 5n, ttlSeconds: 10 });
  /** Time passes as it does for a process that runs. */
  const pass = (ms: number) => {
    for (let left = ms; left > 0; left -= 100) {
      state.nowMs += Math.min(left, 100);
      lessor.tick();
    }
  };
  return { lessor, state, barriers, proposed, apply, pass };
}

describe("Lessor", () => {
  it("renews only after a round has shown that it still leads", async () => {
    const { lessor, barriers } = scene();
    const renewed = lessor.renew(5n);
    equal(await Promise.race([renewed, settled().then(() => "waits")]), "waits");
    barriers[0]?.({ kind: "ready" });
    deepEqual(await renewed, { kind: "renewed", ttlSeconds: 10 });
  });

  it("does not renew when the round fails, or when it was deposed meanwhile", async () => {
    const { lessor, barriers, state } = scene();
    const failed = lessor.renew(5n);
    barriers[0]?.({ kind: "timeout" });
    deepEqual(await failed, { kind: "timeout" });
    const deposed = lessor.renew(5n);
    state.leadership = { isLeader: false, term: 2 };
    lessor.observe(state.leadership);
    barriers[1]?.({ kind: "ready" });
    deepEqual(await deposed, { kind: "timeout" });
  });

  it("does not bring back a lease that was revoked while the round went on", async () => {
    const { lessor, barriers, apply } = scene();
    const renewed = lessor.renew(5n);
    apply(2, 1, { kind: "leaseRevoke", id: 5n });
    barriers[0]?.({ kind: "ready" });
    deepEqual(await renewed, { kind: "leaseNotFound" });
  });

  it("revokes what has run out, in its own term only, and nothing once deposed", () => {
    const { lessor, proposed, pass } = scene();
    pass(10_999);
    deepEqual(proposed, [], "a fresh leader adds a grace");
    pass(2);
    deepEqual(proposed, [{ command: { kind: "leaseRevoke", id: 5n }, onlyInTerm: 1 }]);
    lessor.observe({ isLeader: false, term: 2 });
    pass(50_000);
    equal(proposed.length, 1);
  });

  it("does not hold it against a lease that this process was stopped for an hour", async () => {
    const { lessor, barriers, state, proposed, pass } = scene();
    pass(5_000);
    state.nowMs += 3_600_000;
    lessor.tick();
    deepEqual(proposed, []);
    const renewed = lessor.renew(5n);
    barriers[0]?.({ kind: "ready" });
    deepEqual(await renewed, { kind: "renewed", ttlSeconds: 10 });
    pass(9_999);
    deepEqual(proposed, []);
    pass(1);
    equal(proposed.length, 1, "silence since then counts");
  });

  it("tells a member that asks the wrong one", async () => {
    const { lessor, barriers, state } = scene();
    state.leadership = { isLeader: false, term: 2 };
    const answer = lessor.answerCall(encodeQuestion({ kind: "renew", id: 5n }));
    barriers[0]?.({ kind: "ready" });
    deepEqual(decodeAnswer(await answer), { kind: "notLeader" });
  });
});
