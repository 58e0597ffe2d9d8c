import { deepEqual, equal, rejects } from "node:assert/strict";
import { describe, it } from "node:test";
import { utf8 } from "@flotilla/base";
import type { Engine, ProposeOutcome as EngineOutcome } from "@flotilla/consensus";
import { type Command, decodeProposal, putRequest } from "@flotilla/store";
import type { ProposeOutcome } from "../src/contract.ts";
import { proposeBytesMax } from "../src/limits.ts";
import { Proposals } from "../src/proposals.ts";

const command: Command = { kind: "put", request: putRequest(utf8("k"), utf8("v")) };
const result = { kind: "put", revision: 7, previous: undefined } as const;

/** Only what proposals use of an engine; notes the sequences it is given. */
function scene() {
  const proposals = new Proposals({ session: 5n, openedAt: 0, timeoutMs: 1000, resendMs: 100 });
  const batches: number[][] = [];
  const state = {
    term: 1,
    leader: "b",
    outcome: { kind: "forwarded", leader: "b" } as EngineOutcome,
  };
  const engine = {
    status: () => state,
    propose(data: readonly Uint8Array[]) {
      batches.push(data.map((bytes) => decodeProposal(bytes).sequence));
      return state.outcome;
    },
  } as unknown as Engine;
  const outcomes: (ProposeOutcome | "aborted" | undefined)[] = [];
  const propose = (onlyInTerm = 0, signal?: AbortSignal) => {
    const at = outcomes.length;
    proposals.propose(command, { nowMs: 0, onlyInTerm, signal }).then(
      (outcome) => {
        outcomes[at] = outcome;
      },
      () => {
        outcomes[at] = "aborted";
      },
    );
    outcomes.push(undefined);
  };
  const turn = (nowMs = 0) => {
    if (proposals.hasQueued) proposals.flush(engine, nowMs);
    proposals.observe(engine.status());
    return new Promise((resolve) => setImmediate(resolve));
  };
  const applied = (sequence: number, term = 1, given: typeof result | "none" = result) => {
    const proposal = {
      session: 5n,
      openedAt: 0,
      sequence,
      settledBelow: 0,
      onlyInTerm: 0,
      command,
    };
    proposals.applied(term, proposal, given === "none" ? undefined : given);
  };
  return { proposals, batches, state, outcomes, propose, turn, applied };
}

