import { describe, it } from "node:test";
import type { Message } from "@flotilla/consensus";
import { command, holds, isBroken, settled, type TestCluster } from "./fixtures.ts";

type Draft = {
  [Kind in Message["kind"]]: Omit<Extract<Message, { kind: Kind }>, "from" | "to">;
}[Message["kind"]];

function send(cluster: TestCluster, from: string, to: string, draft: Draft) {
  return cluster.oracle.sent(cluster.at(from), { from, to, ...draft } as Message);
}

describe("the observer of promises", () => {
  it("accepts a vote that is on disk, or was before a later term", () => {
    const cluster = settled();
    holds(send(cluster, "b", "a", { kind: "voteResponse", term: 1, granted: true }));
    holds(send(cluster, "c", "b", { kind: "voteResponse", term: 7, granted: false }));
    cluster.sees(cluster.at("b").enter(2).sync());
    holds(send(cluster, "b", "a", { kind: "voteResponse", term: 1, granted: true }));
  });

  it("rejects a vote that is not on disk (T4)", () => {
    const cluster = settled();
    cluster.sees(cluster.at("c").enter(2, "b"));
    const found = send(cluster, "c", "b", { kind: "voteResponse", term: 2, granted: true });
    isBroken(
      found,
      "promises",
      /c grants b its vote in term 2, and its disk says nobody in term 0/,
    );
  });

  it("rejects a vote for somebody else than on disk", () => {
    const cluster = settled();
    const found = send(cluster, "b", "c", { kind: "voteResponse", term: 1, granted: true });
    isBroken(found, "promises", /b grants c its vote in term 1, and its disk says a in term 1/);
  });

  it("accepts acknowledgements of what is durable, compacted or cut off by a later term", () => {
    const cluster = settled();
    holds(send(cluster, "b", "a", { kind: "appendAccepted", term: 1, matchIndex: 2 }));
    const server = cluster.at("b");
    server.log.compactTo(2);
    server.durable.compactTo(2);
    holds(send(cluster, "b", "a", { kind: "appendAccepted", term: 1, matchIndex: 1 }));
    cluster.sees(cluster.at("c").enter(3).write(1, "3").sync());
    holds(send(cluster, "c", "a", { kind: "appendAccepted", term: 2, matchIndex: 5 }));
  });

  it("rejects acknowledgements of what is not durable", () => {
    const cluster = settled();
    cluster.sees(cluster.at("c").enter(1).write(1, "11").sync().write(3, "1"));
    const found = send(cluster, "c", "a", { kind: "appendAccepted", term: 1, matchIndex: 3 });
    isBroken(
      found,
      "promises",
      /c acknowledges \(3, 1\), and its disk has nothing there and ends at 2/,
    );
  });

  it("rejects acknowledgements of what is durable in another term (T6)", () => {
    const cluster = settled();
    cluster.sees(cluster.at("c").enter(1).write(1, "11").sync());
    cluster.at("c").durable.write({ entries: [command(2, 0)] });
    const found = send(cluster, "c", "a", { kind: "appendAccepted", term: 1, matchIndex: 2 });
    isBroken(found, "promises", /c acknowledges \(2, 1\), and its disk has term 0 there/);
  });

  it("rejects entries that do not follow on each other (T19)", () => {
    const cluster = settled();
    const draft = { kind: "appendRequest", term: 1, prevIndex: 0, prevTerm: 0, commit: 0 } as const;
    holds(send(cluster, "a", "c", { ...draft, entries: [command(1, 1), command(2, 1)] }));
    const found = send(cluster, "a", "c", { ...draft, entries: [command(1, 1), command(3, 1)] });
    isBroken(found, "promises", /a sends c an entry 3 where 2 follows/);
  });

  it("rejects a heartbeat that commits what the receiver does not hold (T10)", () => {
    const cluster = settled();
    const draft = { kind: "heartbeat", term: 1, readRound: 0 } as const;
    holds(send(cluster, "a", "b", { ...draft, commit: 2 }));
    holds(send(cluster, "a", "c", { ...draft, commit: 0 }));
    const found = send(cluster, "a", "c", { ...draft, commit: 2 });
    isBroken(
      found,
      "promises",
      /a tells c that \(2, 1\) is committed, which that one does not hold/,
    );
  });

  it("does not blame a leader for a receiver that has lost its disk", () => {
    const cluster = settled();
    const draft = { kind: "heartbeat", term: 1, readRound: 0, commit: 2 } as const;
    cluster.oracle.declareFaultyDisk("b");
    cluster.at("b").durable.restart(undefined);
    holds(send(cluster, "a", "b", draft));
    const wiped = settled();
    wiped.sees(wiped.at("c").stop());
    wiped.at("c").disk++;
    wiped.sees(wiped.at("c"));
    holds(send(wiped, "a", "c", draft));
  });
});
