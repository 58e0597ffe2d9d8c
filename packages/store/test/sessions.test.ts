import { equal, throws } from "node:assert/strict";
import { describe, it } from "node:test";
import { Prng, WireError } from "@flotilla/base";
import { SequenceSet, sequenceGapsMax } from "../src/sequence-set.ts";
import { Sessions, sessionsMax } from "../src/sessions.ts";
import { arrayBackend } from "./fixtures.ts";

describe("SequenceSet", () => {
  it("holds what a plain set with a floor holds, encoded and decoded on the way (300 seeds)", () => {
    for (let seed = 0; seed < 300; seed++) {
      const prng = new Prng(seed);
      const model = new Set<number>();
      let floor = 1;
      let set = new SequenceSet();
      for (let step = 0; step < 60; step++) {
        const sequence = prng.between(1, 40);
        const isNew = sequence >= floor && !model.has(sequence);
        equal(set.has(sequence), !isNew, `seed=${seed} step=${step} sequence=${sequence}`);
        if (isNew) {
          set.add(sequence);
          model.add(sequence);
        }
        if (prng.chance(0.2)) {
          floor = Math.max(floor, prng.below(30));
          set.raiseFloor(floor);
        }
        if (prng.chance(0.2)) set = SequenceSet.decode(set.encode());
      }
    }
  });

  it("takes little room for contiguous numbers, in any order", () => {
    const set = new SequenceSet();
    for (let sequence = 2000; sequence > 1; sequence--) set.add(sequence);
    equal(set.encode().length < 6, true);
    set.add(1);
    equal(set.encode().length, 2, "a floor and nothing else");
  });

  it("forgets the oldest gap beyond its limit", () => {
    const set = new SequenceSet();
    for (let gap = 1; gap <= sequenceGapsMax + 1; gap++) set.add(gap * 2);
    equal(`${set.has(1)} ${set.has(3)} ${set.has(5)}`, "true false false");
  });

  it("refuses bytes that are no set", () => {
    throws(() => SequenceSet.decode(new Uint8Array(0)), WireError);
    throws(() => SequenceSet.decode(Uint8Array.of(5, 1)), WireError);
  });
});

describe("Sessions", () => {
  const proposal = (session: number, sequence: number, settledBelow = 1) => ({
    session: BigInt(session),
    sequence,
    settledBelow,
  });

  it("admits a sequence once, sessions apart, and nothing that is settled", () => {
    const backend = arrayBackend();
    const sessions = new Sessions(backend);
    equal(sessions.admit(proposal(1, 1), 1), true);
    equal(sessions.admit(proposal(2, 1), 2), true);
    equal(sessions.admit(proposal(1, 1), 3), false);
    equal(sessions.admit(proposal(1, 9, 8), 4), true);
    equal(sessions.admit(proposal(1, 5), 5), false);
    equal(sessions.admit(proposal(1, 8), 6), true);
  });

  it("forgets the session that was silent longest, the same one after a restart", () => {
    const backend = arrayBackend();
    let sessions = new Sessions(backend);
    for (let session = 1; session <= sessionsMax; session++)
      sessions.admit(proposal(session, 1), session);
    sessions.admit(proposal(1, 2), sessionsMax + 1);
    backend.write((writer) => sessions.save(writer));
    sessions = new Sessions(backend);
    sessions.admit(proposal(9999, 1), sessionsMax + 2);
    backend.write((writer) => sessions.save(writer));
    equal(backend.tables.get("sessions")?.length, sessionsMax);
    sessions = new Sessions(backend);
    equal(sessions.admit(proposal(1, 1), sessionsMax + 3), false, "session 1 was active");
    equal(sessions.admit(proposal(2, 1), sessionsMax + 4), true, "session 2 is forgotten");
    equal(sessions.admit(proposal(4, 1), sessionsMax + 5), false, "session 4 is known");
  });
});
