import { equal, throws } from "node:assert/strict";
import { describe, it } from "node:test";
import { Prng, WireError } from "@flotilla/base";
import { SequenceSet, sequenceGapsMax } from "../src/sequence-set.ts";
import { Sessions } from "../src/sessions.ts";
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
  const proposal = (
    session: number,
    sequence: number,
    { openedAt = 0, settledBelow = 1 } = {},
  ) => ({
    session: BigInt(session),
    openedAt,
    sequence,
    settledBelow,
  });

  it("admits a sequence once, sessions apart, and nothing that is settled", () => {
    const sessions = new Sessions(arrayBackend(), 10);
    equal(sessions.admit(proposal(1, 1), 1), "new");
    equal(sessions.admit(proposal(2, 1), 2), "new");
    equal(sessions.admit(proposal(1, 1), 3), "repeated");
    equal(sessions.admit(proposal(1, 9, { settledBelow: 8 }), 4), "new");
    equal(sessions.admit(proposal(1, 5), 5), "repeated");
    equal(sessions.admit(proposal(1, 8), 6), "new");
  });

  it("forgets the session that was silent longest, the same one after a restart", () => {
    const backend = arrayBackend();
    const reopened = () => {
      backend.write((writer) => sessions.save(writer));
      return new Sessions(backend, 4);
    };
    let sessions = new Sessions(backend, 4);
    for (let session = 1; session <= 4; session++) sessions.admit(proposal(session, 1), session);
    sessions.admit(proposal(1, 2), 5);
    sessions = reopened();
    equal(sessions.admit(proposal(9, 1), 6), "new");
    sessions = reopened();
    equal(backend.tables.get("sessions")?.length, 4);
    equal(sessions.admit(proposal(1, 1), 7), "repeated", "session 1 was active");
    equal(sessions.admit(proposal(4, 1), 8), "repeated", "session 4 is known");
  });

  it("refuses a session that it has forgotten, before and after a restart (T35)", () => {
    const backend = arrayBackend();
    let sessions = new Sessions(backend, 2);
    equal(sessions.admit(proposal(1, 1, { openedAt: 0 }), 5), "new");
    equal(sessions.admit(proposal(2, 1, { openedAt: 5 }), 6), "new");
    equal(sessions.admit(proposal(3, 1, { openedAt: 5 }), 7), "new");
    equal(sessions.admit(proposal(1, 1, { openedAt: 0 }), 8), "expired", "not applied again");
    backend.write((writer) => sessions.save(writer));
    sessions = new Sessions(backend, 2);
    equal(sessions.admit(proposal(1, 2, { openedAt: 0 }), 9), "expired");
    equal(sessions.admit(proposal(2, 1, { openedAt: 5 }), 10), "repeated", "still known");
    equal(sessions.admit(proposal(4, 1, { openedAt: 5 }), 11), "new", "began after the forgotten");
  });

  it("says the same as one that forgets nothing, or that it does not know (300 seeds)", () => {
    for (let seed = 0; seed < 300; seed++) {
      const prng = new Prng(seed);
      const backend = arrayBackend();
      const applied = new Set<string>();
      const opened = new Map<number, number>();
      let sessions = new Sessions(backend, prng.between(1, 4));
      for (let index = 1; index <= 60; index++) {
        const session = prng.between(1, 6);
        const openedAt = opened.get(session) ?? Math.max(0, index - 1 - prng.below(20));
        opened.set(session, openedAt);
        const sequence = prng.between(1, 6);
        const name = `${session}/${sequence}`;
        const at = `seed=${seed} index=${index} ${name}`;
        const admission = sessions.admit(proposal(session, sequence, { openedAt }), index);
        if (admission !== "expired") equal(admission === "repeated", applied.has(name), at);
        if (admission === "new") applied.add(name);
        if (prng.chance(0.2)) {
          backend.write((writer) => sessions.save(writer));
          sessions = new Sessions(backend, 4);
        }
      }
    }
  });
});
