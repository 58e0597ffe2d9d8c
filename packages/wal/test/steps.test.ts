import { equal, throws } from "node:assert/strict";
import { describe, it } from "node:test";
import { assert } from "@flotilla/base";
import type { Done } from "../src/disk.ts";
import { runSteps, type Steps, step } from "../src/steps.ts";

/** Operations that end when told to. */
function operations() {
  const waiting: Done<number>[] = [];
  const ask = (done: Done<number>) => {
    waiting.push(done);
  };
  return { ask, end: (error?: unknown, value = 0) => waiting.shift()?.(error, value) };
}

function run<Result>(steps: Steps<Result>): { outcome: string } {
  const seen = { outcome: "nothing" };
  runSteps(steps, (error, result) => {
    seen.outcome = error === undefined ? `result ${result}` : `error ${error}`;
  });
  return seen;
}

describe("runSteps()", () => {
  it("goes on with what each operation gave", () => {
    const { ask, end } = operations();
    const seen = run(
      (function* () {
        const first = yield* step<number>(ask);
        return first + (yield* step<number>(ask));
      })(),
    );
    end(undefined, 2);
    equal(seen.outcome, "nothing");
    end(undefined, 3);
    equal(seen.outcome, "result 5");
  });

  it("throws the error of an operation where it was waited for", () => {
    const { ask, end } = operations();
    const seen = run(
      (function* () {
        try {
          yield* step<number>(ask);
        } catch (error) {
          return `caught ${error}`;
        }
        return "nothing";
      })(),
    );
    end("EIO");
    equal(seen.outcome, "result caught EIO");
  });

  it("ends with what was thrown and not caught", () => {
    const { ask, end } = operations();
    const seen = run(step<number>(ask));
    end("EIO");
    equal(seen.outcome, "error EIO");
  });

  it("does not take a bug for a failure of the disk", () => {
    const { ask, end } = operations();
    run(
      (function* () {
        yield* step<number>(ask);
        assert(false, "a bug");
      })(),
    );
    throws(() => end(), { name: "InvariantError" });
  });
});
