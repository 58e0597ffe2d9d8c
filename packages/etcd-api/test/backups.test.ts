import { deepEqual, equal, match, ok } from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { silentLogger, utf8 } from "@flotilla/base";
import { putRequest } from "@flotilla/store";
import { startBackups } from "../src/backup/backups.ts";
import {
  backupName,
  backupsToRemove,
  isBackupDue,
  parseBackupName,
} from "../src/backup/schedule.ts";
import { ManualTimers, SoloMember, until } from "./fixtures.ts";

const at = (unixSeconds: number, member = "a1"): string =>
  backupName({ unixSeconds, revision: 7, member });

describe("names of backups", () => {
  it("tell all about them, and sort by time", () => {
    const name = at(1_795_340_700);
    equal(name, "backup-20261122T094500Z-r7-ma1.snapshot");
    deepEqual(parseBackupName(name), { unixSeconds: 1_795_340_700, revision: 7, member: "a1" });
    ok(at(999_999_999) < at(1_000_000_000));
    for (const other of ["x", `${name}.part`, "backup-20261322T094500Z-r7-ma1.snapshot"]) {
      equal(parseBackupName(other), undefined);
    }
  });

  it("tell when the next is due", () => {
    const due = (names: readonly string[], unixSeconds: number): boolean =>
      isBackupDue(names, { unixSeconds, everyMs: 3_600_000 });
    ok(due([], 10_000));
    ok(due(["something else"], 10_000));
    ok(!due([at(10_000)], 13_599));
    ok(due([at(10_000), at(5_000)], 13_600));
    ok(due([at(10_000_000)], 13_600), "written by a clock that went wrong");
    ok(!due([at(10_000_000), at(13_600)], 13_660), "which does not make it due each minute");
  });

  it("tell which are to go", () => {
    const names = [at(3), at(1), at(2), "other", `${at(4)}.part`, `${at(5, "b2")}.part`];
    const moment = { unixSeconds: 5, everyMs: 1_000, keep: 2, member: "a1" };
    deepEqual(backupsToRemove(names, moment), [at(1), `${at(4)}.part`]);
  });

  it("tell that those of a time that is yet to come go first", () => {
    const ahead = [at(1_000_000), at(1_000_001)];
    const moment = { unixSeconds: 4, everyMs: 3_000, keep: 3, member: "a1" };
    deepEqual(backupsToRemove([...ahead, at(1), at(4)], moment), [at(1_000_000)]);
    deepEqual(backupsToRemove([...ahead, at(4), at(7)], moment), [at(1_000_000)]);
  });
});

describe("backups", () => {
  const directories: string[] = [];
  after(async () => {
    for (const directory of directories) await rm(directory, { recursive: true, force: true });
  });

  it("are written by the leader, whole, and so many are kept", async () => {
    const home = await mkdtemp(join(tmpdir(), "backups-"));
    directories.push(home);
    const directory = join(home, "made", "here");
    const member = new SoloMember();
    const timers = new ManualTimers();
    let unixSeconds = 1_000_000;
    const deps = { member, timers, logger: silentLogger, unixSeconds: () => unixSeconds };
    const stop = startBackups(deps, { directory, everyMs: 3_600_000, keep: 2 });
    const list = async (): Promise<readonly string[]> => {
      const names = await readdir(directory).catch(() => []);
      return names
        .map((name) => parseBackupName(name)?.revision ?? name)
        .map(String)
        .sort();
    };
    const expect = async (...revisions: string[]): Promise<void> => {
      let seen: readonly string[] = [];
      await until(
        () => {
          void list().then((names) => (seen = names));
          return seen.join() === revisions.join();
        },
        () => `${revisions}; there are ${seen}`,
      );
    };
    /** A minute passes: the time of looking. */
    const look = async (): Promise<void> => {
      await until(
        () => timers.pending > 0,
        () => "next look",
      );
      unixSeconds += 60;
      timers.advance(60_000);
    };
    member.leaderId = 1n;
    await look();
    member.leaderId = member.id;
    await look();
    await expect("1");
    for (const revision of ["2", "3"]) {
      await member.propose({ kind: "put", request: putRequest(utf8("k"), utf8("v")) });
      await look();
      unixSeconds += 3_600;
      if (revision === "3") await writeFile(join(directory, "stranger"), "");
      await look();
      await expect(...(revision === "2" ? ["1", "2"] : ["2", "3", "stranger"]));
    }
    // More than are kept, as after a change of the flag: they go even if nothing can be written.
    for (const seconds of [1, 2, 3]) await writeFile(join(directory, at(seconds)), "");
    member.snapshot = () => {
      throw new Error("no space left on device");
    };
    unixSeconds += 3_600;
    await look();
    await expect("2", "3", "stranger");
    stop();
    const [name = ""] = (await readdir(directory)).sort();
    const bytes = await readFile(join(directory, name));
    equal(bytes.length % 512, 32);
    const hash = createHash("sha256").update(bytes.subarray(0, -32)).digest();
    deepEqual(bytes.subarray(-32), hash);
  });

  it("complain where no directory can be made", { skip: !existsSync("/proc") }, async () => {
    const complaints: unknown[] = [];
    const logger = {
      ...silentLogger,
      error: (_message: string, fields?: Readonly<Record<string, unknown>>) =>
        void complaints.push(fields?.["reason"]),
    };
    const member = new SoloMember();
    const timers = new ManualTimers();
    const deps = { member, timers, logger, unixSeconds: () => 1_000_000 };
    const stop = startBackups(deps, { directory: "/proc/nope/x", everyMs: 3_600_000, keep: 2 });
    await until(
      () => timers.pending > 0,
      () => "first look",
    );
    timers.advance(60_000);
    await until(
      () => complaints.length > 0,
      () => "a complaint",
    );
    stop();
    match(String(complaints[0]), /Cannot make the directory "\/proc\/nope"/);
  });
});
