/** What a real etcd answered, and what these members answer to the same requests. */
import { deepEqual, ok } from "node:assert/strict";
import { describe, it } from "node:test";
import {
  type Comparison,
  compareLive,
  compareRecorded,
  unexpectedOf,
} from "./etcd-oracle/comparison.ts";
import { knownDifferences } from "./etcd-oracle/known-differences.ts";
import { recordedNames } from "./etcd-oracle/recording.ts";
import { oracleProgram } from "./etcd-oracle/servers.ts";

/** Random runs against a real etcd, when there is one. */
const liveSeeds = [101, 102];
const liveRequests = 600;

function noneUnexpected(comparison: Comparison): void {
  deepEqual(unexpectedOf(comparison), []);
}

describe("answers that a real etcd gave", () => {
  for (const name of recordedNames()) {
    it(`are given here too: ${name}`, async (context) => {
      const comparison = await compareRecorded(name);
      noneUnexpected(comparison);
      const { requests, differences } = comparison;
      context.diagnostic(`${requests} requests, ${differences.length} known differences`);
      for (const { reason, recording, matches } of knownDifferences) {
        if (recording !== name) continue;
        const isNeeded = differences.some((one) => matches(one.expected, one.actual));
        ok(isNeeded, `a row of the table of known differences is not needed: ${reason}`);
      }
    });
  }
});

describe("answers of a real etcd to random requests", {
  skip: oracleProgram() === undefined && "there is no etcd 3.7: set ETCD_ORACLE",
}, () => {
  for (const seed of liveSeeds) {
    it(`are given here too: seed ${seed}`, async () => {
      noneUnexpected(await compareLive(seed, liveRequests));
    });
  }
});
