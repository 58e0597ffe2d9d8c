import { deepEqual, equal } from "node:assert/strict";
import { describe, it } from "node:test";
import { utf8 } from "@flotilla/base";
import type { Engine, ProposeOutcome as EngineOutcome } from "@flotilla/consensus";
import {
  type Command,
  type CommandResult,
  decodeProposal,
  type Proposal,
  putRequest,
} from "@flotilla/store";
import type { ProposeOutcome, TimeoutCause } from "../src/contract.ts";
import { proposalsBytesMax, proposalsMax, proposeBytesMax } from "../src/limits.ts";
import type { Place } from "../src/place.ts";
import { Proposals } from "../src/proposals.ts";

const command: Command = { kind: "put", request: putRequest(utf8("k"), utf8("v")) };
const result = { kind: "put", revision: 7, previous: undefined } as const;

/** Only what proposals use of an engine; notes the sequences it is given. */
function scene() {
  const given = {
    appliedIndex: 0,
    lastSession: 5n,
    place: "data" as Place,
    cause: undefined as TimeoutCause | undefined,
  };
  const proposals = new Proposals({
    session: 5n,
    newSession: () => ++given.lastSession,
    timeoutMs: 1000,
    resendMs: 100,
    appliedIndex: () => given.appliedIndex,
    place: () => given.place,
    causeSince: (beganMs) => (beganMs === 0 ? given.cause : undefined),
  });
  const batches: number[][] = [];
  const sent: Proposal[] = [];
  const state = {
    term: 1,
    leader: "b",
    outcome: { kind: "forwarded", leader: "b" } as EngineOutcome,
  };
  const engine = {
    get term() {
      return state.term;
    },
    get leader() {
      return state.leader;
    },
    propose(data: readonly Uint8Array[]) {
      const decoded = data.map(decodeProposal);
      sent.push(...decoded);
      batches.push(decoded.map(({ sequence }) => sequence));
      return state.outcome;
    },
  } as unknown as Engine;
  const outcomes: (ProposeOutcome | undefined)[] = [];
  const propose = (onlyInTerm = 0) => {
    const at = outcomes.length;
    outcomes.push(undefined);
    return proposals.propose(command, { nowMs: 0, onlyInTerm }, (outcome) => {
      outcomes[at] = outcome;
    });
  };
  const turn = (nowMs = 0) => {
    if (proposals.queuedCount > 0) proposals.flush(engine, nowMs);
    proposals.observe(engine);
  };
  const applied = (
    sequence: number,
    term = 1,
    gave: CommandResult | "none" = result,
    session = 5n,
  ) => {
    const proposal = {
      session,
      openedAt: 0,
      sequence,
      settledBelow: 0,
      onlyInTerm: 0,
      command,
    };
    proposals.applied(term, proposal, gave === "none" ? undefined : gave);
  };
  return { proposals, given, batches, sent, state, outcomes, propose, turn, applied };
}

