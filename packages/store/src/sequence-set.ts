/**
 * A set of sequence numbers that are mostly contiguous: a floor, and the runs above it. Pure.
 *
 * Example: floor 5 with the runs 7-9 and 12-12 holds every number below 5, and 7, 8, 9, 12.
 */
import { assert, encodeMessage, WireError, WireReader } from "@flotilla/base";

interface Run {
  first: number;
  last: number;
}

/**
 * Gaps above the floor that are remembered. A proposer leaves one for each request that it has in
 * flight at most, so this is far above what happens; beyond it the oldest gap counts as applied.
 */
export const sequenceGapsMax = 65_536;

/** Numbers below the floor are members, too. */
export class SequenceSet {
  #floor: number;
  readonly #runs: Run[];

  constructor(floor = 1, runs: Run[] = []) {
    this.#floor = floor;
    this.#runs = runs;
  }

  has(sequence: number): boolean {
    if (sequence < this.#floor) return true;
    const run = this.#runs[this.#runAt(sequence)];
    return run !== undefined && sequence <= run.last;
  }

  /** Adds a number that is not in the set. */
  add(sequence: number): void {
    assert(!this.has(sequence), "sequence set: the number must be new");
    if (sequence === this.#floor && this.#runs.length === 0) {
      this.#floor++; // One after the other, as they come from one member.
      return;
    }
    const at = this.#runAt(sequence);
    const before = this.#runs[at];
    const after = this.#runs[at + 1];
    const joinsBefore = before !== undefined && before.last + 1 === sequence;
    const joinsAfter = after !== undefined && sequence + 1 === after.first;
    if (joinsBefore && joinsAfter) {
      before.last = after.last;
      this.#runs.splice(at + 1, 1);
    } else if (joinsBefore) before.last = sequence;
    else if (joinsAfter) after.first = sequence;
    else this.#runs.splice(at + 1, 0, { first: sequence, last: sequence });
    this.#swallowRuns();
    while (this.#runs.length > sequenceGapsMax) this.raiseFloor((this.#runs[0] as Run).first);
  }

  /** From now on every number below `floor` is a member. */
  raiseFloor(floor: number): void {
    if (floor <= this.#floor) return;
    this.#floor = floor;
    this.#swallowRuns();
  }

  encode(): Uint8Array {
    return encodeMessage((writer) => {
      writer.varint(this.#floor);
      let at = this.#floor;
      for (const { first, last } of this.#runs) {
        writer.varint(first - at);
        writer.varint(last - first);
        at = last;
      }
    });
  }

  /** Throws `WireError`. */
  static decode(bytes: Uint8Array): SequenceSet {
    const reader = new WireReader(bytes);
    const floor = reader.varint();
    const runs: Run[] = [];
    let at = floor;
    while (reader.offset < bytes.length) {
      const first = at + reader.varint();
      const last = first + reader.varint();
      if (last < first) throw new WireError("sequence set: a run ends before it begins");
      runs.push({ first, last });
      at = last;
    }
    return new SequenceSet(floor, runs);
  }

  /** Index of the last run that starts at or before `sequence`; -1 when there is none. */
  #runAt(sequence: number): number {
    let low = 0;
    let high = this.#runs.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#runs[middle] as Run).first <= sequence) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  /** Drops runs that the floor has reached, and lifts the floor over a run that it touches. */
  #swallowRuns(): void {
    let dropped = 0;
    for (const { first, last } of this.#runs) {
      if (first > this.#floor) break;
      this.#floor = Math.max(this.#floor, last + 1);
      dropped++;
    }
    if (dropped > 0) this.#runs.splice(0, dropped);
  }
}
