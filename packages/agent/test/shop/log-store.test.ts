import { deepEqual, equal, match, ok } from "node:assert/strict";
import { appendFileSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { temporaryDirectory } from "../fixtures.ts";
import { exampleModule } from "./fixtures.ts";

const { LogStore } = await exampleModule("log-store.mjs");

/** A store with a=1, b=2, a=3, and b removed, each in a frame of its own. */
async function filled(directory: string) {
  const store = await LogStore.open(directory);
  await store.set("a", "1");
  await store.set("b", "2");
  await store.set("a", "3");
  await store.remove("b");
  await store.close();
}

async function contentOf(directory: string): Promise<Record<string, string>> {
  const store = await LogStore.open(directory);
  const content = Object.fromEntries(store.keys().map((key: string) => [key, store.get(key)]));
  await store.close();
  return content;
}

describe("LogStore", () => {
  it("has after a restart what it had before", async () => {
    const directory = temporaryDirectory();
    await filled(directory);
    deepEqual(await contentOf(directory), { a: "3" });
  });

  it("cuts a torn end off, wherever it was torn, and goes on from there", async () => {
    const directory = temporaryDirectory();
    await filled(directory);
    const log = join(directory, "log");
    const whole = readFileSync(log);
    const lastAt = whole.lastIndexOf('[["b"]]') - 8;
    for (let size = lastAt; size < whole.length; size++) {
      writeFileSync(log, whole.subarray(0, size));
      deepEqual(await contentOf(directory), { a: "3", b: "2" }, `${size} bytes`);
      equal(statSync(log).size, lastAt, `${size} bytes`);
    }
    const store = await LogStore.open(directory);
    await store.set("c", "4");
    await store.close();
    deepEqual(await contentOf(directory), { a: "3", b: "2", c: "4" });
  });

  it("takes garbage at the end for a torn write", async () => {
    const directory = temporaryDirectory();
    await filled(directory);
    appendFileSync(join(directory, "log"), Buffer.alloc(100));
    deepEqual(await contentOf(directory), { a: "3" });
  });

  it("refuses a log that is damaged in the middle", async () => {
    const directory = temporaryDirectory();
    await filled(directory);
    const log = join(directory, "log");
    const bytes = readFileSync(log);
    bytes[10] = (bytes[10] as number) ^ 1;
    writeFileSync(log, bytes);
    const failure = await LogStore.open(directory).then(
      () => "opened",
      (error: Error) => error.message,
    );
    match(failure, /damaged at byte 0/);
  });

  it("shares one sync between writes that come together", async () => {
    const directory = temporaryDirectory();
    const store = await LogStore.open(directory);
    const keys = Array.from({ length: 200 }, (_, at) => `k${at}`);
    await Promise.all(keys.map((key) => store.set(key, "v")));
    await store.close();
    equal(Object.keys(await contentOf(directory)).length, 200);
    const frames = readFileSync(join(directory, "log"), "latin1").split("[[").length - 1;
    ok(frames <= 3, `${frames} frames`);
  });

  it("rewrites a log that is mostly old, and loses nothing", async () => {
    const directory = temporaryDirectory();
    const store = await LogStore.open(directory, { compactLengthMin: 1_000 });
    for (let at = 0; at < 200; at++) await store.set(`k${at % 5}`, `v${at}`);
    await store.close();
    ok(statSync(join(directory, "log")).size < 2_500);
    deepEqual(await contentOf(directory), {
      k0: "v195",
      k1: "v196",
      k2: "v197",
      k3: "v198",
      k4: "v199",
    });
  });
});
