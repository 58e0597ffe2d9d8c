import { equal } from "node:assert/strict";
import { describe, it } from "node:test";
import { TimeoutCauses } from "../src/timeout-causes.ts";

const electionMs = 1000;

/** Server `a` of three, at a time that the test sets. */
function scene() {
  const voters = ["a", "b", "c"].map((id) => ({ id, votes: 1 }));
  const engine = { configuration: { voters, learners: [], outgoing: [] } };
  const now = { ms: 10_000 };
  const causes = new TimeoutCauses({ id: "a", electionMs, nowMs: () => now.ms });
  const elect = (leader: string) => causes.observe({ leader });
  return { causes, now, elect, since: (beganMs: number) => causes.since(beganMs, engine) };
}

describe("TimeoutCauses", () => {
  it("blames the loss of a leader for what began up to two election time-outs before the next one", () => {
    const { elect, since } = scene();
    elect("b");
    equal(since(8_001), "leaderFailed");
    equal(since(9_999), "leaderFailed");
    equal(since(8_000), undefined, "that is long before");
    equal(since(10_000), undefined, "it had a leader from the start");
  });

  it("takes a leader that comes back for a new one", () => {
    const { elect, now, since } = scene();
    elect("b");
    elect("");
    equal(since(11_000), undefined, "there is no leader to be blamed");
    now.ms = 20_000;
    elect("b");
    equal(since(19_000), "leaderFailed");
  });

  it("blames a connection that was not there all the while", () => {
    const { causes, elect, now, since } = scene();
    elect("b");
    causes.unreachable("c");
    equal(since(11_000), undefined, "that one does not lead");
    causes.unreachable("b");
    equal(since(11_000), "connectionLost");
    now.ms = 12_000;
    causes.heard("b");
    equal(since(11_000), "connectionLost");
    equal(since(13_000), undefined);
  });

  it("asks of a leader that it could reach a quorum", () => {
    const { causes, elect, since } = scene();
    elect("a");
    causes.unreachable("b");
    equal(since(11_000), undefined);
    causes.unreachable("c");
    equal(since(11_000), "connectionLost");
  });
});
