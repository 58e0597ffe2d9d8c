import { deepEqual, equal } from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";

/** Starts a cluster, and is not heard of again. */
const program = `
  const { startTestCluster } = await import(${JSON.stringify(import.meta.resolve("../src/index.js"))});
  const cluster = await startTestCluster({ members: 2 });
  console.log("started");
  setInterval(() => {}, 60_000);
`;

describe("a cluster whose program is gone", { concurrency: true }, () => {
  for (const signal of ["SIGINT", "SIGKILL"] as const) {
    it(`leaves nothing behind (${signal})`, async () => {
      const directory = mkdtempSync(join(tmpdir(), "flotilla-forgotten-"));
      const { NODE_TEST_CONTEXT: _, ...env } = process.env;
      const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
        env: { ...env, TMPDIR: directory },
        detached: true, // A group of its own, as that of a terminal's command.
        stdio: ["ignore", "pipe", "inherit"],
      });
      await once(child.stdout, "data");
      equal(readdirSync(directory).length, 1);
      // Ctrl-C reaches the whole group.
      process.kill(signal === "SIGINT" ? -Number(child.pid) : Number(child.pid), signal);
      const endMs = performance.now() + 10_000;
      while (readdirSync(directory).length > 0 && performance.now() < endMs) {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      deepEqual(readdirSync(directory), []);
      rmSync(directory, { recursive: true });
    });
  }
});
