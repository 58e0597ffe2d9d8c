import { equal } from "node:assert/strict";
import { describe, it } from "node:test";
import type { NodeId, Term } from "@flotilla/consensus";
import { ConductOracle } from "../../src/oracles/index.ts";
import { configurationOf, isBroken, TestServer } from "./fixtures.ts";

/** "a" of five, in term 1, and who watches it. */
function watched(): [ConductOracle, TestServer] {
  return [new ConductOracle(10), new TestServer("a", configurationOf("a b c d e")).enter(1)];
}

function wouldVote(oracle: ConductOracle, server: TestServer, from: NodeId, term: Term): void {
  oracle.received(server, { kind: "preVoteResponse", from, to: "a", term, granted: true });
}

function campaign(oracle: ConductOracle, server: TestServer, term: Term) {
  const head = { from: "a", to: "b", term, lastIndex: 0, lastTerm: 0 };
  return oracle.sent(server, { kind: "voteRequest", ...head, transfer: false });
}

describe("the observer of conduct", () => {
  it("rejects a campaign without a quorum that would vote for it", () => {
    const [oracle, server] = watched();
    wouldVote(oracle, server, "b", 2);
    wouldVote(oracle, server, "c", 1);
    isBroken(campaign(oracle, server, 2), "preVote", /a campaigns in term 2, and no quorum/);
  });

  it("counts on when a grant for an earlier term comes late", () => {
    const [oracle, server] = watched();
    wouldVote(oracle, server, "b", 2);
    wouldVote(oracle, server, "d", 1);
    wouldVote(oracle, server, "c", 2);
    equal(campaign(oracle, server, 2), undefined);
  });
});
