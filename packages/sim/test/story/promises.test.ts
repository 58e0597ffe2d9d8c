import { equal, ok } from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { promiseOf } from "../../src/story/promises.ts";

const sources = new URL("../../../src/", import.meta.url);

/** The first argument of everything that makes a violation. */
function oracleNames(): Set<string> {
  const names = new Set<string>();
  for (const path of readdirSync(sources, { recursive: true, encoding: "utf8" })) {
    if (!path.endsWith(".ts")) continue;
    const text = readFileSync(new URL(path, sources), "utf8");
    for (const [, name] of text.matchAll(/(?:(?:violation|broken)\(\s*|oracle: )"([a-zA-Z]+)"/g)) {
      if (name !== undefined) names.add(name);
    }
  }
  return names;
}

describe("promiseOf()", () => {
  it("has a sentence for every oracle and checker that there is", () => {
    const names = oracleNames();
    ok(names.size > 30, `${names.size} names`);
    for (const name of names) ok(promiseOf(name)?.endsWith("."), name);
  });

  it("has none for a name that nobody uses", () => {
    equal(promiseOf("toString"), undefined);
  });
});
