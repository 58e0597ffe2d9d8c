import { equal } from "node:assert/strict";
import { describe, it } from "node:test";
import { Prng } from "@flotilla/base";
import type { Configuration, Voter } from "../src/contract.ts";
import { committedIndex, hasQuorum, tallyVotes } from "../src/quorum.ts";
import { votersOf } from "./cluster.ts";

// The naive twin: writes every vote as a row of its own, sorts, and takes the middle.
function naiveCommitted(voters: readonly Voter[], match: ReadonlyMap<string, number>): number {
  const rows = voters.flatMap(({ id, votes }) => Array<number>(votes).fill(match.get(id) ?? 0));
  rows.sort((left, right) => right - left);
  return rows[Math.floor(rows.length / 2)] ?? 0;
}

function naiveTally(voters: readonly Voter[], votes: ReadonlyMap<string, boolean>): string {
  const rows = voters.flatMap((voter) => Array(voter.votes).fill(votes.get(voter.id)));
  const yes = rows.filter((vote) => vote === true).length;
  const no = rows.filter((vote) => vote === false).length;
  if (yes > rows.length - yes) return "won";
  return rows.length - no > no ? "pending" : "lost";
}

function randomVoters(prng: Prng, isWeighted: boolean): Voter[] {
  const ids = ["a", "b", "c", "d", "e", "f", "g"].filter(() => prng.chance(0.6));
  return ids.map((id) => ({ id, votes: isWeighted ? prng.between(1, 5) : 1 }));
}

const ids = ["a", "b", "c", "d", "e", "f", "g"];

describe("quorums", () => {
  it("commit what the naive twin commits, weighted and joint (5,000 seeds, T20)", () => {
    for (let seed = 0; seed < 5_000; seed++) {
      const prng = new Prng(seed);
      const voters = randomVoters(prng, prng.chance(0.5));
      const outgoing = prng.chance(0.5) ? randomVoters(prng, prng.chance(0.5)) : [];
      const match = new Map(ids.filter(() => prng.chance(0.9)).map((id) => [id, prng.below(8)]));
      const want =
        outgoing.length === 0
          ? naiveCommitted(voters, match)
          : Math.min(naiveCommitted(voters, match), naiveCommitted(outgoing, match));
      const configuration: Configuration = { voters, learners: [], outgoing };
      equal(
        committedIndex(configuration, (id) => match.get(id) ?? 0),
        want,
        `seed=${seed}`,
      );
    }
  });

  it("tally as the naive twin tallies, weighted and joint (5,000 seeds)", () => {
    for (let seed = 0; seed < 5_000; seed++) {
      const prng = new Prng(seed);
      const voters = randomVoters(prng, prng.chance(0.5));
      const outgoing = prng.chance(0.5) ? randomVoters(prng, prng.chance(0.5)) : [];
      const votes = new Map(
        ids.filter(() => prng.chance(0.7)).map((id) => [id, prng.chance(0.6)] as const),
      );
      const halves = [naiveTally(voters, votes)];
      if (outgoing.length > 0) halves.push(naiveTally(outgoing, votes));
      const want = halves.includes("lost")
        ? "lost"
        : halves.every((each) => each === "won")
          ? "won"
          : "pending";
      const configuration: Configuration = { voters, learners: [], outgoing };
      equal(
        tallyVotes(configuration, (id) => votes.get(id)),
        want,
        `seed=${seed}`,
      );
    }
  });

  it("are never exactly half of the votes", () => {
    equal(
      hasQuorum(votersOf("a", "b", "c", "d"), (id) => id < "c"),
      false,
    );
    equal(
      committedIndex(votersOf("a", "b"), (id) => (id === "a" ? 9 : 0)),
      0,
    );
  });

  it("let a heavy voter decide alone, and be missed by nobody else", () => {
    const voters = [
      { id: "heavy", votes: 3 },
      { id: "b", votes: 1 },
      { id: "c", votes: 1 },
    ];
    const configuration: Configuration = { voters, learners: [], outgoing: [] };
    equal(
      hasQuorum(configuration, (id) => id === "heavy"),
      true,
    );
    equal(
      hasQuorum(configuration, (id) => id !== "heavy"),
      false,
    );
  });

  it("do not exist without voters", () => {
    equal(
      hasQuorum(votersOf(), () => true),
      false,
    );
    equal(
      committedIndex(votersOf(), () => 7),
      0,
    );
  });
});
