import { deepEqual, equal, match } from "node:assert/strict";
import { describe, it } from "node:test";
import { encodeMessage, Prng } from "@flotilla/base";
import { encodeHello, type Hello, objectionTo, parseHello } from "../src/hello.ts";

const host = {
  clusterId: 7n,
  id: "b",
  isPeer: (id: string) => id === "a",
  isCutOff: (id: string) => id === "far",
};
const good: Hello = { purpose: "messages", clusterId: 7n, from: "a", to: "b", url: "" };

describe("parseHello()", () => {
  it("gives back what was encoded", () => {
    for (const purpose of ["messages", "bulk", "calls", "join"] as const) {
      const hello = { ...good, purpose, url: "http://10.0.0.1:2380" };
      deepEqual(parseHello(encodeHello(hello)), { kind: "hello", hello });
    }
  });

  it("says what is wrong with anything else, and never throws (500 seeds)", () => {
    for (let seed = 0; seed < 500; seed++) {
      const prng = new Prng(seed);
      const bytes = encodeHello(good).slice(0, prng.between(0, 40));
      if (bytes.length > 0) bytes[prng.below(bytes.length)] = prng.below(256);
      const outcome = parseHello(bytes);
      if (outcome.kind === "refused") match(outcome.reason, /not a peer|version|purpose/);
    }
  });

  it("refuses another version of the protocol by its number", () => {
    const old = encodeMessage((writer) => {
      writer.fieldText(1, "flotilla-peer");
      writer.fieldVarint(2, 1);
    });
    const reason = "protocol version 1, this member speaks 2";
    deepEqual(parseHello(old), { kind: "refused", reason });
  });
});

describe("objectionTo()", () => {
  // biome-ignore format: a table
  const cases: [string, Partial<Hello>, string | undefined][] = [
    ["a peer",                        {},                                        undefined],
    ["another cluster",               { clusterId: 8n },                         "cluster 8, this is 7"],
    ["somebody else is meant",        { to: "c" },                               "member c is meant, this is b"],
    ["it says that it is this one",   { from: "b" },                             "member b is this one"],
    ["no name",                       { from: "" },                              "it has no name"],
    ["a name without end",            { from: "x".repeat(65) },                  "it has no name"],
    ["a guest",                       { from: "x", url: "http://127.0.0.1:1" },  undefined],
    ["a guest with no address",       { from: "x" },                             "member x is not known here, nor where to reach it"],
    ["a guest with another's address",{ from: "x", url: "ftp://x" },             "member x is not known here, nor where to reach it"],
    ["who wants to join",             { purpose: "join", clusterId: 0n, from: "", to: "" }, undefined],
  ];
  for (const [name, change, objection] of cases) {
    it(`${objection === undefined ? "welcomes" : "refuses"}: ${name}`, () => {
      equal(objectionTo({ ...good, ...change }, host), objection);
    });
  }
});
