import { deepEqual, equal } from "node:assert/strict";
import { describe, it } from "node:test";
import { silentLogger, utf8 } from "@flotilla/base";
import { putRequest } from "@flotilla/store";
import { startAutoCompaction } from "../src/compaction/auto-compactor.ts";
import { type AutoCompaction, parseAutoCompaction } from "../src/compaction/mode.ts";
import { ManualTimers, SoloMember, startSolo, stopAll } from "./fixtures.ts";

const minuteMs = 60_000;

/** A member whose revision grows by one each minute; tells when it was compacted, and to where. */
async function run(
  mode: AutoCompaction,
  minutes: number,
  isLeader: (minute: number) => boolean = () => true,
): Promise<string[]> {
  const member = new SoloMember();
  const timers = new ManualTimers();
  const stop = startAutoCompaction({ member, logger: silentLogger, timers }, mode);
  const seen: string[] = [];
  let last = member.store.compactRevision;
  for (let minute = 1; minute <= minutes; minute++) {
    await member.propose({ kind: "put", request: putRequest(utf8("k"), utf8("v")) });
    member.leaderId = isLeader(minute) ? member.id : 1n;
    timers.advance(minuteMs);
    await new Promise((resolve) => setImmediate(resolve));
    const { compactRevision } = member.store;
    if (compactRevision !== last) seen.push(`${minute}: ${compactRevision}`);
    last = compactRevision;
  }
  stop();
  timers.advance(10 * minuteMs * minutes);
  equal(member.store.compactRevision, last, "nothing after the end");
  return seen;
}

describe("periodic compaction", () => {
  it("keeps ten minutes: compacts each ten minutes to ten minutes ago", async () => {
    const seen = await run({ kind: "periodic", periodMs: 10 * minuteMs }, 31);
    // Noted at minute m: revision m + 1. At minute 10 the notes are of 0 to 9, at 20 of 9 to 19.
    deepEqual(seen, ["10: 1", "20: 10", "30: 20"]);
  });

  it("keeps ten hours: first after ten hours, then each hour to ten hours ago", async () => {
    const seen = await run({ kind: "periodic", periodMs: 600 * minuteMs }, 12 * 60 + 1);
    deepEqual(seen, ["600: 1", "660: 55", "720: 115"]);
  });

  it("tries again at the next note when it could not, and is silent while another leads", async () => {
    const mode = { kind: "periodic", periodMs: 10 * minuteMs } as const;
    const seen = await run(mode, 31, (minute) => minute > 13 && minute !== 24);
    deepEqual(seen, ["14: 4", "25: 15"]);
  });

  it("leaves alone what has not changed", async () => {
    const member = new SoloMember();
    const timers = new ManualTimers();
    let proposals = 0;
    const propose = member.propose.bind(member);
    member.propose = (command) => {
      proposals++;
      return propose(command);
    };
    const mode = { kind: "periodic", periodMs: 10 * minuteMs } as const;
    const stop = startAutoCompaction({ member, logger: silentLogger, timers }, mode);
    for (let minute = 0; minute < 60; minute++) {
      timers.advance(minuteMs);
      await new Promise((resolve) => setImmediate(resolve));
    }
    stop();
    equal(proposals, 1);
  });
});

describe("a server", () => {
  it("does its member's chores until it is closed", async () => {
    const timers = new ManualTimers();
    const autoCompaction = { kind: "revision", revisions: 1 } as const;
    const { member } = await startSolo({ autoCompaction }, timers);
    const put = { kind: "put", request: putRequest(utf8("k"), utf8("v")) } as const;
    for (let at = 0; at < 3; at++) await member.propose(put);
    timers.advance(5 * minuteMs);
    await new Promise((resolve) => setImmediate(resolve));
    equal(member.store.compactRevision, 3);
    await member.propose(put);
    await stopAll();
    timers.advance(60 * minuteMs);
    await new Promise((resolve) => setImmediate(resolve));
    equal(member.store.compactRevision, 3);
  });
});

describe("compaction by revision", () => {
  it("looks each five minutes and keeps so many", async () => {
    const seen = await run({ kind: "revision", revisions: 7 }, 16);
    deepEqual(seen, ["10: 4", "15: 9"]);
  });

  it("is silent while another leads", async () => {
    const seen = await run({ kind: "revision", revisions: 3 }, 16, (minute) => minute >= 11);
    deepEqual(seen, ["15: 13"]);
  });
});

describe("the options of compaction", () => {
  const cases: readonly [mode: string, retention: string, parsed: AutoCompaction | string][] = [
    ["periodic", "0", { kind: "off" }],
    ["revision", "0", { kind: "off" }],
    ["periodic", "0s", { kind: "off" }],
    ["periodic", "2", { kind: "periodic", periodMs: 7_200_000 }],
    ["periodic", "5m", { kind: "periodic", periodMs: 300_000 }],
    ["periodic", "1h30m", { kind: "periodic", periodMs: 5_400_000 }],
    ["periodic", "1.5h", { kind: "periodic", periodMs: 5_400_000 }],
    ["revision", "1000", { kind: "revision", revisions: 1000 }],
    ["revision", "1us", { kind: "revision", revisions: 1000 }],
    ["sometimes", "1", 'unknown auto-compaction-mode "sometimes"'],
    ["periodic", "5x", 'error parsing CompactionRetention: time: invalid duration "5x"'],
    ["periodic", "", 'error parsing CompactionRetention: time: invalid duration ""'],
  ];
  for (const [mode, retention, expected] of cases) {
    it(`are read as etcd reads them: ${mode} ${JSON.stringify(retention)}`, () => {
      const parsed = parseAutoCompaction(mode, retention);
      deepEqual(parsed.kind === "wrong" ? parsed.text : parsed, expected);
    });
  }
});
