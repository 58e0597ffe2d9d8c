import { deepEqual, equal } from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { temporaryDirectory, until } from "../fixtures.ts";
import { exampleModule } from "./fixtures.ts";

const { holdDirectory } = await exampleModule("lock.mjs");
const lockPath = fileURLToPath(new URL("../../../../../examples/shop/lock.mjs", import.meta.url));

describe("holdDirectory()", () => {
  it("does not mistake another process with the same pid for the holder", async () => {
    const directory = temporaryDirectory();
    writeFileSync(
      join(directory, "lock.7"),
      JSON.stringify({ pid: process.pid, start: "other/1" }),
    );
    await holdDirectory(directory);
    deepEqual(readdirSync(directory), ["lock.8"]);
  });

  it("takes a torn lock for none", async () => {
    const directory = temporaryDirectory();
    writeFileSync(join(directory, "lock.1"), '{"pid":');
    await holdDirectory(directory);
    equal(JSON.parse(readFileSync(join(directory, "lock.2"), "utf8")).pid, process.pid);
  });

  it("lets one at a time in, though many wait and each is killed", async (t) => {
    const directory = temporaryDirectory();
    const script = `import { holdDirectory } from ${JSON.stringify(lockPath)};
      await holdDirectory(${JSON.stringify(directory)});
      process.stdout.write("held"); setInterval(() => {}, 1000);`;
    const holders: number[] = [];
    const waiting = Array.from({ length: 5 }, () => {
      const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      child.stdout.once("data", () => holders.push(child.pid!));
      t.after(() => child.kill("SIGKILL"));
      return child;
    });
    for (let turn = 0; turn < 5; turn++) {
      await until("the next holder", () => holders.length > turn);
      equal(holders.length, turn + 1, "one at a time");
      const holder = waiting.find(({ pid }) => pid === holders[turn])!;
      const ended = once(holder, "exit");
      holder.kill("SIGKILL");
      await ended;
    }
    equal(new Set(holders).size, 5);
  });
});
