import { deepEqual, equal, notEqual } from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, it } from "node:test";
import {
  environmentOfAll,
  identify,
  isAlive,
  parseStat,
} from "../../src/runtimes/process-identity.ts";
import { until } from "../fixtures.ts";

const tail = "1 2 3 0 -1 4194304 107 0 0 0 0 0 0 0 20 0 1 0 987654 2875392 0";

describe("parseStat()", () => {
  it("survives names with blanks and parentheses", () => {
    const stat = parseStat(`42 (a) b (c)) S ${tail}`);
    deepEqual(stat, { state: "S", processGroup: 2, startTicks: 987_654 });
  });

  it("refuses what is no stat line", () => {
    for (const line of ["", "42 (a", "42 (a) S 1 x", "42 (a) S 1 2"]) {
      equal(parseStat(line), undefined, JSON.stringify(line));
    }
  });
});

describe("isAlive()", () => {
  it("follows a process from start to end", async () => {
    const child = spawn("sleep", ["100"], { stdio: "ignore" });
    await once(child, "spawn");
    const identity = identify(child.pid!);
    notEqual(identity, undefined);
    equal(isAlive(identity!), true);
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
    equal(isAlive(identity!), false);
  });

  it("does not take another process with the same pid for it", () => {
    const own = identify(process.pid)!;
    equal(isAlive(own), true);
    equal(isAlive({ ...own, startTicks: own.startTicks - 1 }), false);
    equal(isAlive({ ...own, bootId: "another boot" }), false);
  });

  it("counts a zombie as ended", async () => {
    // The shell starts a child, and turns into a program that never waits for it.
    const parent = spawn("sh", ["-c", "sleep 0.01 & echo $!; exec sleep 100"], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    const [line] = await once(parent.stdout, "data");
    await until("the child to end", () => identify(Number(String(line))) === undefined);
    parent.kill("SIGKILL");
    await once(parent, "exit");
  });
});

describe("environmentOfAll()", () => {
  it("finds processes by what they were started with", async () => {
    const child = spawn("sleep", ["100"], {
      stdio: "ignore",
      env: { ...process.env, FLOTILLA_TEST_MARK: `mark-${process.pid}` },
    });
    await once(child, "spawn");
    equal(environmentOfAll("FLOTILLA_TEST_MARK").get(child.pid!), `mark-${process.pid}`);
    child.kill("SIGKILL");
    await once(child, "exit");
  });
});
