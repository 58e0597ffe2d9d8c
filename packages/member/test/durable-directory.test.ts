import { equal, rejects } from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { makeDurableDirectory } from "../src/durable-directory.ts";
import { holdsLog } from "../src/log-directory.ts";

describe("makeDurableDirectory()", () => {
  let folder = "";
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "flotilla-directory-"));
    await writeFile(join(folder, "file"), "");
  });
  after(() => rm(folder, { recursive: true, force: true }));

  it("makes what is missing of a path, once", async () => {
    const path = join(folder, "a", "b", "c");
    await Promise.all([makeDurableDirectory(path), makeDurableDirectory(path)]);
    await makeDurableDirectory(path);
    const { mode } = await stat(path);
    equal(mode & 0o777, 0o700);
  });

  it("says what is in the way", async () => {
    for (const path of [join(folder, "file"), join(folder, "file", "below")]) {
      const message = /Cannot make the directory ".*file(\/below)?": E(EXIST|NOTDIR)/;
      await rejects(makeDurableDirectory(path), { code: "badDirectory", message });
    }
    await rejects(holdsLog(join(folder, "file", "below")), { code: "badDirectory" });
  });

  it("comes to an end where no directories can be made", {
    skip: !existsSync("/proc"),
  }, async () => {
    for (const path of ["/proc/nope", "/proc/nope/member/wal"]) {
      await rejects(makeDurableDirectory(path), {
        code: "badDirectory",
        message: /"\/proc\/nope": ENOENT/,
      });
    }
  });
});