describe("Proposals", () => {
  it("gives the engine all of a turn as one batch, and each its own result", () => {
    const { batches, propose, turn, applied, outcomes } = scene();
    propose();
    propose();
    propose();
    turn();
    deepEqual(batches, [[1, 2, 3]]);
    applied(2);
    turn();
    deepEqual(outcomes, [undefined, { kind: "applied", result }, undefined]);
  });

  it("says on whose behalf, each time it is sent", () => {
    const { proposals, sent, turn, state } = scene();
    const ann = { user: "ann", authRevision: 3 };
    turn();
    for (const principal of [ann, "cluster", undefined] as const) {
      proposals.propose(command, { nowMs: 0, onlyInTerm: 0, principal }, () => {});
    }
    turn();
    Object.assign(state, { term: 2, leader: "c" });
    turn();
    turn();
    const wanted = [ann, "cluster", undefined];
    deepEqual(
      sent.map(({ principal }) => principal),
      [...wanted, ...wanted],
    );
    equal("principal" in (sent[2] ?? {}), false);
  });

  it("sends again under another leader, under the same numbers", () => {
    const { batches, propose, turn, state, applied, outcomes } = scene();
    turn();
    propose();
    propose();
    turn();
    applied(1);
    Object.assign(state, { term: 2, leader: "c" });
    turn();
    turn();
    deepEqual(batches, [[1, 2], [2]]);
    applied(2, 2);
    turn();
    equal(outcomes[1]?.kind, "applied");
  });

  it("sends a forwarded one again after a while, less and less often", () => {
    const { batches, propose, turn, proposals } = scene();
    propose();
    turn();
    for (let now = 20; now < 1000; now += 20) {
      proposals.tick(now);
      turn(now);
    }
    equal(batches.length, 4, "at 0, 100, 300 and 700");
  });

  it("does not send again what is in this leader's own log", () => {
    const { batches, propose, turn, proposals, state } = scene();
    state.outcome = { kind: "appended", term: 1, firstIndex: 1 };
    propose();
    turn();
    proposals.tick(900);
    turn(900);
    equal(batches.length, 1);
  });

  it("says whether it may have happened when the time is over", () => {
    const { propose, turn, proposals, state, outcomes } = scene();
    propose();
    turn();
    state.outcome = { kind: "dropped", reason: "noLeader" };
    state.leader = "";
    propose();
    turn();
    proposals.tick(1000);
    turn();
    deepEqual(outcomes, [{ kind: "timeout" }, { kind: "noLeader" }]);
  });

  it("says what has probably cost the time", () => {
    const { propose, turn, proposals, given, outcomes } = scene();
    propose();
    turn();
    given.cause = "leaderFailed";
    proposals.tick(1000);
    deepEqual(outcomes, [{ kind: "timeout", cause: "leaderFailed" }]);
  });

  it("does not blame a missing leader when the leader has taken nothing in", () => {
    const { propose, turn, proposals, state, outcomes } = scene();
    state.outcome = { kind: "dropped", reason: "tooManyUncommitted" };
    propose();
    turn();
    proposals.tick(1000);
    turn();
    deepEqual(outcomes, [{ kind: "tooManyRequests" }]);
  });

  it("does not claim to know the result of what was applied in a snapshot", () => {
    const { propose, turn, applied, outcomes } = scene();
    propose();
    turn();
    applied(1, 1, "none");
    turn();
    deepEqual(outcomes, [{ kind: "timeout" }]);
  });

  const fenced = { kind: "applied", result: { kind: "refused", error: "fenced" } };

  it("ends what is bound to a past term, without sending it", () => {
    const { propose, turn, batches, state, outcomes } = scene();
    state.term = 3;
    propose(2);
    turn();
    deepEqual(batches, []);
    deepEqual(outcomes, [fenced]);
  });

  it("never sends what is bound to a term again, and ends it once a later term is applied", () => {
    const { propose, turn, batches, state, outcomes, proposals } = scene();
    turn();
    propose(1);
    turn();
    Object.assign(state, { term: 2, leader: "c" });
    turn();
    proposals.tick(500);
    turn(500);
    deepEqual(batches, [[1]]);
    deepEqual(outcomes, [undefined], "it may still be in the log");
    proposals.applied(2, undefined, undefined);
    turn();
    deepEqual(outcomes, [fenced]);
  });

  it("does not call fenced what may have been applied in a snapshot", () => {
    const { propose, turn, outcomes, proposals, state } = scene();
    propose(1);
    propose(0);
    turn();
    propose(1);
    proposals.replaced();
    Object.assign(state, { term: 2, leader: "c" });
    turn();
    proposals.applied(2, undefined, undefined);
    turn();
    deepEqual(outcomes, [{ kind: "timeout" }, undefined, fenced], "the last was never sent");
  });

  it("cuts into several batches what would make one too long for a peer", () => {
    const { proposals, batches, turn } = scene();
    const value = new Uint8Array(proposeBytesMax / 4);
    const big: Command = { kind: "put", request: putRequest(utf8("k"), value) };
    for (let at = 0; at < 10; at++) {
      proposals.propose(big, { nowMs: 0, onlyInTerm: 0 }, () => {});
    }
    const huge = {
      kind: "put",
      request: putRequest(utf8("k"), new Uint8Array(2 * proposeBytesMax)),
    };
    proposals.propose(huge as Command, { nowMs: 0, onlyInTerm: 0 }, () => {});
    turn();
    deepEqual(batches, [[1, 2, 3], [4, 5, 6], [7, 8, 9], [10], [11]]);
  });

  it("gives the result of one bound to a term that was applied before the term ended", () => {
    const { propose, turn, applied, outcomes, proposals } = scene();
    propose(1);
    turn();
    applied(1);
    proposals.applied(2, undefined, undefined);
    turn();
    deepEqual(outcomes, [{ kind: "applied", result }]);
  });

  it("forgets what is given up, and does not send it", () => {
    const { propose, turn, batches, outcomes, applied } = scene();
    propose()();
    propose();
    turn();
    deepEqual(batches, [[2]]);
    applied(1);
    equal(outcomes[0], undefined);
  });

  it("ends all that is left when it stops, and is full at its limit", () => {
    const { propose, proposals, outcomes } = scene();
    for (let at = 0; at < proposalsMax; at++) propose();
    equal(proposals.isFull, true);
    proposals.stop();
    equal(proposals.isFull, false);
    deepEqual(outcomes.at(-1), { kind: "stopped" });
  });

  it("is full when few are large, until they are settled or given up", () => {
    const { proposals, turn, state, given, applied } = scene();
    const value = new Uint8Array(proposalsBytesMax / 8);
    const large: Command = { kind: "put", request: putRequest(utf8("k"), value) };
    const propose = () => proposals.propose(large, { nowMs: 0, onlyInTerm: 0 }, () => {});
    const fill = () => {
      const cancels = Array.from({ length: 7 }, propose);
      turn();
      equal(proposals.isFull, false);
      cancels.push(propose());
      turn();
      equal(proposals.isFull, true);
      return cancels;
    };
    fill();
    applied(1);
    equal(proposals.isFull, false);
    proposals.stop();
    // What was not sent is encoded anew for another session, and counts once all the same.
    proposals.propose(command, { nowMs: 0, onlyInTerm: 0 }, () => {});
    turn();
    state.outcome = { kind: "dropped", reason: "noLeader" };
    const cancels = fill();
    applied(9, 1, { kind: "refused", error: "sessionExpired" });
    equal(given.lastSession, 6n);
    proposals.tick(0);
    turn();
    equal(proposals.isFull, true);
    cancels[0]?.();
    cancels[0]?.();
    equal(proposals.isFull, false);
    for (const cancel of cancels) cancel();
    fill();
  });

  const expired = { kind: "refused", error: "sessionExpired" } as const;

  it("begins its session with what is applied when it first sends something", () => {
    const { propose, turn, given, sent } = scene();
    given.appliedIndex = 40;
    propose();
    turn();
    given.appliedIndex = 50;
    propose();
    turn();
    deepEqual(
      sent.map(({ session, openedAt }) => [session, openedAt]),
      [
        [5n, 40],
        [5n, 40],
      ],
    );
  });

  it("does not claim to know what came of a command in a forgotten session, and begins another (T35)", () => {
    const { propose, turn, applied, outcomes, given, sent, state } = scene();
    propose();
    propose();
    turn();
    state.outcome = { kind: "dropped", reason: "noLeader" };
    propose();
    turn();
    given.appliedIndex = 90;
    applied(1, 1, expired);
    deepEqual(outcomes, [{ kind: "timeout" }, undefined, undefined]);
    applied(2, 1, expired);
    state.outcome = { kind: "forwarded", leader: "c" };
    Object.assign(state, { term: 2, leader: "c" });
    propose();
    turn();
    turn();
    const again = sent.slice(3).map(({ session, sequence, openedAt }) => ({
      session,
      sequence,
      openedAt,
    }));
    deepEqual(again, [
      { session: 6n, sequence: 4, openedAt: 90 },
      { session: 6n, sequence: 3, openedAt: 90 },
    ]);
    applied(4, 2, result, 6n);
    deepEqual(outcomes, [{ kind: "timeout" }, { kind: "timeout" }, undefined, outcomes[3]]);
    equal(outcomes[3]?.kind, "applied");
  });

  it("takes nobody else's number for its own", () => {
    const { propose, turn, applied, outcomes } = scene();
    propose();
    turn();
    applied(1, 1, result, 99n);
    deepEqual(outcomes, [undefined]);
  });

  it("ends everything when the server turns out to be a witness, which sees no result", () => {
    const { propose, turn, state, outcomes, given } = scene();
    propose();
    turn();
    state.outcome = { kind: "dropped", reason: "noLeader" };
    propose();
    given.place = "witness";
    turn();
    deepEqual(outcomes, [{ kind: "timeout" }, { kind: "noData" }]);
  });
});
