import { deepEqual, ok, throws } from "node:assert/strict";
import { describe, it } from "node:test";
import { encodeMessage, Prng, WireError } from "@flotilla/base";
import {
  type Configuration,
  type ConfigurationChange,
  changeStepsMax,
  type EngineStatus,
} from "@flotilla/consensus";
import {
  decodeAnswer,
  decodeQuestion,
  type LeaderAnswer,
  type LeaderQuestion,
  writeAnswer,
  writeQuestion,
} from "../src/leader-call-codec.ts";
import { chunkBytes } from "../src/limits.ts";
import { decodeFrame, encodeFrame, type SnapshotFrame } from "../src/snapshot-frames.ts";

const configuration: Configuration = {
  voters: [
    { id: "a", votes: 1 },
    { id: "b", votes: 2 },
  ],
  learners: ["c"],
  outgoing: [{ id: "a", votes: 1 }],
};
const changes: readonly ConfigurationChange[] = [
  { kind: "add", id: "d", votes: 0, witness: false, urls: [] },
  { kind: "add", id: "e", votes: 3, witness: true, urls: ["http://e:1", "http://e:2"] },
  { kind: "remove", id: "a" },
  { kind: "promote", id: "c", votes: 1 },
  { kind: "demote", id: "b" },
  { kind: "votes", id: "b", votes: 5 },
  { kind: "prefer", ids: ["b", "a"] },
  { kind: "prefer", ids: [] },
  { kind: "staticLeader", id: "b" },
  { kind: "staticLeader", id: undefined },
  { kind: "urls", id: "a", urls: ["http://a"] },
];
const status: EngineStatus = {
  id: "a",
  role: "leader",
  term: 7,
  leader: "a",
  commitIndex: 99,
  appliedIndex: 98,
  firstIndex: 50,
  lastIndex: 101,
  configuration,
  configurationIndex: 77,
  isConfigurationCommitted: true,
  transferTarget: "b",
  diverged: 12,
  progress: new Map([
    ["b", { matchIndex: 100, state: "replicate", recentlyActive: true }],
    ["c", { matchIndex: 0, state: "snapshot", recentlyActive: false, hasLostEntries: true }],
    ["d", { matchIndex: 7, state: "replicate", recentlyActive: true, standsBack: true }],
  ]),
};
const questions: readonly LeaderQuestion[] = [
  { kind: "renew", id: -1n },
  { kind: "timeToLive", id: 1n << 62n },
  { kind: "status" },
  { kind: "change", changes: [], since: undefined },
  { kind: "change", changes, since: 0 },
  { kind: "change", changes, since: 2 ** 53 - 1 },
];
const answers: readonly LeaderAnswer[] = [
  { kind: "live", grantedSeconds: 10, remainingSeconds: 0 },
  { kind: "leaseNotFound" },
  { kind: "notLeader" },
  { kind: "interrupted" },
  { kind: "timeout" },
  { kind: "changed", configuration, index: 12 },
  { kind: "refused", reason: "learnerBehind" },
  { kind: "status", status },
  { kind: "status", status: withoutDivergence(status) },
];
const stream = { session: (1n << 64n) - 1n, number: 3 };
const frames: readonly SnapshotFrame[] = [
  { kind: "offer", stream, head: Uint8Array.of(1, 2) },
  { kind: "chunk", stream, offset: 0, bytes: Uint8Array.of(7) },
  { kind: "chunk", stream, offset: 2 ** 40, bytes: new Uint8Array(chunkBytes) },
  { kind: "end", stream, size: 5, crc: 2 ** 32 - 1 },
  { kind: "ack", stream, offset: 0 },
  { kind: "done", stream },
  { kind: "busy", stream },
  { kind: "lost", stream },
];

function withoutDivergence({ diverged: _, ...rest }: EngineStatus): EngineStatus {
  return rest;
}

const bytesOfQuestion = (question: LeaderQuestion) =>
  encodeMessage((writer) => writeQuestion(writer, question));
const bytesOfAnswer = (answer: LeaderAnswer) =>
  encodeMessage((writer) => writeAnswer(writer, answer));

describe("what servers ask the leader", () => {
  it("comes back as it was written", () => {
    for (const question of questions)
      deepEqual(decodeQuestion(bytesOfQuestion(question)), question);
    for (const answer of answers) deepEqual(decodeAnswer(bytesOfAnswer(answer)), answer);
  });

  it("has no more steps than the engine takes", () => {
    const steps = (count: number) => new Array(count).fill(changes[2]);
    const question = (count: number) =>
      bytesOfQuestion({ kind: "change", changes: steps(count), since: undefined });
    decodeQuestion(question(changeStepsMax));
    throws(() => decodeQuestion(question(changeStepsMax + 1)), WireError);
  });
});

describe("frames of a snapshot", () => {
  it("come back as they were written", () => {
    for (const frame of frames) deepEqual(decodeFrame(encodeFrame(frame)), frame);
  });

  it("carry neither nothing nor too much", () => {
    const bad: readonly SnapshotFrame[] = [
      { kind: "chunk", stream, offset: 0, bytes: new Uint8Array(0) },
      { kind: "chunk", stream, offset: 0, bytes: new Uint8Array(chunkBytes + 1) },
      { kind: "end", stream, size: 0, crc: 0 },
    ];
    for (const frame of bad) throws(() => decodeFrame(encodeFrame(frame)), WireError);
  });
});

describe("all decoders", () => {
  it("throw nothing but WireError, whatever they are given (3,000 seeds)", () => {
    const genuine = [
      ...questions.map(bytesOfQuestion),
      ...answers.map(bytesOfAnswer),
      ...frames.map(encodeFrame),
    ];
    for (let seed = 0; seed < 3_000; seed++) {
      const prng = new Prng(seed);
      const bytes = (genuine[prng.below(genuine.length)] as Uint8Array).slice(0, 300);
      for (let change = prng.between(1, 5); change > 0; change--) {
        bytes[prng.below(bytes.length)] = prng.below(256);
      }
      const cut = bytes.subarray(0, prng.between(1, bytes.length));
      for (const decode of [decodeQuestion, decodeAnswer, decodeFrame]) {
        try {
          decode(cut);
        } catch (error) {
          ok(error instanceof WireError, `seed=${seed}: ${error}`);
        }
      }
    }
  });
});
