import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { describe, it } from "node:test";
import { concatBytes, Prng, utf8, WireError, WireWriter } from "@flotilla/base";
import type { Configuration, Entry, HardState, Message } from "../src/contract.ts";
import {
  decodeConfiguration,
  decodeEntry,
  decodeHardState,
  decodeMessage,
  encodeConfiguration,
  encodeEntry,
  encodeHardState,
  encodeMessage,
} from "../src/index.ts";
import { votersOf } from "./cluster.ts";

const joint: Configuration = {
  voters: [
    { id: "8e9e05c52164694d", votes: 1 },
    { id: "b", votes: 300 },
  ],
  learners: ["c", "d"],
  outgoing: [{ id: "b", votes: 1 }],
};
const full: Configuration = {
  ...joint,
  voters: [
    { id: "8e9e05c52164694d", votes: 300 },
    { id: "b", votes: 1 },
  ],
  witnesses: ["b"],
  preferred: ["8e9e05c52164694d"],
  staticLeader: "8e9e05c52164694d",
  epoch: 3,
  servers: [
    { id: "b", incarnation: Number.MAX_SAFE_INTEGER, urls: ["http://b:1", ""] },
    { id: "c", incarnation: 0, urls: [] },
  ],
  removed: ["x", "y"],
  outgoing: [
    { id: "a", votes: 1 },
    { id: "b", votes: 1 },
  ],
};
const most = Number.MAX_SAFE_INTEGER;
const head = { from: "a1", to: "b2", term: 9 } as const;
const bareHead = { ...head, lacksData: true } as const;
const entries: Entry[] = [
  { index: 6, term: 3, kind: "command", data: utf8("one") },
  { index: 7, term: 3, kind: "config", data: encodeConfiguration(joint) },
  { index: 8, term: 5, kind: "noop", data: utf8("") },
  { index: 9, term: 9, kind: "command", data: new Uint8Array(300).fill(7) },
];
const messages: Message[] = [
  { kind: "preVoteRequest", ...head, lastIndex: 4, lastTerm: 2 },
  { kind: "preVoteResponse", ...head, granted: true },
  { kind: "preVoteResponse", ...head, granted: false },
  { kind: "voteRequest", ...head, lastIndex: most, lastTerm: 2, transfer: true },
  { kind: "voteResponse", ...head, granted: true },
  { kind: "appendRequest", ...head, prevIndex: 5, prevTerm: 3, entries, commit: 4 },
  { kind: "appendRequest", ...head, prevIndex: 5, prevTerm: 2, entries, commit: 4 },
  { kind: "appendRequest", ...head, prevIndex: 0, prevTerm: 0, entries: [], commit: 0 },
  { kind: "appendRequest", ...bareHead, prevIndex: 5, prevTerm: 2, entries, commit: 4 },
  { kind: "appendAccepted", ...head, matchIndex: most },
  { kind: "appendAccepted", ...head, matchIndex: 1, standsBack: true },
  { kind: "appendRejected", ...head, rejectedIndex: 3, hintIndex: 2, hintTerm: 1 },
  { kind: "heartbeat", ...head, commit: 3, readRound: 2 ** 40 },
  { kind: "heartbeatResponse", ...head, readRound: 0 },
  { kind: "heartbeatResponse", ...head, readRound: 1, standsBack: true },
  { kind: "installSnapshot", ...head, snapshot: { index: 5, term: 2, configuration: joint } },
  { kind: "timeoutNow", ...head },
  { kind: "forwardedProposals", ...head, data: [utf8("x"), utf8(""), new Uint8Array(200)] },
  { kind: "readRequest", ...head, requestId: 2 ** 51 },
  { kind: "readResponse", ...head, requestId: 1, index: 2 },
  { kind: "dataLost", ...head, lastIndex: 7 },
  { kind: "refused", ...head, reason: "superseded", epoch: 2 },
  { kind: "refused", ...head, reason: "removed", incarnation: most },
  { kind: "refused", ...head, reason: "lostDisk", refusedIncarnation: most, epoch: most },
  { kind: "installSnapshot", ...head, snapshot: { index: 5, term: 2, configuration: full } },
  { kind: "installSnapshot", ...bareHead, snapshot: { index: 5, term: 2, configuration: full } },
];

describe("encodeMessage()", () => {
  for (const message of messages) {
    it(`comes back from decodeMessage(): ${message.kind}`, () => {
      deepEqual(plain(decodeMessage(encodeMessage(message))), plain(message));
    });
  }

  it("refuses entries that do not follow on each other: such a log was read wrongly (T19)", () => {
    const gap = entries.filter(({ index }) => index !== 7);
    for (const wrong of [gap, entries.toReversed(), entries.slice(1)]) {
      const request = { ...head, prevIndex: 5, prevTerm: 3, entries: wrong, commit: 0 } as const;
      throws(() => encodeMessage({ kind: "appendRequest", ...request }), {
        name: "InvariantError",
      });
    }
  });

  it("costs a few bytes for each entry", () => {
    const many = Array.from({ length: 100 }, (_, at): Entry => {
      return { index: at + 1, term: 9, kind: "command", data: utf8("0123456789") };
    });
    const request = { ...head, prevIndex: 0, prevTerm: 9, entries: many, commit: 0 } as const;
    const bytes = encodeMessage({ kind: "appendRequest", ...request });
    ok(bytes.length < 100 * 12 + 40, `${bytes.length} bytes`);
  });
});

