import { equal } from "node:assert/strict";
import { describe, it } from "node:test";
import type { Configuration, ConfigurationChange } from "@flotilla/consensus";
import { holds } from "../src/change-effect.ts";

const configuration: Configuration = {
  voters: [
    { id: "a", votes: 1 },
    { id: "b", votes: 2 },
    { id: "w", votes: 1 },
  ],
  learners: ["l"],
  outgoing: [],
  witnesses: ["w"],
  preferred: ["b", "a"],
  staticLeader: "b",
  servers: [{ id: "a", incarnation: 1, urls: ["http://a"] }],
};

describe("holds()", () => {
  const cases: readonly (readonly [want: boolean, ...changes: ConfigurationChange[]])[] = [
    [true, { kind: "add", id: "a", votes: 1 }],
    [false, { kind: "add", id: "a", votes: 2 }],
    [false, { kind: "add", id: "x", votes: 1 }],
    [true, { kind: "add", id: "l", votes: 0 }],
    [false, { kind: "add", id: "a", votes: 0 }],
    [true, { kind: "add", id: "w", votes: 1, witness: true }],
    [false, { kind: "add", id: "w", votes: 1 }],
    [false, { kind: "add", id: "a", votes: 1, witness: true }],
    [true, { kind: "remove", id: "x" }],
    [false, { kind: "remove", id: "a" }],
    [false, { kind: "remove", id: "l" }],
    [true, { kind: "promote", id: "b", votes: 2 }],
    [false, { kind: "promote", id: "l", votes: 1 }],
    [true, { kind: "demote", id: "l" }],
    [false, { kind: "demote", id: "a" }],
    [true, { kind: "votes", id: "b", votes: 2 }],
    [false, { kind: "votes", id: "b", votes: 1 }],
    [true, { kind: "prefer", ids: ["b", "a"] }],
    [false, { kind: "prefer", ids: ["a", "b"] }],
    [false, { kind: "prefer", ids: [] }],
    [true, { kind: "staticLeader", id: "b" }],
    [false, { kind: "staticLeader", id: undefined }],
    [true, { kind: "urls", id: "a", urls: ["http://a"] }],
    [false, { kind: "urls", id: "a", urls: ["http://a", "http://b"] }],
    [true, { kind: "remove", id: "x" }, { kind: "votes", id: "b", votes: 2 }],
    [false, { kind: "remove", id: "x" }, { kind: "votes", id: "b", votes: 1 }],
  ];
  for (const [want, ...changes] of cases) {
    it(`is ${want} for ${changes.map((change) => JSON.stringify(change)).join(" ")}`, () => {
      equal(holds(configuration, changes), want);
    });
  }
});
