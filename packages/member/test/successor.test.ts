import { equal } from "node:assert/strict";
import { describe, it } from "node:test";
import type { EngineStatus } from "@flotilla/consensus";
import { successorOf } from "../src/successor.ts";

/**
 * `b:12+` is server b in replicate at index 12, heard of lately; `b:12?` one that is probed. Server l is
 * a learner, server w a witness; `b:12!` is one in replicate, heard of, that stands back.
 */
function statusOf(role: EngineStatus["role"], servers: string): EngineStatus {
  const progress = new Map();
  const voters = [{ id: "a", votes: 1 }];
  for (const [, id = "", index, mark] of servers.matchAll(/(\w):(\d+)([+?!-])/g)) {
    const state = mark === "?" ? "probe" : "replicate";
    const recentlyActive = mark === "+" || mark === "!";
    const known = { matchIndex: Number(index), state, recentlyActive };
    progress.set(id, mark === "!" ? { ...known, standsBack: true } : known);
    if (id !== "l") voters.push({ id, votes: 1 });
  }
  const configuration = { voters, learners: ["l"], outgoing: [], witnesses: ["w"] };
  return { role, configuration, progress } as unknown as EngineStatus;
}

describe("successorOf", () => {
  const cases = [
    ["nobody without leadership", "follower", "b:9+ c:9+", undefined],
    ["nobody when alone", "leader", "", undefined],
    ["whoever holds most of the log", "leader", "b:7+ c:9+ d:8+", "c"],
    ["one that was heard of before one that holds more", "leader", "b:7+ c:9-", "b"],
    ["one that holds most when none was heard of since the check", "leader", "b:7- c:9-", "c"],
    ["one that is ready before one that stands back", "leader", "b:9! c:7+", "c"],
    ["one that stands back where nobody else was heard of", "leader", "b:7! c:9-", "b"],
    ["nobody that is only probed", "leader", "b:9? c:3+", "c"],
    ["nobody when all are probed", "leader", "b:9? c:9?", undefined],
    ["no learner", "leader", "l:9+ b:3+", "b"],
    ["no witness, which cannot lead", "leader", "w:9+ b:9+", "b"],
  ] as const;
  for (const [name, role, servers, want] of cases) {
    it(`is ${name}`, () => equal(successorOf(statusOf(role, servers)), want));
  }

  it("is nobody when this server is set as the only leader", () => {
    const status = statusOf("leader", "b:9+");
    const configuration = { ...status.configuration, staticLeader: "a" };
    equal(successorOf({ ...status, configuration }), undefined);
  });
});
