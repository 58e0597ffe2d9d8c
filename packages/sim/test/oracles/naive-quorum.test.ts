import { deepEqual, equal } from "node:assert/strict";
import { describe, it } from "node:test";
import { disjointQuorum, isQuorum } from "../../src/oracles/naive-quorum.ts";
import { configurationOf } from "./fixtures.ts";

describe("isQuorum()", () => {
  // biome-ignore format: a table
  const cases = [
    ["two of three", configurationOf("a b c"), "ab", true],
    ["one of three", configurationOf("a b c"), "a", false],
    ["exactly half", configurationOf("a b c d"), "ab", false],
    ["the heavy one", configurationOf("a=3 b c"), "a", true],
    ["the light ones", configurationOf("a=3 b c"), "bc", false],
    ["both halves", configurationOf("c d e", { old: "a b c" }), "acd", true],
    ["the new half alone", configurationOf("c d e", { old: "a b c" }), "cde", false],
    ["the old half alone", configurationOf("c d e", { old: "a b c" }), "abc", false],
    ["nobody of nobody", configurationOf(""), "", false],
  ] as const;
  for (const [name, configuration, servers, want] of cases) {
    it(`${want ? "accepts" : "rejects"} ${name}`, () => {
      equal(
        isQuorum(configuration, (id) => servers.includes(id)),
        want,
      );
    });
  }
});

describe("disjointQuorum()", () => {
  it("finds two quorums without a server in common", () => {
    const found = disjointQuorum(configurationOf("a b c"), configurationOf("a b c d e"));
    deepEqual(found, ["a", "b"]);
    deepEqual(disjointQuorum(configurationOf("a"), configurationOf("b")), ["a"]);
  });

  it("finds none between a configuration and its joint one", () => {
    const before = configurationOf("a b c");
    const joint = configurationOf("d e f", { old: "a b c" });
    equal(disjointQuorum(before, joint), undefined);
    equal(disjointQuorum(joint, configurationOf("d e f")), undefined);
  });

  it("does not try beyond ten servers", () => {
    const many = configurationOf("a b c d e f g h i j k");
    equal(disjointQuorum(many, configurationOf("l")), undefined);
  });
});
