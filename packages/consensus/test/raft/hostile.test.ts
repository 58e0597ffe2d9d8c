import { doesNotThrow, equal } from "node:assert/strict";
import { describe, it } from "node:test";
import { Prng, utf8 } from "@flotilla/base";
import { encodeConfiguration } from "../../src/configuration-codec.ts";
import type { Configuration, Entry, Message, SnapshotMeta } from "../../src/contract.ts";
import { validate } from "../../src/raft/validate.ts";
import { Cluster, votersOf } from "../cluster.ts";

// Peers that send whatever they like: no message may make an engine throw or break its invariants.
const configuration = votersOf("a", "b", "c");
const kinds: readonly Message["kind"][] = [
  "preVoteRequest",
  "preVoteResponse",
  "voteRequest",
  "voteResponse",
  "appendRequest",
  "appendAccepted",
  "appendRejected",
  "heartbeat",
  "heartbeatResponse",
  "installSnapshot",
  "timeoutNow",
  "forwardedProposals",
  "readRequest",
  "readResponse",
  "dataLost",
  "refused",
];

/** Mostly small, so that it often nearly fits; sometimes absurd. */
function number(prng: Prng): number {
  const absurd = [-1, 0.5, Number.NaN, Number.MAX_SAFE_INTEGER, 2 ** 60, Number.POSITIVE_INFINITY];
  return prng.chance(0.03) ? prng.pick(absurd) : prng.below(8);
}

function anyConfiguration(prng: Prng): Configuration {
  const ids = ["a", "b", "c", "d"].filter(() => prng.chance(0.6));
  return {
    ...votersOf(...ids),
    outgoing: prng.chance(0.3) ? configuration.voters : [],
    witnesses: ids.filter(() => prng.chance(0.2)),
    removed: ["a", "b", "e"].filter(() => prng.chance(0.05)),
    servers: ids.map((id) => ({ id, incarnation: prng.below(2), urls: [] })),
  };
}

function entries(prng: Prng, prevIndex: number): Entry[] {
  return Array.from({ length: prng.below(4) }, (_, offset) => ({
    index: prng.chance(0.05) ? number(prng) : prevIndex + 1 + offset,
    term: prng.chance(0.7) ? 1 + Math.floor(offset / 2) : number(prng),
    kind: prng.pick(["command", "noop", "config"] as const),
    data: prng.chance(0.5) ? utf8("data") : encodeConfiguration(anyConfiguration(prng)),
  }));
}

function anyMessage(prng: Prng, term: number): Message {
  const prevIndex = number(prng);
  const index = prng.chance(0.05) ? Number.NaN : prng.below(8);
  const snapshot: SnapshotMeta = { index, term: number(prng), configuration };
  const fields = {
    kind: prng.chance(0.95) ? prng.pick(kinds.slice(0, -1)) : prng.pick(kinds),
    from: prng.pick(["b", "c", "stranger"]),
    to: "a",
    term: prng.chance(0.6) ? term : prng.chance(0.9) ? term + prng.below(2) : number(prng),
    lastIndex: number(prng),
    lastTerm: number(prng),
    granted: prng.chance(0.7),
    transfer: prng.chance(0.5),
    prevIndex,
    prevTerm: number(prng),
    entries: entries(prng, prevIndex),
    commit: number(prng),
    matchIndex: number(prng),
    rejectedIndex: number(prng),
    hintIndex: number(prng),
    hintTerm: number(prng),
    readRound: number(prng),
    requestId: number(prng),
    index: number(prng),
    snapshot,
    data: [utf8("x"), utf8("")],
    // Rarely: these put the engine out of the game for good.
    ...(prng.chance(0.01) ? { epoch: number(prng) } : {}),
    ...(prng.chance(0.2) ? { incarnation: number(prng) } : {}),
    reason: prng.pick(["superseded", "removed", "lostDisk", "of another version"]),
  };
  return fields as Message;
}

describe("step()", () => {
  it("takes every message, in every role, without throwing (400 seeds)", () => {
    const roles = new Set<string>();
    for (let seed = 0; seed < 400; seed++) {
      const prng = new Prng(seed);
      const cluster = new Cluster({
        configuration,
        ids: ["a"],
        seed,
        engine: { electionTicks: 3 },
      });
      const member = cluster.get("a");
      const pass = (): void => {
        for (let step = 0; step < 300; step++) {
          const message = anyMessage(prng, member.server.term);
          if (message.kind === "installSnapshot") {
            member.received.set(
              message.snapshot.index,
              Array<string>(message.snapshot.index || 0).fill("s"),
            );
          }
          member.input((raft) => raft.step(message));
          if (prng.chance(0.2)) member.input((raft) => raft.tick());
          if (prng.chance(0.1)) member.input((raft) => raft.propose([utf8("p")]));
          if (prng.chance(0.1)) member.input((raft) => raft.read(step));
          if (prng.chance(0.02)) member.change({ kind: "votes", id: "b", votes: prng.below(3) });
          if (prng.chance(0.02)) member.compact(member.server.appliedIndex);
          cluster.network = [];
          roles.add(member.server.role);
          validate(member.server);
        }
      };
      doesNotThrow(pass, `seed=${seed}`);
    }
    equal(roles.size, 4);
  });

  it("does not follow anybody to the end of all terms", () => {
    const member = new Cluster({ configuration, ids: ["a"] }).get("a");
    const head = { kind: "heartbeatResponse", from: "b", to: "a", readRound: 0 } as const;
    member.input((raft) => raft.step({ ...head, term: Number.MAX_SAFE_INTEGER }));
    equal(member.server.term, 0);
    member.input((raft) => raft.step({ ...head, term: 2 ** 40 }));
    equal(member.server.term, 2 ** 40);
  });

  it("ignores kinds of a newer version, and messages to somebody else", () => {
    const member = new Cluster({ configuration, ids: ["a"] }).get("a");
    const newer = { kind: "surprise", from: "b", to: "a", term: 9 } as unknown as Message;
    member.input((raft) => raft.step(newer));
    member.input((raft) => raft.step({ kind: "timeoutNow", from: "b", to: "c", term: 9 }));
    equal(member.server.term, 0);
  });
});
