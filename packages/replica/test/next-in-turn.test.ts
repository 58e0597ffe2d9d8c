import { equal } from "node:assert/strict";
import { it } from "node:test";
import type { EngineStatus } from "@flotilla/consensus";
import { nextInTurn } from "../src/next-in-turn.ts";

/** The status of a server in `term`; voters are `a` to `d` and the witness `w`, it streams to `reached`. */
function statusOf(role: EngineStatus["role"], term: number, reached: string): EngineStatus {
  const progress = new Map([...reached].map((id) => [id, { state: "replicate" }]));
  progress.set("d", { state: "probe" });
  const voters = [..."abcdw"].map((id) => ({ id, votes: 1 }));
  const configuration = { voters, learners: [], outgoing: [], witnesses: ["w"] };
  return { role, term, configuration, progress } as unknown as EngineStatus;
}

it("nextInTurn() names each of those that may lead in turn", () => {
  const named = [5, 6, 7, 8, 9].map((term) => nextInTurn(statusOf("leader", term, "bcw")));
  equal(named.join(), "b,b,c,b,b");
  equal(nextInTurn(statusOf("leader", 5, "w")), undefined, "it streams to none that may");
  equal(nextInTurn(statusOf("follower", 5, "bc")), undefined);
});

it("nextInTurn() comes to the only one that can lead, whoever else cannot", () => {
  for (const fit of "abc") {
    for (let first = 0; first < 5; first++) {
      let leader = fit === "a" ? "b" : "a";
      let term = first;
      for (; leader !== fit && term < first + 5; term++) {
        const reached = [..."abc"].filter((id) => id !== leader).join("");
        leader = nextInTurn(statusOf("leader", term, reached)) ?? "";
      }
      equal(leader, fit, `from term ${first} on`);
    }
  }
});
