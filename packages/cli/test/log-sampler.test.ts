import { equal } from "node:assert/strict";
import { describe, it } from "node:test";
import { LogSampler, linesInitial, linesThereafter } from "../src/log-sampler.ts";

function written(sampler: LogSampler, message: string, count: number, nowMs: number): number {
  return Array.from({ length: count }, () => sampler.admits(message, nowMs)).filter(Boolean).length;
}

describe("LogSampler", () => {
  it("writes a message in full until it has come too often, then one in so many", () => {
    const sampler = new LogSampler();
    equal(written(sampler, "slow", linesInitial, 0), linesInitial);
    equal(written(sampler, "slow", linesThereafter - 1, 10), 0);
    equal(written(sampler, "slow", 1, 20), 1);
    equal(written(sampler, "slow", 3 * linesThereafter, 999), 3);
  });

  it("counts each message for itself", () => {
    const sampler = new LogSampler();
    written(sampler, "slow", 1000, 0);
    equal(written(sampler, "gone", 5, 0), 5);
  });

  it("begins anew each second", () => {
    const sampler = new LogSampler();
    written(sampler, "slow", 1000, 500);
    equal(written(sampler, "slow", 1, 1499), 0);
    equal(written(sampler, "slow", linesInitial, 1500), linesInitial);
  });
});
