import { deepEqual, equal } from "node:assert/strict";
import { it } from "node:test";
import { silentLogger } from "@flotilla/base";
import type { Member } from "@flotilla/member";
import { repeatAsLeader } from "../src/leader-chore.ts";

/** A chore on timers that are run by hand. */
function scene(attempt: () => Promise<void>) {
  const leads = { isLeader: true };
  const waiting: (() => void)[] = [];
  const complaints: string[] = [];
  const timers = {
    nowMs: () => 0,
    after(_delayMs: number, callback: () => void) {
      waiting.push(callback);
      return () => void waiting.splice(waiting.indexOf(callback), 1);
    },
  };
  const member = { status: () => leads } as unknown as Member;
  const logger = { ...silentLogger, warn: (text: string) => void complaints.push(text) };
  const chore = { everyMs: 5, complaint: "it failed", attempt };
  const stop = repeatAsLeader({ member, logger, timers }, chore);
  const pass = async () => {
    for (const callback of waiting.splice(0)) callback();
    await new Promise(setImmediate);
  };
  return { leads, waiting, complaints, stop, pass };
}

it("goes on after an attempt that failed, and only where it leads", async () => {
  let attempts = 0;
  const { leads, complaints, pass } = scene(() => {
    attempts++;
    return Promise.reject(new Error("no"));
  });
  await pass();
  await pass();
  deepEqual([attempts, complaints], [2, ["it failed", "it failed"]]);
  leads.isLeader = false;
  await pass();
  leads.isLeader = true;
  await pass();
  equal(attempts, 3);
});

it("makes one attempt at a time, and none once it was stopped", async () => {
  let end = (): void => {};
  let attempts = 0;
  const { waiting, stop, pass } = scene(() => {
    attempts++;
    return new Promise((resolve) => {
      end = resolve;
    });
  });
  await pass();
  deepEqual([attempts, waiting.length], [1, 0]);
  stop();
  end();
  await pass();
  deepEqual([attempts, waiting.length], [1, 0]);
});
