import { equal, match, ok } from "node:assert/strict";
import { readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { TestCluster, until } from "./harness/index.ts";

/** The newest segment of a member's log, and where its last record ends. */
function lastSegment(dataDir: string): { path: string; usedBytes: number } {
  const folder = join(dataDir, "member", "wal");
  const name = readdirSync(folder)
    .filter((file) => file.endsWith(".wal"))
    .toSorted()
    .at(-1);
  ok(name !== undefined, `there is a segment in ${folder}`);
  const bytes = readFileSync(join(folder, name));
  let usedBytes = bytes.length;
  while (usedBytes > 0 && bytes[usedBytes - 1] === 0) usedBytes--;
  return { path: join(folder, name), usedBytes };
}

describe("a damaged log", () => {
  const cluster = TestCluster.create();
  before(async () => {
    await cluster.up("--nodes", "0");
    for (let at = 0; at < 5; at++) await cluster.command("put", `key${at}`, "x".repeat(300));
  });
  after(() => cluster.close());

  it("with a torn last record starts cleanly", async () => {
    await cluster.command("down");
    const { path, usedBytes } = lastSegment(cluster.member("m1").dataDir);
    truncateSync(path, usedBytes - 3);
    await cluster.up();
    await until(
      "m1 to follow again",
      10_000,
      async () =>
        (await cluster.members()).find(({ name }) => name === "m1")?.role !== "unreachable",
    );
    equal(await cluster.command("get", "key4"), `key4\n${"x".repeat(300)}\n`);
  });

  it("with a flipped byte in the middle is refused with file, offset and what to do", async () => {
    await cluster.command("down");
    const member = cluster.member("m1");
    const { path, usedBytes } = lastSegment(member.dataDir);
    const bytes = readFileSync(path);
    const at = Math.floor(usedBytes / 2);
    bytes[at] = (bytes[at] ?? 0) ^ 0x10;
    writeFileSync(path, bytes);
    const up = await cluster.flotilla(
      "up",
      "--detach",
      "--no-example",
      "--data-dir",
      cluster.dataDir,
    );
    equal(up.code, 1, up.stderr);
    match(up.stderr, /Member m1 ended/);
    const log = readFileSync(join(member.dataDir, "flotilla.log"), "utf8");
    const refusal = log.trimEnd().split("\n").slice(-5).join("\n");
    ok(refusal.includes(path), `names the file: ${refusal}`);
    match(refusal, /offset \d+/);
    match(refusal, /move|snapshot|restore/i);
  });
});
