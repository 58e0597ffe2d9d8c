import { equal } from "node:assert/strict";
import { describe, it } from "node:test";
import { LogMirror } from "../../src/oracles/log-mirror.ts";
import { command } from "./fixtures.ts";

/** "4/1: 1 2 2": a snapshot up to 4 in term 1, then entries by their terms. */
function textOf(mirror: LogMirror): string {
  const base = mirror.firstIndex - 1;
  const terms: (number | undefined)[] = [];
  for (let index = base + 1; index <= mirror.lastIndex; index++) {
    equal(mirror.entryAt(index)?.index, index);
    terms.push(mirror.termAt(index));
  }
  return `${base}/${mirror.termAt(base)}: ${terms.join(" ")}`;
}

function mirrorOf(terms: string): LogMirror {
  const mirror = new LogMirror();
  mirror.write({ entries: [...terms].map((term, at) => command(at + 1, Number(term))) });
  return mirror;
}

describe("LogMirror", () => {
  it("starts empty", () => {
    equal(textOf(new LogMirror()), "0/0: ");
    equal(new LogMirror().termAt(1), undefined);
  });

  it("replaces what follows on the first entry of a write", () => {
    const mirror = mirrorOf("1122");
    mirror.write({ entries: [command(3, 3)] });
    equal(textOf(mirror), "0/0: 1 1 3");
    mirror.write({ hardState: { term: 4, vote: "a", commit: 2, supersededBy: 7 } });
    equal(textOf(mirror), "0/0: 1 1 3");
    const { term, vote, commit, supersededBy } = mirror;
    equal(`${term} ${vote} ${commit} ${supersededBy}`, "4 a 2 7");
  });

  it("compacts, and goes on after it", () => {
    const mirror = mirrorOf("11223");
    mirror.compactTo(1);
    mirror.compactTo(3);
    equal(textOf(mirror), "3/2: 2 3");
    mirror.compactTo(2);
    mirror.write({ entries: [command(6, 3)] });
    equal(textOf(mirror), "3/2: 2 3 3");
    equal(mirror.termAt(2), undefined);
  });

  it("keeps what follows on a snapshot that it leads up to, and nothing else", () => {
    const fits = mirrorOf("112");
    fits.write({ snapshot: { index: 2, term: 1 } });
    equal(textOf(fits), "2/1: 2");
    fits.write({ snapshot: { index: 1, term: 1 } });
    equal(textOf(fits), "2/1: 2");
    const differs = mirrorOf("112");
    differs.write({ snapshot: { index: 2, term: 2 } });
    equal(textOf(differs), "2/2: ");
    const beyond = mirrorOf("112");
    beyond.write({ snapshot: { index: 9, term: 2 }, entries: [command(10, 3)] });
    equal(textOf(beyond), "9/2: 3");
  });

  it("becomes what a disk gave back, or nothing", () => {
    const mirror = mirrorOf("112");
    mirror.restart({
      hardState: { term: 5, vote: "", commit: 4 },
      snapshot: { index: 4, term: 1 },
      entries: [command(5, 2)],
    });
    equal(textOf(mirror), "4/1: 2");
    mirror.restart(undefined);
    equal(textOf(mirror), "0/0: ");
    equal(mirror.term, 0);
  });

  it("has another version after every change", () => {
    const mirror = new LogMirror();
    const versions = new Set([mirror.version]);
    mirror.write({ entries: [command(1, 1)] });
    versions.add(mirror.version);
    mirror.compactTo(1);
    versions.add(mirror.version);
    mirror.restart(undefined);
    versions.add(mirror.version);
    equal(versions.size, 4);
  });
});
