import { deepEqual, equal, match, ok } from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { silentLogger } from "@flotilla/base";
import { rotateLog } from "../../src/runtimes/log-files.ts";
import { ProcessRuntime } from "../../src/runtimes/process.ts";
import { isAlive } from "../../src/runtimes/process-identity.ts";
import type { Exit, Launch } from "../../src/runtimes/runtime.ts";
import { systemTimers } from "../../src/timers.ts";
import { temporaryDirectory, until } from "../fixtures.ts";

function runtimeOf(t: TestContext, agentId = randomUUID()) {
  const make = () => new ProcessRuntime({ agentId, timers: systemTimers, logger: silentLogger });
  const runtime = make();
  t.after(() => {
    runtime.close();
    make().sweep(() => false); // Whatever the test has left running.
  });
  const directory = temporaryDirectory();
  const launchOf = (id: string, ...command: string[]): Launch => ({
    id,
    command,
    environment: { PATH: process.env["PATH"]! },
    directory: undefined,
    logPath: join(directory, `${id.replaceAll("/", "-")}.log`),
  });
  return { runtime, another: make, launchOf, directory };
}

/** Starts it, and gives its process and the promise of its end. */
async function launched(runtime: ProcessRuntime, launch: Launch) {
  let tell: (exit: Exit) => void = () => {};
  const exit = new Promise<Exit>((resolve) => {
    tell = resolve;
  });
  const outcome = await runtime.launch(launch, tell);
  if (outcome.kind === "failed") throw new Error(outcome.message);
  return { process: outcome.process, exit };
}

describe("ProcessRuntime", () => {
  it("tells exit codes, signals, and what a program wrote", async (t) => {
    const { runtime, launchOf } = runtimeOf(t);
    const launch = launchOf("u/c/0", "sh", "-c", "echo out; echo err >&2; exit 3");
    deepEqual(await (await launched(runtime, launch)).exit, { exitCode: 3, reason: "Error" });
    equal(readFileSync(launch.logPath, "utf8"), "out\nerr\n");
    const good = await launched(runtime, launchOf("u/c/1", "true"));
    deepEqual(await good.exit, { exitCode: 0, reason: "Completed" });
    const killed = await launched(runtime, launchOf("u/c/2", "sleep", "100"));
    runtime.signal(killed.process, "SIGKILL");
    deepEqual(await killed.exit, { exitCode: 137, reason: "Error" });
  });

  it("says what cannot be started", async (t) => {
    const { runtime, launchOf } = runtimeOf(t);
    const outcome = await runtime.launch(launchOf("u/c/0", "/no/such/program"), () => {});
    equal(outcome.kind, "failed");
    match((outcome as { message: string }).message, /ENOENT/);
    const elsewhere = { ...launchOf("u/c/0", "true"), directory: "/no/such/directory" };
    equal((await runtime.launch(elsewhere, () => {})).kind, "failed");
  });

  it("refuses every image but the host", (t) => {
    const { runtime } = runtimeOf(t);
    equal(runtime.imageProblem("host"), undefined);
    match(runtime.imageProblem("nginx")!, /runs only image: host/);
  });

  it("signals the whole group, and ends what a container left behind", async (t) => {
    const { runtime, launchOf, directory } = runtimeOf(t);
    const pidFile = join(directory, "pid");
    // The grandchild leaves the group, as a daemon does; the first process ends by itself.
    const script = `setsid sleep 100 & echo $! > ${pidFile}; exit 0`;
    const { exit } = await launched(runtime, launchOf("u/c/0", "sh", "-c", script));
    await exit;
    const grandchild = Number(readFileSync(pidFile, "utf8"));
    await until("the grandchild to end", () => !existsSync(`/proc/${grandchild}/exe`));
  });

  it("takes over what runs, and notices its end without being its parent", async (t) => {
    const { runtime, another, launchOf } = runtimeOf(t);
    const launch = launchOf("u/c/0", "sleep", "100");
    const { process: started } = await launched(runtime, launch);
    runtime.close();
    ok(isAlive(started), "the process outlives its runtime");
    const later = another();
    t.after(() => later.close());
    const exits: Exit[] = [];
    const adopted = later.adopt("u/c/0", started, launch.logPath, (exit) => exits.push(exit));
    deepEqual(adopted, started);
    later.signal(started, "SIGKILL");
    deepEqual(await until("its end", () => exits[0]), { exitCode: 255, reason: "Unknown" });
  });

  it("finds a process whose record was lost by its mark", async (t) => {
    const { runtime, another, launchOf } = runtimeOf(t);
    const launch = launchOf("u/c/0", "sh", "-c", "sleep 100 & wait");
    const { process: started } = await launched(runtime, launch);
    const later = another();
    t.after(() => later.close());
    deepEqual(
      later.adopt("u/c/0", undefined, launch.logPath, () => {}),
      started,
    );
    equal(
      later.adopt("u/c/1", undefined, launch.logPath, () => {}),
      undefined,
    );
  });

  it("never adopts a process that merely has the pid", async (t) => {
    const { runtime, launchOf } = runtimeOf(t);
    const launch = launchOf("u/c/0", "sleep", "100");
    const { process: started } = await launched(runtime, launch);
    const reused = { ...started, startTicks: started.startTicks - 1 };
    equal(
      runtime.adopt("u/c/0", reused, launch.logPath, () => {}),
      undefined,
    );
    runtime.signal(reused, "SIGKILL");
    ok(isAlive(started), "the other process is not signalled");
  });

  it("sweeps its own unknown processes, and nobody else's", async (t) => {
    const mine = runtimeOf(t);
    const theirs = runtimeOf(t);
    const known = await launched(mine.runtime, mine.launchOf("u/known/0", "sleep", "100"));
    const lost = await launched(mine.runtime, mine.launchOf("u/lost/0", "sleep", "100"));
    const other = await launched(theirs.runtime, theirs.launchOf("u/other/0", "sleep", "100"));
    equal(
      mine.runtime.sweep((id) => id === "u/known/0"),
      1,
    );
    equal((await lost.exit).exitCode, 137);
    ok(isAlive(known.process));
    ok(isAlive(other.process));
  });

  it("runs a command beside a container, for a limited time", async (t) => {
    const { runtime } = runtimeOf(t);
    const { signal } = new AbortController();
    const beside = (...command: string[]) => ({
      command,
      environment: { PATH: process.env["PATH"]! },
      directory: undefined,
    });
    deepEqual(await runtime.run(beside("sh", "-c", "exit 4"), 5_000, signal), {
      kind: "exited",
      exitCode: 4,
    });
    deepEqual(await runtime.run(beside("sleep", "100"), 50, signal), { kind: "timedOut" });
    equal((await runtime.run(beside("/no/such/program"), 5_000, signal)).kind, "failed");
  });
});

describe("rotateLog()", () => {
  it("copies and truncates a log that is too large, and only that", async () => {
    const path = join(temporaryDirectory(), "0.log");
    writeFileSync(path, "123456789\n");
    equal(await rotateLog(path, 10), false);
    equal(await rotateLog(path, 9), true);
    equal(readFileSync(`${path}.1`, "utf8"), "123456789\n");
    equal(readFileSync(path, "utf8"), "");
  });
});
