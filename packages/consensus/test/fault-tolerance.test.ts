import { equal } from "node:assert/strict";
import { describe, it } from "node:test";
import { Prng } from "@flotilla/base";
import { configurationServers } from "../src/configuration.ts";
import type { Configuration, NodeId, Voter } from "../src/contract.ts";
import { quorumVotes, suffices, tolerance, totalVotes } from "../src/fault-tolerance.ts";
import { votersOf } from "./cluster.ts";

function weighted(weights: Readonly<Record<NodeId, number>>): Configuration {
  const voters = Object.entries(weights).map(([id, votes]) => ({ id, votes }));
  return { voters, learners: [], outgoing: [] };
}

/** Whoever is alive has more than half of the votes of each half, and one of them may lead. */
function naiveSuffices(configuration: Configuration, alive: ReadonlySet<NodeId>): boolean {
  const hasMajority = (half: readonly Voter[]): boolean => {
    let yes = 0;
    let no = 0;
    for (const { id, votes } of half) {
      if (alive.has(id)) yes += votes;
      else no += votes;
    }
    return yes > no;
  };
  const { voters, outgoing, witnesses = [], staticLeader } = configuration;
  const canLead = [...voters, ...outgoing].some(
    ({ id }) =>
      alive.has(id) &&
      !witnesses.includes(id) &&
      (staticLeader === undefined || id === staticLeader),
  );
  return canLead && hasMajority(voters) && (outgoing.length === 0 || hasMajority(outgoing));
}

function subsets(ids: readonly NodeId[]): ReadonlySet<NodeId>[] {
  return Array.from(
    { length: 2 ** ids.length },
    (_, bits) => new Set(ids.filter((_id, at) => Math.floor(bits / 2 ** at) % 2 === 1)),
  );
}

/** The largest count of servers such that every set of so many may fail. */
function naiveTolerance(configuration: Configuration): number {
  const ids = [...configurationServers(configuration)];
  for (let count = 0; ; count++) {
    for (const failed of subsets(ids)) {
      const alive = new Set(ids.filter((id) => !failed.has(id)));
      if (failed.size === count && !naiveSuffices(configuration, alive)) return count - 1;
    }
  }
}

describe("tolerance()", () => {
  // biome-ignore format: a table
  const cases: readonly [string, Configuration, [number, number, number]][] = [
    // name                                                       total, quorum, tolerance
    ["one voter",                   votersOf("a"),                                    [1, 1, 0]],
    ["two voters",                  votersOf("a", "b"),                               [2, 2, 0]],
    ["three voters",                votersOf("a", "b", "c"),                          [3, 2, 1]],
    ["four voters",                 votersOf("a", "b", "c", "d"),                     [4, 3, 1]],
    ["five voters",                 votersOf("a", "b", "c", "d", "e"),                [5, 3, 2]],
    ["learners do not count",       { ...votersOf("a"), learners: ["b", "c"] },       [1, 1, 0]],
    ["one heavy voter",             weighted({ a: 3, b: 1, c: 1 }),                   [5, 3, 0]],
    ["two sites and a third",       weighted({ a: 2, b: 2, c: 1 }),                   [5, 3, 1]],
    ["two members and a witness",   { ...votersOf("a", "b", "w"), witnesses: ["w"] }, [3, 2, 1]],
    ["only one member with data",   { ...votersOf("a", "w"), witnesses: ["w"] },      [2, 2, 0]],
    ["a static leader",             { ...votersOf("a", "b", "c"), staticLeader: "a" }, [3, 2, 0]],
    ["from three to five, joint",   { ...votersOf("a", "b", "c", "d", "e"), outgoing: votersOf("a", "b", "c").voters }, [5, 3, 1]],
  ];
  for (const [name, configuration, want] of cases) {
    it(name, () => {
      const { voters } = configuration;
      equal(voters.length > 0, true);
      equal(
        String([totalVotes(configuration), quorumVotes(configuration), tolerance(configuration)]),
        String(want),
      );
    });
  }

  it("agrees with trying every set of failures, and so does suffices() (400 configurations)", () => {
    for (let seed = 0; seed < 400; seed++) {
      const prng = new Prng(seed);
      const ids = ["a", "b", "c", "d", "e"].slice(0, prng.between(1, 5));
      const half = (): Voter[] =>
        ids.filter(() => prng.chance(0.8)).map((id) => ({ id, votes: prng.between(1, 4) }));
      const configuration: Configuration = {
        voters: half(),
        outgoing: prng.chance(0.3) ? half() : [],
        learners: [],
        witnesses: ids.filter(() => prng.chance(0.2)),
        ...(prng.chance(0.1) ? { staticLeader: prng.pick(ids) } : {}),
      };
      equal(tolerance(configuration), naiveTolerance(configuration), `seed=${seed}`);
      for (const alive of subsets(ids)) {
        const isEnough = suffices(configuration, (id) => alive.has(id));
        equal(isEnough, naiveSuffices(configuration, alive), `seed=${seed} ${[...alive]}`);
      }
    }
  });
});
