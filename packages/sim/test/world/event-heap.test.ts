import { deepEqual, equal, ok } from "node:assert/strict";
import { describe, it } from "node:test";
import { Prng } from "@flotilla/base";
import { EventHeap, type EventTarget } from "../../src/world/event-heap.ts";

const nobody: EventTarget = { handle() {} };

function drain(heap: EventHeap): unknown[] {
  const subjects: unknown[] = [];
  while (heap.size > 0) subjects.push(heap.subjectOf(heap.pop()));
  return subjects;
}

describe("EventHeap", () => {
  it("gives events by time, then by tie, then in the order in which they came", () => {
    const heap = new EventHeap();
    heap.push(2, 0, 1, nobody, "late");
    heap.push(1, 7, 1, nobody, "second tie, first in");
    heap.push(1, 7, 1, nobody, "second tie, next in");
    heap.push(1, 3, 1, nobody, "first tie");
    equal(heap.nextMs, 1);
    deepEqual(drain(heap), ["first tie", "second tie, first in", "second tie, next in", "late"]);
    equal(heap.nextMs, Number.POSITIVE_INFINITY);
  });

  it("keeps the order of a sorted list while events come and go (200 seeds)", () => {
    for (let seed = 0; seed < 200; seed++) {
      const random = new Prng(seed);
      const heap = new EventHeap();
      const expected: { at: number; tie: number; sequence: number }[] = [];
      let sequence = 0;
      for (let step = 0; step < 3_000; step++) {
        if (random.chance(0.55) || expected.length === 0) {
          const event = { at: random.below(50), tie: random.below(3), sequence: sequence++ };
          heap.push(event.at, event.tie, 1, nobody, event);
          const later = expected.findIndex((other) => isBefore(event, other));
          expected.splice(later === -1 ? expected.length : later, 0, event);
        } else {
          const slot = heap.pop();
          const first = expected.shift();
          equal(heap.subjectOf(slot), first, `seed=${seed} step=${step}`);
          equal(heap.timeOf(slot), first?.at, `seed=${seed} step=${step}`);
        }
        equal(heap.size, expected.length);
      }
    }
  });

  it("grows beyond its first allocation", () => {
    const heap = new EventHeap();
    for (let at = 5_000; at > 0; at--) heap.push(at, 0, 2, nobody, at);
    const subjects = drain(heap);
    ok(subjects.every((subject, at) => subject === at + 1));
  });
});

function isBefore(
  left: { at: number; tie: number; sequence: number },
  right: { at: number; tie: number; sequence: number },
): boolean {
  if (left.at !== right.at) return left.at < right.at;
  if (left.tie !== right.tie) return left.tie < right.tie;
  return left.sequence < right.sequence;
}
