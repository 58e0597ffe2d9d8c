import { equal, match, ok, rejects } from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { lockDirectory } from "../src/lock.ts";

describe("lockDirectory()", () => {
  let directory = "";
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "flotilla-lock-"));
  });
  after(() => rm(directory, { recursive: true }));

  it("grants a directory once, and again after release", async () => {
    const first = await lockDirectory(directory);
    await rejects(lockDirectory(directory), { name: "DiskError", code: "locked" });
    await first.release();
    const second = await lockDirectory(directory);
    await second.release();
  });

  it("names the process that holds it, and takes over from one that was killed", async () => {
    const child = fork(new URL("./lock-holder.js", import.meta.url), [directory]);
    const [message] = await once(child, "message");
    equal(message, "locked");
    const error: unknown = await lockDirectory(directory).catch((reason: unknown) => reason);
    ok(error instanceof Error);
    match(error.message, new RegExp(`process ${child.pid} is using it`));
    child.kill("SIGKILL");
    await once(child, "exit");
    const lock = await lockDirectory(directory);
    await lock.release();
  });

  it("refuses a directory that is not there", async () => {
    await rejects(lockDirectory(join(directory, "absent")), { code: "diskFailed" });
  });
});
