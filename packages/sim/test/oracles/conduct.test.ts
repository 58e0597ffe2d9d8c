import { describe, it } from "node:test";
import type { Message } from "@flotilla/consensus";
import { ConductOracle } from "../../src/oracles/index.ts";
import { configurationOf, holds, isBroken, TestServer } from "./fixtures.ts";

const electionTicks = 6;

function follower(term: number, leader: string): TestServer {
  const server = new TestServer("a", configurationOf("a b c")).enter(term);
  server.leader = leader;
  return server;
}

function leader(term: number): TestServer {
  const server = follower(term, "a");
  server.role = "leader";
  return server;
}

function heartbeat(term: number): Message {
  return { kind: "heartbeat", from: "b", to: "a", term, commit: 0, readRound: 1 };
}

function voteRequest(term: number, transfer = false): Message {
  const log = { lastIndex: 9, lastTerm: 1 };
  return { kind: "voteRequest", from: "c", to: "a", term, ...log, transfer };
}

function preVoteRequest(term: number): Message {
  const { transfer: _, ...request } = voteRequest(term) as Message & { kind: "voteRequest" };
  return { ...request, kind: "preVoteRequest" };
}

function granted(kind: "voteResponse" | "preVoteResponse", term: number): Message {
  return { kind, from: "a", to: "c", term, granted: true };
}

/** Somebody says that it would vote for `a`. */
function softVote(term: number, from = "b"): Message {
  return { kind: "preVoteResponse", from, to: "a", term, granted: true };
}

function campaign(term: number): Message {
  return { ...voteRequest(term), from: "a", to: "b" } as Message;
}

function pass(oracle: ConductOracle, server: TestServer, ticks: number): void {
  for (let count = 0; count < ticks; count++) holds(oracle.ticked(server));
}

describe("the observer of conduct: votes", () => {
  it("rejects a vote against a leader that is heard (T17)", () => {
    const oracle = new ConductOracle(electionTicks);
    const server = follower(1, "b");
    oracle.received(server, heartbeat(1));
    oracle.received(server, voteRequest(2));
    isBroken(oracle.sent(server, granted("voteResponse", 2)), "stickiness", /it heard b/);
  });

  it("rejects a pre-vote against a leader that is heard (T26)", () => {
    const oracle = new ConductOracle(electionTicks);
    const server = follower(1, "b");
    oracle.received(server, heartbeat(1));
    oracle.received(server, preVoteRequest(2));
    isBroken(oracle.sent(server, granted("preVoteResponse", 2)), "stickiness", /it heard b/);
  });

  it("accepts a pre-vote that was asked for before the leader was heard, and once only", () => {
    const oracle = new ConductOracle(electionTicks);
    const server = follower(1, "b");
    // All in one turn, as after a pause: the answers leave at its end.
    oracle.received(server, preVoteRequest(2));
    oracle.received(server, heartbeat(1));
    oracle.received(server, preVoteRequest(2));
    holds(oracle.sent(server, granted("preVoteResponse", 2)));
    isBroken(oracle.sent(server, granted("preVoteResponse", 2)), "stickiness", /it heard b/);
  });

  it("accepts a vote after a silence, on the leader's wish, and after a start", () => {
    const silent = new ConductOracle(electionTicks);
    const server = follower(1, "b");
    silent.received(server, heartbeat(1));
    silent.received(server, voteRequest(2));
    pass(silent, server, electionTicks);
    silent.received(server, voteRequest(2));
    holds(silent.sent(server, granted("voteResponse", 2)));

    const wished = new ConductOracle(electionTicks);
    wished.received(server, heartbeat(1));
    wished.received(server, voteRequest(2));
    wished.received(server, voteRequest(2, true));
    holds(wished.sent(server, granted("voteResponse", 2)));

    const started = new ConductOracle(electionTicks);
    started.received(server, heartbeat(1));
    const again = follower(1, "");
    again.start = 2;
    started.received(again, voteRequest(2));
    holds(started.sent(again, granted("voteResponse", 2)));
  });

  it("rejects a campaign that nobody was asked about (T27)", () => {
    const oracle = new ConductOracle(electionTicks);
    const server = follower(1, "");
    isBroken(oracle.sent(server, campaign(2)), "preVote", /campaigns in term 2/);
    oracle.received(server, softVote(2));
    holds(oracle.sent(server, campaign(2)));
    isBroken(oracle.sent(server, campaign(3)), "preVote", /campaigns in term 3/);
    holds(oracle.sent(server, { ...campaign(3), transfer: true } as Message));
  });

  it("counts only those who would vote in that term, in whatever order they say so", () => {
    const oracle = new ConductOracle(electionTicks);
    const server = follower(1, "");
    server.configuration = configurationOf("a b c d e");
    oracle.received(server, softVote(2, "b"));
    oracle.received(server, softVote(1, "d"));
    isBroken(oracle.sent(server, campaign(2)), "preVote", /a campaigns in term 2, and no quorum/);
    oracle.received(server, softVote(2, "c"));
    holds(oracle.sent(server, campaign(2)));
  });
});

describe("the observer of conduct: leaders", () => {
  it("rejects one that no quorum answers (T24)", () => {
    const oracle = new ConductOracle(electionTicks);
    const server = leader(2);
    pass(oracle, server, electionTicks);
    oracle.received(server, { ...heartbeat(2), kind: "heartbeatResponse" } as Message);
    pass(oracle, server, electionTicks + 1);
    isBroken(oracle.ticked(server), "quorumCheck", /a leads term 2/);
  });

  it("counts no answer from another term", () => {
    const oracle = new ConductOracle(electionTicks);
    const server = leader(2);
    pass(oracle, server, electionTicks);
    oracle.received(server, { ...heartbeat(1), kind: "heartbeatResponse" } as Message);
    pass(oracle, server, 2);
    isBroken(oracle.ticked(server), "quorumCheck", /a leads term 2/);
  });

  it("rejects one whose disk does not end a write (T28)", () => {
    const oracle = new ConductOracle(electionTicks);
    const server = leader(2);
    server.configuration = configurationOf("a");
    const [first, second] = [{}, {}];
    pass(oracle, server, 1);
    oracle.writes(server, first);
    pass(oracle, server, electionTicks);
    oracle.wrote(server, first);
    oracle.writes(server, second);
    pass(oracle, server, electionTicks + 2);
    isBroken(oracle.ticked(server), "stalledDisk", /a leads term 2/);
    server.role = "follower";
    holds(oracle.ticked(server));
  });
});
