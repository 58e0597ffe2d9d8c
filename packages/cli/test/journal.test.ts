import { deepEqual, equal, match } from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { closeSync, fstatSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { journalProblem } from "../src/journal.ts";

const folder = mkdtempSync(join(tmpdir(), "flotilla-journal-"));
after(() => rmSync(folder, { recursive: true, force: true }));

describe("the journal", () => {
  it("is where standard error leads, if systemd says so", () => {
    const { dev, ino } = fstatSync(2);
    equal(journalProblem({ JOURNAL_STREAM: `${dev}:${ino}` }), undefined);
    deepEqual(journalProblem({ JOURNAL_STREAM: `${dev}:${ino + 1}` }, join(folder, "none")), {
      isFatal: true,
      text: `can't find journal (dial unixgram ${join(folder, "none")}: connect: no such file or directory)`,
    });
    equal(journalProblem({}, folder)?.isFatal, false);
  });

  it("gets each line with its priority", () => {
    const program = fileURLToPath(new URL("../../bin/flotilla.js", import.meta.url));
    const path = join(folder, "stderr");
    const stderr = openSync(path, "w");
    const { dev, ino } = fstatSync(stderr);
    const args = ["member", "--log-outputs=systemd/journal", "--election-timeout=1"];
    const ended = spawnSync(process.execPath, [program, ...args], {
      env: { PATH: process.env["PATH"] ?? "", JOURNAL_STREAM: `${dev}:${ino}` },
      stdio: ["ignore", "ignore", stderr],
    });
    closeSync(stderr);
    equal(ended.status, 1);
    match(readFileSync(path, "utf8"), /^<2>\{"level":"fatal",.*"failed to verify flags"/m);
  });
});
