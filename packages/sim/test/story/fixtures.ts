/** Facts to tell, and runs that are told. */
import type { Entry, Message } from "@flotilla/consensus";
import { runScenario } from "../../src/run/run.ts";
import type { Scenario } from "../../src/scenario/scenario.ts";
import type { Fact, ServerState } from "../../src/story/fact.ts";
import { type ToldRun, tellStory } from "../../src/story/story.ts";

/** A follower of a1 with `last` entries of term 1. */
export function stateOf(last: number, more: Partial<ServerState> = {}): ServerState {
  const log = { firstIndex: 1, lastIndex: last, lastTerm: 1, term: 1, vote: "a1" };
  return {
    isUp: true,
    disk: 1,
    role: "follower",
    leader: "a1",
    commitIndex: 0,
    appliedIndex: 0,
    configuration: { voters: [{ id: "a1", votes: 1 }], learners: [], outgoing: [] },
    log,
    durable: log,
    ...more,
  };
}

export function noop(index: number, term = 1): Entry {
  return { index, term, kind: "noop", data: new Uint8Array(0) };
}

/** a2 has changed at `atMs`. */
export function changed(atMs: number, before: ServerState, after: ServerState): Fact {
  const log = { dropped: [], appended: [] };
  return { kind: "state", atMs, event: atMs, server: "a2", before, after, log };
}

export function heartbeat(round: number): Message {
  return { kind: "heartbeat", from: "a1", to: "a2", term: 1, commit: 0, readRound: round };
}

export function voteRequest(term: number): Message {
  const last = { lastIndex: 0, lastTerm: 0, transfer: false };
  return { kind: "voteRequest", from: "a1", to: "a2", term, ...last };
}

export function sent(atMs: number, message: Message): Fact {
  return { kind: "sent", atMs, event: atMs, server: message.from, message };
}

export function received(atMs: number, message: Message): Fact {
  return { kind: "received", atMs, event: atMs, server: message.to, message };
}

/** A run of nothing but these. */
export function toldOf(facts: readonly Fact[]): ToldRun {
  const simulatedMs = 1_000_000;
  const histories = { operations: [], leases: [] };
  return { facts, simulatedMs, events: facts.length, histories, violation: undefined };
}

/** Runs `scenario` and tells it. */
export function storyOf(scenario: Scenario, linesMax?: number): readonly string[] {
  const run = runScenario(scenario, { isRecorded: true });
  return tellStory(scenario, run, linesMax === undefined ? {} : { linesMax });
}