describe("decodeMessage()", () => {
  it("throws WireError, and nothing else, on every prefix and on flipped bytes", () => {
    for (const message of messages) {
      const bytes = encodeMessage(message);
      for (let end = 0; end < bytes.length; end++) expectWireErrorOrMessage(bytes.subarray(0, end));
      const prng = new Prng(bytes.length);
      for (let round = 0; round < 200; round++) {
        const damaged = bytes.slice();
        damaged[prng.below(bytes.length)] = prng.below(256);
        expectWireErrorOrMessage(damaged);
      }
    }
  });

  // biome-ignore format: a table
  const cases: readonly [string, (writer: WireWriter) => void][] = [
    ["an unknown kind", (writer) => writer.fieldVarint(1, 99)],
    ["no kind", () => {}],
    ["a negative term", (writer) => { writer.fieldVarint(1, 11); writer.fieldVarint(4, -1); }],
    ["a number beyond 2^53 (T39)", (writer) => { writer.fieldVarint(1, 6); writer.fieldVarint64(5, 2n ** 53n); }],
    ["an unknown entry kind", (writer) => { writer.fieldVarint(1, 5); writer.fieldVarint(13, 3); }],
    ["a snapshot without configuration", (writer) => { writer.fieldVarint(1, 10); writer.fieldMessage(14, () => {}); }],
    ["an unknown refusal", (writer) => { writer.fieldVarint(1, 16); writer.fieldVarint(10, 9); }],
    ["a negative incarnation", (writer) => { writer.fieldVarint(1, 11); writer.fieldVarint(16, -1); }],
    ["no snapshot at all", (writer) => writer.fieldVarint(1, 10)],
    ["text where a number belongs", (writer) => { writer.fieldVarint(1, 6); writer.fieldText(5, "x"); }],
  ];
  for (const [name, write] of cases) {
    it(`refuses ${name}`, () => {
      const writer = new WireWriter();
      writer.fieldText(2, "a1");
      writer.fieldText(3, "b2");
      write(writer);
      throws(() => decodeMessage(writer.finish()), WireError);
    });
  }

  it("refuses senders without an id, or with an endless one", () => {
    for (const from of ["", "x".repeat(65)]) {
      const bytes = encodeMessage({ kind: "timeoutNow", from, to: "b", term: 1 });
      throws(() => decodeMessage(bytes), WireError);
    }
  });

  it("ignores fields of a newer sender", () => {
    const writer = new WireWriter();
    writer.fieldText(20, "new");
    writer.fieldVarint(21, 5);
    const message: Message = { kind: "timeoutNow", from: "a", to: "b", term: 1 };
    deepEqual(decodeMessage(concatBytes([encodeMessage(message), writer.finish()])), message);
  });
});

function expectWireErrorOrMessage(bytes: Uint8Array): void {
  try {
    ok(decodeMessage(bytes).kind.length > 0);
  } catch (error) {
    ok(error instanceof WireError, String(error));
  }
}

/** Views and arrays of their own compare alike. */
function plain(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_, each: unknown) => (each instanceof Uint8Array ? [...each] : each)),
  );
}

describe("encodeEntry()", () => {
  it("writes what etcd's raftpb.Entry writes", () => {
    const entry: Entry = { index: 300, term: 2, kind: "command", data: utf8("hi") };
    deepEqual([...encodeEntry(entry)], [0x10, 2, 0x18, 0xac, 2, 0x22, 2, 0x68, 0x69]);
    const change: Entry = { index: 1, term: 1, kind: "config", data: utf8("c") };
    deepEqual([...encodeEntry(change)].slice(0, 2), [0x08, 2]);
  });

  it("comes back from decodeEntry()", () => {
    for (const entry of entries) deepEqual(plain(decodeEntry(encodeEntry(entry))), plain(entry));
  });

  it("reads a normal entry without data as a no-op, as etcd writes one", () => {
    equal(decodeEntry(Uint8Array.of(0x10, 2, 0x18, 5)).kind, "noop");
    equal(decodeEntry(Uint8Array.of(0x08, 0, 0x10, 2, 0x18, 5, 0x22, 0)).kind, "noop");
  });

  it("refuses entries without an index, of other types, and broken ones", () => {
    throws(() => decodeEntry(Uint8Array.of(0x10, 2)), WireError);
    throws(() => decodeEntry(Uint8Array.of(0x08, 1, 0x18, 5)), WireError);
    throws(() => decodeEntry(Uint8Array.of(0x18, 5, 0x22, 9)), WireError);
  });
});