describe("Proposals", () => {
  it("gives the engine all of a turn as one batch, and each its own result", async () => {
    const { batches, propose, turn, applied, outcomes } = scene();
    propose();
    propose();
    propose();
    await turn();
    deepEqual(batches, [[1, 2, 3]]);
    applied(2);
    await turn();
    deepEqual(outcomes, [undefined, { kind: "applied", result }, undefined]);
  });

  it("sends again under another leader, under the same numbers", async () => {
    const { batches, propose, turn, state, applied, outcomes } = scene();
    await turn();
    propose();
    propose();
    await turn();
    applied(1);
    Object.assign(state, { term: 2, leader: "c" });
    await turn();
    await turn();
    deepEqual(batches, [[1, 2], [2]]);
    applied(2, 2);
    await turn();
    equal(outcomes[1] !== "aborted" && outcomes[1]?.kind, "applied");
  });

  it("sends a forwarded one again after a while, less and less often", async () => {
    const { batches, propose, turn, proposals } = scene();
    propose();
    await turn();
    for (let now = 20; now < 1000; now += 20) {
      proposals.tick(now);
      await turn(now);
    }
    equal(batches.length, 4, "at 0, 100, 300 and 700");
  });

  it("does not send again what is in this leader's own log", async () => {
    const { batches, propose, turn, proposals, state } = scene();
    state.outcome = { kind: "appended", term: 1, firstIndex: 1 };
    propose();
    await turn();
    proposals.tick(900);
    await turn(900);
    equal(batches.length, 1);
  });

  it("says whether it may have happened when the time is over", async () => {
    const { propose, turn, proposals, state, outcomes } = scene();
    propose();
    await turn();
    state.outcome = { kind: "dropped", reason: "noLeader" };
    state.leader = "";
    propose();
    await turn();
    proposals.tick(1000);
    await turn();
    deepEqual(outcomes, [{ kind: "timeout" }, { kind: "noLeader" }]);
  });

  it("does not blame a missing leader when the leader has taken nothing in", async () => {
    const { propose, turn, proposals, state, outcomes } = scene();
    state.outcome = { kind: "dropped", reason: "tooManyUncommitted" };
    propose();
    await turn();
    proposals.tick(1000);
    await turn();
    deepEqual(outcomes, [{ kind: "tooManyRequests" }]);
  });

  it("does not claim to know the result of what was applied in a snapshot", async () => {
    const { propose, turn, applied, outcomes } = scene();
    propose();
    await turn();
    applied(1, 1, "none");
    await turn();
    deepEqual(outcomes, [{ kind: "timeout" }]);
  });

  const fenced = { kind: "applied", result: { kind: "refused", error: "fenced" } };

  it("ends what is bound to a past term, without sending it", async () => {
    const { propose, turn, batches, state, outcomes } = scene();
    state.term = 3;
    propose(2);
    await turn();
    deepEqual(batches, []);
    deepEqual(outcomes, [fenced]);
  });

  it("never sends what is bound to a term again, and ends it once a later term is applied", async () => {
    const { propose, turn, batches, state, outcomes, proposals } = scene();
    await turn();
    propose(1);
    await turn();
    Object.assign(state, { term: 2, leader: "c" });
    await turn();
    proposals.tick(500);
    await turn(500);
    deepEqual(batches, [[1]]);
    deepEqual(outcomes, [undefined], "it may still be in the log");
    proposals.applied(2, undefined, undefined);
    await turn();
    deepEqual(outcomes, [fenced]);
  });

  it("does not call fenced what may have been applied in a snapshot", async () => {
    const { propose, turn, outcomes, proposals, state } = scene();
    propose(1);
    propose(0);
    await turn();
    propose(1);
    proposals.replaced();
    Object.assign(state, { term: 2, leader: "c" });
    await turn();
    proposals.applied(2, undefined, undefined);
    await turn();
    deepEqual(outcomes, [{ kind: "timeout" }, undefined, fenced], "the last was never sent");
  });

  it("cuts into several batches what would make one too long for a peer", async () => {
    const { proposals, batches, turn } = scene();
    const value = new Uint8Array(proposeBytesMax / 4);
    const big: Command = { kind: "put", request: putRequest(utf8("k"), value) };
    for (let at = 0; at < 10; at++) {
      void proposals.propose(big, { nowMs: 0, onlyInTerm: 0 });
    }
    const huge = {
      kind: "put",
      request: putRequest(utf8("k"), new Uint8Array(2 * proposeBytesMax)),
    };
    void proposals.propose(huge as Command, { nowMs: 0, onlyInTerm: 0 });
    await turn();
    deepEqual(batches, [[1, 2, 3], [4, 5, 6], [7, 8, 9], [10], [11]]);
  });

  it("gives the result of one bound to a term that was applied before the term ended", async () => {
    const { propose, turn, applied, outcomes, proposals } = scene();
    propose(1);
    await turn();
    applied(1);
    proposals.applied(2, undefined, undefined);
    await turn();
    deepEqual(outcomes, [{ kind: "applied", result }]);
  });

  it("forgets what is given up, and does not send it", async () => {
    const { propose, turn, batches, outcomes } = scene();
    const stop = new AbortController();
    propose(0, stop.signal);
    propose();
    stop.abort();
    await turn();
    deepEqual(batches, [[2]]);
    equal(outcomes[0], "aborted");
  });

  it("rejects with AbortError, and refuses after stop", async () => {
    const { proposals } = scene();
    const signal = AbortSignal.abort();
    const aborted = proposals.propose(command, { nowMs: 0, onlyInTerm: 0, signal });
    await rejects(aborted, { name: "AbortError" });
    const waiting = proposals.propose(command, { nowMs: 0, onlyInTerm: 0 });
    proposals.stop();
    deepEqual(await waiting, { kind: "stopped" });
    const late = proposals.propose(command, { nowMs: 0, onlyInTerm: 0 });
    deepEqual(await late, { kind: "stopped" });
  });
});
