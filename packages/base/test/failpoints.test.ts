import { deepEqual, equal, throws } from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { parseFailpointTerms, sleepMsOf } from "../src/failpoint-terms.ts";
import {
  armFailpoints,
  clearFailpoint,
  failpoint,
  failpointNames,
  failpointStatus,
  setFailpoint,
} from "../src/index.ts";

const done: string[] = [];
let chance = 0;

beforeEach(() => {
  done.length = 0;
  armFailpoints({
    chance: () => chance,
    sleep: (ms) => done.push(`sleep ${ms}`),
    print: (line) => done.push(line),
    panic: (text) => {
      throw new Error(text);
    },
  });
});
afterEach(() => armFailpoints(undefined));

describe("failpoint()", () => {
  it("does nothing until it is set, nor after it was cleared", () => {
    equal(failpoint("raftBeforeSave"), undefined);
    equal(setFailpoint("raftBeforeSave", "return(7)"), undefined);
    equal(failpoint("raftBeforeSave"), 7);
    equal(failpoint("raftAfterSave"), undefined);
    equal(clearFailpoint("raftBeforeSave"), undefined);
    equal(failpoint("raftBeforeSave"), undefined);
  });

  it("cannot be set in a process that was not told to", () => {
    armFailpoints(undefined);
    equal(setFailpoint("raftBeforeSave", "panic"), "does not exist");
    equal(failpoint("raftBeforeSave"), undefined);
  });

  it("goes through its terms as they are used up", () => {
    setFailpoint("walBeforeSync", '2*return("a")->1*print->return(true)');
    const values = [1, 2, 3, 4, 5].map(() => failpoint("walBeforeSync"));
    deepEqual(values, ["a", "a", undefined, true, true]);
    deepEqual(done, ["failpoint print: walBeforeSync"]);
    deepEqual(failpointStatus("walBeforeSync"), {
      ...(failpointStatus("walBeforeSync") as object),
      text: '2*return("a")->1*print->return(true)',
      count: 5,
    });
  });

  it("follows chance", () => {
    setFailpoint("walBeforeSync", "25.0%return(1)->return(2)");
    chance = 0.24;
    equal(failpoint("walBeforeSync"), 1);
    chance = 0.25;
    equal(failpoint("walBeforeSync"), 2);
    chance = 0;
  });

  it("sleeps and panics", () => {
    setFailpoint("beforeCommit", 'sleep(10)->panic("x")');
    failpoint("beforeCommit");
    setFailpoint("beforeCommit", 'sleep("1m0.5s")');
    failpoint("beforeCommit");
    setFailpoint("beforeCommit", "sleep");
    failpoint("beforeCommit");
    deepEqual(done, [
      "sleep 10",
      "sleep 60500",
      "failpoint: could not parse sleep(null) on beforeCommit",
    ]);
    setFailpoint("beforeCommit", 'panic("x")');
    throws(() => failpoint("beforeCommit"), /^Error: failpoint panic: x$/);
    setFailpoint("beforeCommit", "panic");
    throws(() => failpoint("beforeCommit"), /^Error: failpoint panic: \{\}$/);
  });

  it("says what is wrong in gofail's words", () => {
    equal(setFailpoint("nope", "panic"), "does not exist");
    equal(setFailpoint("beforeCommit", "explode"), "could not parse terms");
    equal(clearFailpoint("beforeCommit"), "failpoint is disabled");
    equal(failpointStatus("beforeCommit"), "failpoint is disabled");
    equal(new Set(failpointNames).size, failpointNames.length);
  });
});

describe("parseFailpointTerms()", () => {
  // biome-ignore format: a table
  const bad = ["", "->", "return->", "return(", "return)", "return(x)", '("a")', "5%return", "3return", "return;panic", "panic panic", "return(1.5)", "x".repeat(5000)];
  for (const text of bad) {
    it(`refuses ${JSON.stringify(text.slice(0, 20))}`, () =>
      equal(parseFailpointTerms(text), undefined));
  }

  it("knows Go's durations", () => {
    equal(sleepMsOf("1h2m3.5s4ms5us6ns"), 3_723_504.005006);
    equal(sleepMsOf("10"), undefined);
    equal(sleepMsOf(true), undefined);
    equal(sleepMsOf(-5), 0);
  });
});
