import { deepEqual, equal, match } from "node:assert/strict";
import { mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { openLog } from "../src/zap-log.ts";

const folder = mkdtempSync(join(tmpdir(), "flotilla-log-"));
after(() => rmSync(folder, { recursive: true, force: true }));

describe("openLog()", () => {
  it("writes lines in zap's shape, from its level on", () => {
    const path = join(folder, "json");
    const log = openLog({ level: "warn", outputs: [path] });
    log.info("not this");
    log.warn("this", { a: 1, b: ["x"] });
    log.fatal("and this");
    const lines = readFileSync(path, "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    deepEqual(
      lines.map(({ level, msg }) => [level, msg]),
      [
        ["warn", "this"],
        ["fatal", "and this"],
      ],
    );
    deepEqual(Object.keys(lines[0]), ["level", "ts", "caller", "msg", "a", "b"]);
    match(lines[0].ts, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
  });

  it("writes for people, and opens a file anew after it was moved", () => {
    const path = join(folder, "console");
    const log = openLog({ level: "debug", format: "console", outputs: [path] });
    log.debug("first", { a: 1 });
    renameSync(path, `${path}.1`);
    log.reopen();
    log.info("second");
    match(readFileSync(`${path}.1`, "utf8"), /^\S+\tdebug\t\S*\tfirst\t\{"a":1\}\n$/);
    equal(readFileSync(path, "utf8").split("\t").at(-1), "second\n");
  });
});
