// Members that die at named points while they are written to: nothing acknowledged is lost.
// A member has to start for each: only the points marked usual are tried unless CRASH_POINTS=all.
import { equal, match, ok } from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type FailpointName, Prng } from "@flotilla/base";
import { Acknowledged, equalHashes, freePort, until } from "./harness/index.ts";
import { MemberProcesses } from "./harness/member-processes.ts";

/** Those that are tried of some; the first `usual` of them are. */
function tried(usual: number, points: readonly FailpointName[]): readonly FailpointName[] {
  return process.env["CRASH_POINTS"] === "all" ? points : points.slice(0, usual);
}

/** Points that a member passes that is alone and written to. */
const alone = tried(4, [
  "walAfterSync",
  "commitAfterPreCommitHook",
  "beforeCheckpointSync",
  "compactAfterCommitBatch",
  "walBeforeSync",
  "raftAfterSave",
  "beforeCommit",
  "raftBeforeSave",
  "raftBeforeAdvance",
  "beforeApplyOneEntryNormal",
  "beforeStartDBTxn",
  "afterStartDBTxn",
  "commitBeforePreCommitHook",
  "afterCommit",
  "afterCheckpointSync",
  "compactBeforeCommitScheduledCompact",
  "compactAfterCommitScheduledCompact",
  "compactBeforeCommitBatch",
  "compactBeforeSetFinishedCompact",
  "compactAfterSetFinishedCompact",
  "raftBeforeWALSaveSnaphot",
]);

/** Points of a member that starts, in its recovery. */
const starting = tried(1, ["beforeApplyOneEntryNormal", "beforeStartDBTxn"]);

/** Points of a leader among others; then of a follower. */
const leading = tried(1, ["raftBeforeLeaderSend", "raftAfterSave"]);
const following = tried(1, ["raftBeforeFollowerSend", "walAfterSync"]);

/** Points of a member that is so far behind that it is sent a snapshot. */
const behind = tried(1, [
  "raftAfterSaveSnap",
  "applyAfterOpenSnapshot",
  "raftBeforeSaveSnap",
  "raftBeforeApplySnap",
  "applyBeforeOpenSnapshot",
  "raftAfterApplySnap",
  "raftAfterWALRelease",
]);

/** As a Go program that panics. */
const panicked = 2;

async function setPoint(port: number, name: string, terms: string): Promise<void> {
  await until(`failpoint ${name} to be set`, 20_000, async () => {
    const put = { method: "PUT", body: terms };
    return (await fetch(`http://127.0.0.1:${port}/${name}`, put)).status === 204;
  });
}

async function died(members: MemberProcesses, name: string): Promise<void> {
  const { code, log } = await members.ended(name);
  equal(code, panicked, log.slice(-2000));
  match(log, /panic: failpoint panic: \{\}\n$/);
}

describe("a member alone that dies at", () => {
  const members = new MemberProcesses();
  const written = new Acknowledged("alone/");
  let port = 0;
  before(async () => {
    port = await freePort();
    members.flags = ["--snapshot-count", "200"];
    await members.found("a");
    await members.kill("a");
    start();
  });
  after(() => members.close());

  const url = (): string => members.clientUrl("a");
  const start = (): void => members.start("a", { GOFAIL_HTTP: `127.0.0.1:${port}` });

  for (const [seed, name] of alone.entries()) {
    it(`${name} has every acknowledged write`, async () => {
      await setPoint(port, name, `${new Prng(seed).below(3)}*off->panic`);
      // Refused at first while it has no leader yet.
      await until("its death", 30_000, async () => {
        await written.write(url(), 100_000);
        return members.hasEnded("a");
      });
      await died(members, "a");
      start();
      await written.check(url());
    });
  }

  for (const name of starting) {
    it(`${name} while it starts has every acknowledged write`, async () => {
      await members.kill("a");
      members.start("a", { GOFAIL_FAILPOINTS: `${name}=panic` });
      await died(members, "a");
      start();
      await written.check(url());
      ok(written.count > 0);
    });
  }
});

describe("one of three members that dies at", () => {
  const members = new MemberProcesses();
  const names = ["a", "b", "c"];
  const written = new Acknowledged("three/");
  const ports = new Map<string, number>();
  before(async () => {
    members.flags = ["--snapshot-count", "500"];
    await members.found(...names);
    for (const name of names) {
      ports.set(name, await freePort());
      await members.kill(name);
      restart(name);
    }
    await members.leader();
  });
  after(() => members.close());

  const restart = (name: string): void =>
    members.start(name, { GOFAIL_HTTP: `127.0.0.1:${ports.get(name)}` });
  const urls = (): string[] => names.map((name) => members.clientUrl(name));

  async function dieAt(point: FailpointName, isLeader: boolean): Promise<void> {
    const leader = await members.leader();
    const victim = isLeader ? leader : (names.find((name) => name !== leader) ?? "");
    const other = names.find((name) => name !== leader && name !== victim) ?? "";
    await until("a write", 20_000, async () => {
      return (await written.write(members.clientUrl(other), 100)) === "done";
    });
    await setPoint(ports.get(victim) ?? 0, point, "panic");
    await Promise.all([died(members, victim), written.write(members.clientUrl(other), 500)]);
    restart(victim);
    await members.leader();
    for (const url of urls()) await written.check(url);
    await equalHashes(urls());
  }

  for (const point of leading) {
    it(`${point} as leader has every acknowledged write`, () => dieAt(point, true));
  }
  for (const point of following) {
    it(`${point} as follower has every acknowledged write`, () => dieAt(point, false));
  }

  for (const point of behind) {
    it(`${point} takes in the next snapshot`, async () => {
      const leader = await members.leader();
      const victim = names.find((name) => name !== leader) ?? "";
      await members.kill(victim);
      equal(await written.write(members.clientUrl(leader), 6000), "done");
      members.start(victim, { GOFAIL_FAILPOINTS: `${point}=panic` });
      await died(members, victim);
      restart(victim);
      await written.check(members.clientUrl(victim));
      await equalHashes(urls());
    });
  }
});
