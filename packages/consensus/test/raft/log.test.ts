import { deepEqual, equal } from "node:assert/strict";
import { describe, it } from "node:test";
import { Prng, utf8 } from "@flotilla/base";
import type { Entry } from "../../src/contract.ts";
import { RaftLog } from "../../src/raft/log.ts";

describe("RaftLog", () => {
  it("is the array that it stands for (200 seeds)", () => {
    for (let seed = 0; seed < 200; seed++) {
      const prng = new Prng(seed);
      const log = new RaftLog(0, 0, []);
      let model: Entry[] = [];
      let compacted = 0;
      for (let step = 0; step < 100; step++) {
        const last = compacted + model.length;
        const kind = prng.below(4);
        if (kind < 2) {
          const term = (model.at(-1)?.term ?? log.lastTerm) + prng.below(2);
          const entry: Entry = { index: last + 1, term, kind: "command", data: utf8("x") };
          log.append([entry]);
          model.push(entry);
        } else if (kind === 2 && model.length > 0) {
          const from = compacted + 1 + prng.below(model.length);
          log.truncateFrom(from);
          model = model.slice(0, from - compacted - 1);
        } else if (model.length > 0) {
          const to = compacted + 1 + prng.below(model.length);
          log.compactTo(to);
          model = model.slice(to - compacted);
          compacted = to;
        }
        const now = compacted + model.length;
        deepEqual([log.firstIndex, log.lastIndex], [compacted + 1, now], `seed=${seed}`);
        deepEqual(log.slice(compacted + 1, now), model, `seed=${seed}`);
        const term = prng.below(20);
        const naive = model.findLast((entry) => entry.term <= term)?.index ?? compacted;
        equal(log.lastIndexWithin(now, term), naive, `seed=${seed}`);
      }
    }
  });
});
