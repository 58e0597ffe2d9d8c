import { equal } from "node:assert/strict";
import { describe, it } from "node:test";
import type { PodSpec } from "@flotilla/objects";
import { decidePod } from "../../src/pods/decide.ts";
import type { ContainerRecord } from "../../src/pods/pod-record.ts";
import { podOf } from "../fixtures.ts";

const identity = { pid: 1, startTicks: 1, bootId: "b" };
const health = { isStarted: true, isReady: true };

/** "-" never started, "r" running, "s" starting, "0" or "3" exit code, "3@10" with 10 s of delay left. */
function containerIn(state: string): ContainerRecord {
  if (state === "-") return { state: { kind: "waiting", reason: "ContainerCreating" }, starts: 0 };
  if (state === "s") return { state: { kind: "starting", id: "i", startedAtMs: 0 }, starts: 1 };
  if (state === "r") {
    return {
      state: { kind: "running", id: "i", process: identity, startedAtMs: 0, health },
      starts: 1,
    };
  }
  const [code, seconds] = state.split("@");
  const run = { id: "i", exitCode: Number(code), reason: "Error", startedAtMs: 0, finishedAtMs: 0 };
  const delay = { delayMs: Number(seconds ?? 0) * 1000, sinceMs: 0 };
  return { state: { kind: "exited", run }, starts: 1, delay };
}

function decide(policy: PodSpec["restartPolicy"], init: string, main: string): string {
  const names = (states: string, prefix: string) =>
    states === "" ? [] : states.split(" ").map((state, at) => [`${prefix}${at}`, state] as const);
  const all = [...names(init, "i"), ...names(main, "m")];
  const container = ([name]: readonly [string, string]) => ({ name, image: "host" });
  const pod = podOf(
    "p",
    {},
    {
      restartPolicy: policy ?? "Always",
      initContainers: names(init, "i").map(container),
      containers: names(main, "m").map(container),
    },
  );
  const containers = Object.fromEntries(all.map(([name, state]) => [name, containerIn(state)]));
  const decision = decidePod({ pod, acceptedAtMs: 0, ports: {}, containers }, 0);
  const start = decision.start.map(({ name }) => name).join(",");
  const again = decision.againMs === undefined ? "" : ` again=${decision.againMs / 1000}`;
  return `${start || "-"}${again}${decision.finished ? ` ${decision.finished}` : ""}`;
}

describe("decidePod()", () => {
  // biome-ignore format: a table
  const cases = [
    // name                                             policy       init    main    want
    ["starts every container at once",                  "Always",    "",     "- -",  "m0,m1"],
    ["leaves running ones alone",                       "Always",    "",     "r s",  "-"],
    ["restarts what ended",                             "Always",    "",     "0 r",  "m0"],
    ["waits for the delay",                             "Always",    "",     "3@10 r", "- again=10"],
    ["waits for the shortest delay",                    "Always",    "",     "3@10 3@5", "- again=5"],
    ["starts one while the other waits",                "Always",    "",     "3@10 -", "m1 again=10"],
    ["OnFailure restarts a failure",                    "OnFailure", "",     "3",    "m0"],
    ["OnFailure is done with a success",                "OnFailure", "",     "0",    "- Succeeded"],
    ["OnFailure is not over while one runs",            "OnFailure", "",     "0 r",  "-"],
    ["Never ends in failure",                           "Never",     "",     "0 3",  "- Failed"],
    ["Never ends in success",                           "Never",     "",     "0 0",  "- Succeeded"],
    ["Never is not over while one runs",                "Never",     "",     "3 r",  "-"],
    ["runs the first init container first",             "Always",    "- -",  "-",    "i0"],
    ["waits for a running init container",              "Always",    "r -",  "-",    "-"],
    ["goes on to the next init container",              "Always",    "0 -",  "-",    "i1"],
    ["starts after the last init container",            "Always",    "0 0",  "-",    "m0"],
    ["repeats a failed init container",                 "Always",    "3 -",  "-",    "i0"],
    ["gives up after a failed init container",          "Never",     "3 -",  "-",    "- Failed"],
  ] as const;
  for (const [name, policy, init, main, want] of cases) {
    it(name, () => equal(decide(policy, init, main), want));
  }
});