describe("encodeHardState()", () => {
  it("comes back from decodeHardState(), with votes above 2^53", () => {
    const states: HardState[] = [
      { term: 0, vote: "", commit: 0 },
      { term: 3, vote: "8e9e05c52164694d", commit: most },
      { term: most, vote: "f", commit: 1 },
      { term: 1, vote: "", commit: 1, supersededBy: most, epoch: 2, lostUntil: 3 },
      { term: 1, vote: "", commit: 1, lacksData: true },
    ];
    for (const state of states) deepEqual(decodeHardState(encodeHardState(state)), state);
  });

  it("refuses a vote that would come back as another one", () => {
    for (const vote of ["node-1", "0a", "8E", "11112222333344445"]) {
      throws(() => encodeHardState({ term: 1, vote, commit: 0 }), { name: "InvariantError" });
    }
  });
});

describe("encodeConfiguration()", () => {
  it("comes back from decodeConfiguration()", () => {
    for (const configuration of [joint, full, { ...joint, outgoing: [] }]) {
      deepEqual(decodeConfiguration(encodeConfiguration(configuration)), configuration);
    }
  });

  it("carries a blank configuration, for whoever asks for one, and only there", () => {
    const blank: Configuration = { voters: [], learners: [], outgoing: [] };
    for (const configuration of [blank, { ...blank, epoch: 4 }]) {
      const data = encodeConfiguration(configuration);
      ok(data.length > 0);
      equal(decodeConfiguration(data), undefined);
      deepEqual(decodeConfiguration(data, { allowsBlank: true }), configuration);
    }
    const learning = encodeConfiguration({ ...blank, learners: ["a"] });
    equal(decodeConfiguration(learning, { allowsBlank: true }), undefined);
  });

  const voter = (id: string, votes = 1) => ({ id, votes });
  // biome-ignore format: a table
  const cases: readonly [string, Configuration][] = [
    ["no voters", { voters: [], learners: ["a"], outgoing: [] }],
    ["a voter twice", { voters: [voter("a"), voter("a")], learners: [], outgoing: [] }],
    ["a voter that also learns", { voters: [voter("a")], learners: ["a"], outgoing: [] }],
    ["a voter without votes", { voters: [voter("a", 0)], learners: [], outgoing: [] }],
    ["a voter with endless votes", { voters: [voter("a", 1e9)], learners: [], outgoing: [] }],
    ["a nameless learner", { voters: [voter("a")], learners: [""], outgoing: [] }],
    ["a witness that has no vote", { ...votersOf("a"), witnesses: ["b"] }],
    ["nobody but witnesses", { ...votersOf("a", "b"), witnesses: ["a", "b"] }],
    ["nobody but witnesses in the old half", { ...votersOf("a"), outgoing: [voter("b")], witnesses: ["b"] }],
    ["a static leader that cannot lead", { ...votersOf("a", "b"), witnesses: ["b"], staticLeader: "b" }],
    ["a static leader that is a stranger", { ...votersOf("a"), staticLeader: "b" }],
    ["a preference for one server twice", { ...votersOf("a"), preferred: ["a", "a"] }],
    ["the record of a stranger", { ...votersOf("a"), servers: [{ id: "b", incarnation: 1, urls: [] }] }],
    ["two records of a server", { ...votersOf("a"), servers: [1, 2].map((incarnation) => ({ id: "a", incarnation, urls: [] })) }],
    ["endless addresses", { ...votersOf("a"), servers: [{ id: "a", incarnation: 1, urls: Array<string>(17).fill("") }] }],
    ["an endless address", { ...votersOf("a"), servers: [{ id: "a", incarnation: 1, urls: ["u".repeat(2_049)] }] }],
    ["a server removed twice", { ...votersOf("a"), removed: ["x", "x"] }],
    ["endless removed servers", { ...votersOf("a"), removed: Array.from({ length: 65 }, (_, at) => `x${at}`) }],
    ["too many voters", { voters: Array.from({ length: 256 }, (_, at) => voter(`v${at}`)), learners: [], outgoing: [] }],
  ];
  for (const [name, configuration] of cases) {
    it(`is refused with ${name}`, () => {
      equal(decodeConfiguration(encodeConfiguration(configuration)), undefined);
    });
  }

  it("is undefined for garbage", () => {
    const prng = new Prng(3);
    const good = encodeConfiguration(full);
    for (let end = 0; end < good.length; end++) decodeConfiguration(good.subarray(0, end));
    for (let round = 0; round < 500; round++) {
      decodeConfiguration(Uint8Array.from({ length: prng.below(30) }, () => prng.below(256)));
    }
    equal(decodeConfiguration(utf8("")), undefined);
    equal(decodeConfiguration(utf8("garbage")), undefined);
  });
});
