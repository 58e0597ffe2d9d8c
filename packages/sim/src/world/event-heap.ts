/**
 * What is going to happen, earliest first: a binary heap over typed arrays. Pure.
 *
 * Ordered by (time, tie, sequence). The tie is drawn at random by whoever schedules, so that events
 * of one moment come in any order, and in the same one when the run is repeated. An event is five
 * fields in a slot; slots are used again, so that a long run allocates nothing here.
 */

/** Who an event happens to. */
export interface EventTarget {
  /** `kind` is one of {@link eventKind}; `subject` is what the scheduler gave along with it. */
  handle(kind: number, subject: unknown): void;
}

const capacityInitial = 1024;

export class EventHeap {
  /** Slots in heap order. */
  #heap: Int32Array = new Int32Array(capacityInitial);
  #size = 0;
  #times: Float64Array = new Float64Array(capacityInitial);
  #ties: Uint32Array = new Uint32Array(capacityInitial);
  #sequences: Float64Array = new Float64Array(capacityInitial);
  #kinds: Uint8Array = new Uint8Array(capacityInitial);
  readonly #targets: (EventTarget | undefined)[] = [];
  readonly #subjects: unknown[] = [];
  readonly #free: number[] = [];
  #sequence = 0;

  get size(): number {
    return this.#size;
  }

  /** When the next event happens; infinite when there is none. */
  get nextMs(): number {
    return this.#size === 0
      ? Number.POSITIVE_INFINITY
      : (this.#times[this.#heap[0] as number] as number);
  }

  push(atMs: number, tie: number, kind: number, target: EventTarget, subject: unknown): void {
    const slot = this.#free.pop() ?? this.#size;
    if (slot >= this.#times.length) this.#grow();
    this.#times[slot] = atMs;
    this.#ties[slot] = tie;
    this.#sequences[slot] = this.#sequence++;
    this.#kinds[slot] = kind;
    this.#targets[slot] = target;
    this.#subjects[slot] = subject;
    this.#rise(this.#size++, slot);
  }

  /** Removes the earliest event, which must exist; its fields can be read until the next `push`. */
  pop(): number {
    const heap = this.#heap;
    const first = heap[0] as number;
    const last = heap[--this.#size] as number;
    if (this.#size > 0) this.#sink(last);
    this.#free.push(first);
    return first;
  }

  timeOf(slot: number): number {
    return this.#times[slot] as number;
  }

  kindOf(slot: number): number {
    return this.#kinds[slot] as number;
  }

  targetOf(slot: number): EventTarget {
    return this.#targets[slot] as EventTarget;
  }

  subjectOf(slot: number): unknown {
    return this.#subjects[slot];
  }

  #rise(from: number, slot: number): void {
    const heap = this.#heap;
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent] as number;
      if (!this.#isBefore(slot, above)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = slot;
  }

  #sink(slot: number): void {
    const heap = this.#heap;
    const size = this.#size;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= size) break;
      if (child + 1 < size && this.#isBefore(heap[child + 1] as number, heap[child] as number)) {
        child++;
      }
      const below = heap[child] as number;
      if (!this.#isBefore(below, slot)) break;
      heap[at] = below;
      at = child;
    }
    heap[at] = slot;
  }

  #isBefore(left: number, right: number): boolean {
    const byTime = (this.#times[left] as number) - (this.#times[right] as number);
    if (byTime !== 0) return byTime < 0;
    const byTie = (this.#ties[left] as number) - (this.#ties[right] as number);
    if (byTie !== 0) return byTie < 0;
    return (this.#sequences[left] as number) < (this.#sequences[right] as number);
  }

  #grow(): void {
    const capacity = this.#times.length * 2;
    const grown = <Typed extends Float64Array | Uint32Array | Int32Array | Uint8Array>(
      made: Typed,
      from: Typed,
    ): Typed => {
      made.set(from);
      return made;
    };
    this.#heap = grown(new Int32Array(capacity), this.#heap);
    this.#times = grown(new Float64Array(capacity), this.#times);
    this.#ties = grown(new Uint32Array(capacity), this.#ties);
    this.#sequences = grown(new Float64Array(capacity), this.#sequences);
    this.#kinds = grown(new Uint8Array(capacity), this.#kinds);
  }
}
