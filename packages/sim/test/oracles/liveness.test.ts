import { equal, match } from "node:assert/strict";
import { describe, it } from "node:test";
import {
  type FinalServer,
  type FinalState,
  judgeLiveness,
  type Probe,
} from "../../src/oracles/liveness.ts";
import { configurationOf } from "./fixtures.ts";

const bounds = { leaderMs: 1000, probeMs: 500 };
const configuration = configurationOf("a b c");

function server(id: string, change: Partial<FinalServer> = {}): FinalServer {
  return {
    id,
    isExpected: true,
    isUp: true,
    isolation: undefined,
    isWitness: false,
    isReplacingState: false,
    role: id === "a" ? "leader" : "follower",
    term: 3,
    leader: "a",
    commitIndex: 9,
    appliedIndex: 9,
    lastIndex: 9,
    lastTerm: 3,
    configuration,
    stateHash: 77,
    ...change,
  };
}

function probe(change: Partial<Probe> = {}): Probe {
  return { kind: "write", server: "b", askedAtMs: 10_800, servedAtMs: 11_000, ...change };
}

/** Healed at 10 s, a leader 800 ms later, looked at 2 s after the heal. */
function judge(change: Partial<FinalState> = {}) {
  const state = {
    healedAtMs: 10_000,
    nowMs: 12_000,
    leaderAtMs: 10_800,
    servers: [server("a"), server("b"), server("c")],
    probes: [probe()],
    ...change,
  };
  return judgeLiveness(state, bounds);
}
function rejects(found: ReturnType<typeof judge>, oracle: string, facts: RegExp): void {
  equal(found?.oracle, oracle, found?.message);
  match(found?.message ?? "", facts);
}
const withC = (change: Partial<FinalServer>) => ({
  servers: [server("a"), server("b"), server("c", change)],
});

describe("judgeLiveness()", () => {
  it("accepts a cluster that serves and is alike", () => equal(judge(), undefined));

  it("wants one leader in time", () => {
    rejects(judge({ leaderAtMs: undefined }), "leaderElected", /no one leader is followed 2000 ms/);
    rejects(judge({ leaderAtMs: 11_001 }), "leaderElected", /one leader was followed 1001 ms/);
    equal(judge({ leaderAtMs: undefined, nowMs: 11_000, probes: [] }), undefined);
  });

  it("wants probes to be served in time", () => {
    rejects(judge({ probes: [probe({ servedAtMs: undefined })] }), "serves", /write at b was not/);
    const late = probe({ kind: "read", servedAtMs: 11_301 });
    rejects(judge({ probes: [probe(), late] }), "serves", /a read at b was served within 501 ms/);
    equal(judge({ probes: [probe({ servedAtMs: undefined })], nowMs: 11_200 }), undefined);
  });

  it("wants nobody isolated", () => {
    rejects(judge(withC({ isolation: "lostEntries" })), "isolation", /c is still .* lostEntries/);
  });

  // biome-ignore format: a table
  const differences = [
    ["a shorter log", { lastIndex: 8, commitIndex: 8, appliedIndex: 8 }, /c follower of a in term 3, log to 8\/3/],
    ["another last term", { lastTerm: 2 }, /log to 9\/2/],
    ["something uncommitted", { commitIndex: 8, appliedIndex: 8 }, /committed 8/],
    ["something unapplied", { appliedIndex: 8 }, /applied 8/],
    ["a joint configuration", { configuration: configurationOf("a", { old: "a b c" }) }, /c has not left/],
  ] as const;
  for (const [name, change, facts] of differences) {
    it(`rejects ${name}, once there was time enough`, () => {
      rejects(judge(withC(change)), "converges", facts);
      equal(judge({ ...withC(change), nowMs: 11_499 }), undefined);
    });
  }

  it("wants equal content at equal places, and of witnesses none", () => {
    rejects(
      judge(withC({ stateHash: 78 })),
      "stateHash",
      /at 9 the state of a has hash 77 and .* c 78/,
    );
    equal(judge(withC({ isWitness: true, stateHash: 78 })), undefined);
    equal(judge(withC({ stateHash: undefined })), undefined);
  });

  it("wants nobody to wait for another store, once there was time for it", () => {
    const waiting = { isReplacingState: true, appliedIndex: 4 };
    rejects(judge(withC(waiting)), "replaced", /c still waits for a store/);
    equal(judge({ ...withC(waiting), nowMs: 10_900 }), undefined);
    equal(judge(withC({ ...waiting, isExpected: false })), undefined);
  });

  it("expects nothing of those that do not belong here", () => {
    const gone = { isExpected: false, isolation: "removed", lastIndex: 2, stateHash: 1 };
    equal(judge(withC(gone)), undefined);
  });

  it("wants somebody to be left, and everybody who is to run", () => {
    const lost = { servers: [server("a", { isExpected: false })], leaderAtMs: undefined };
    rejects(judge(lost), "survives", /nobody is left/);
    rejects(judge(withC({ isUp: false })), "survives", /c does not run/);
    equal(judge(withC({ isUp: false, isExpected: false })), undefined);
  });
});
