/**
 * One depth-first search for a linearization of operations on one key.
 *
 * Calls and returns stand in a doubly linked list in real-time order. An operation can come next if
 * no return stands before its call. It is then lifted out with its return; when the search comes to a
 * return that is still there, it went wrong somewhere and the last operation is put back.
 *
 * ```
 * a: |----|            list    a( b( a) c( b) c)      candidates: a, b
 * b:    |-----|        lift b  a( a) c( c)            candidates: a
 * c:        |---|
 * ```
 *
 * The cache holds every pair of (operations placed, state) that was tried: a second way to the same
 * pair leads nowhere new. Nor does a state that has left somebody behind: answers name revisions, and
 * who was told a lower one than the state's floor has no place any more. Without that, many writes at
 * once would be tried in every order. Pure.
 */
import { assert } from "@flotilla/base";
import type { Operation } from "./history.ts";
import type { Model } from "./linearizability.ts";

/** One pair that was tried. */
interface Tried {
  readonly placed: Uint32Array;
  readonly stateKey: string;
}

interface Frame<State> {
  readonly operation: number;
  /** Before it. */
  readonly state: State;
  /** It can change nothing and did fit: to place it later instead could not help. */
  readonly isFinal: boolean;
}

/**
 * Nodes of the list are numbers: the call of operation i is i, its return `count + i`, and the head,
 * which is the end as well, is `2 * count`.
 */
export class LinearizationSearch<State> {
  readonly #operations: readonly Operation[];
  readonly #model: Model<State>;
  readonly #count: number;
  readonly #head: number;
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  /** Bit set of the operations that are placed, and its hash. */
  readonly #placed: Uint32Array;
  #hash = 0;
  readonly #tried = new Map<number, Tried[]>();
  readonly #stack: Frame<State>[] = [];
  /** Those that have to be placed and were told a revision, the lowest first. */
  readonly #byRevision: readonly { readonly operation: number; readonly revision: number }[];
  /** All before this place in {@link #byRevision} are placed. */
  #lowest = 0;
  /** Operations with a return that are not placed yet. */
  #remaining = 0;

  /** `operations` in the order of their calls. */
  constructor(operations: readonly Operation[], model: Model<State>) {
    this.#operations = operations;
    this.#model = model;
    this.#count = operations.length;
    this.#head = 2 * this.#count;
    this.#next = new Int32Array(this.#head + 1);
    this.#previous = new Int32Array(this.#head + 1);
    this.#placed = new Uint32Array(Math.ceil(this.#count / 32));
    this.#byRevision = operations
      .map((each, operation) => ({ operation, revision: model.revisionOf(each) ?? Number.NaN }))
      .filter(({ operation, revision }) => this.#hasReturn(operation) && revision >= 0)
      .sort((left, right) => left.revision - right.revision);
    this.#link();
  }

  #link(): void {
    const moments: { readonly node: number; readonly sequence: number }[] = [];
    this.#operations.forEach(({ calledAt, returnedAt }, at) => {
      moments.push({ node: at, sequence: calledAt.sequence });
      if (returnedAt === undefined) return;
      assert(returnedAt.sequence > calledAt.sequence, "history: a return precedes its call");
      moments.push({ node: this.#count + at, sequence: returnedAt.sequence });
      this.#remaining++;
    });
    // Of equal moments the call comes first: what could overlap does.
    moments.sort((left, right) => left.sequence - right.sequence || left.node - right.node);
    let last = this.#head;
    for (const { node } of moments) {
      this.#next[last] = node;
      this.#previous[node] = last;
      last = node;
    }
    this.#next[last] = this.#head;
    this.#previous[this.#head] = last;
  }

  run(stepsMax: number): "possible" | "impossible" | "givenUp" {
    let state = this.#model.initial;
    let node = this.#after(this.#head);
    for (let steps = 0; this.#remaining > 0; steps++) {
      if (steps >= stepsMax) return "givenUp";
      if (node < this.#count) {
        const next = this.#model.step(state, this.#operationAt(node));
        if (next !== undefined && this.#place(node, state, next)) {
          state = next;
          node = this.#after(this.#head);
        } else {
          node = this.#after(node);
        }
        continue;
      }
      const frame = this.#takeBack();
      if (frame === undefined) return "impossible";
      state = frame.state;
      node = this.#after(frame.operation);
    }
    return "possible";
  }

  /** False when the same was tried before, or it is of no use. */
  #place(operation: number, state: State, next: State): boolean {
    const isUnchanged = next === state;
    if (isUnchanged && !this.#hasReturn(operation)) return false;
    const isFinal = isUnchanged && this.#model.changesNothing(this.#operationAt(operation));
    this.#flip(operation);
    if (this.#leavesBehind(next) || (!isFinal && !this.#isNew(next))) {
      this.#flip(operation);
      this.#lowest = 0;
      return false;
    }
    this.#stack.push({ operation, state, isFinal });
    this.#lift(operation);
    return true;
  }

  /** Puts back the last operation that could be placed elsewhere; undefined when there is none. */
  #takeBack(): Frame<State> | undefined {
    for (;;) {
      const frame = this.#stack.pop();
      if (frame === undefined) return undefined;
      this.#flip(frame.operation);
      this.#lowest = 0;
      this.#putBack(frame.operation);
      if (!frame.isFinal) return frame;
    }
  }

  /** Somebody who has to be placed fits in nowhere after `state`. */
  #leavesBehind(state: State): boolean {
    const byRevision = this.#byRevision;
    while (this.#lowest < byRevision.length) {
      const { operation, revision } = byRevision[this.#lowest] as (typeof byRevision)[number];
      if (!this.#isSet(operation)) return revision < this.#model.floorOf(state);
      this.#lowest++;
    }
    return false;
  }

  #isNew(state: State): boolean {
    const stateKey = this.#model.keyOf(state);
    const bucket = this.#tried.get(this.#hash);
    if (bucket === undefined) {
      this.#tried.set(this.#hash, [{ placed: this.#placed.slice(), stateKey }]);
      return true;
    }
    for (const tried of bucket) {
      if (tried.stateKey === stateKey && this.#isPlaced(tried.placed)) return false;
    }
    bucket.push({ placed: this.#placed.slice(), stateKey });
    return true;
  }

  #isPlaced(placed: Uint32Array): boolean {
    for (let at = 0; at < placed.length; at++) {
      if (placed[at] !== this.#placed[at]) return false;
    }
    return true;
  }

  #isSet(operation: number): boolean {
    return ((this.#placed[operation >>> 5] as number) & (1 << (operation & 31))) !== 0;
  }

  #flip(operation: number): void {
    const at = operation >>> 5;
    this.#placed[at] = (this.#placed[at] as number) ^ (1 << (operation & 31));
    this.#hash ^= scatter(operation);
  }

  #lift(operation: number): void {
    this.#unlink(operation);
    if (!this.#hasReturn(operation)) return;
    this.#unlink(this.#count + operation);
    this.#remaining--;
  }

  /** The exact reverse of `#lift`: each node still knows its neighbours. */
  #putBack(operation: number): void {
    if (this.#hasReturn(operation)) {
      this.#relink(this.#count + operation);
      this.#remaining++;
    }
    this.#relink(operation);
  }

  #unlink(node: number): void {
    const previous = this.#previous[node] as number;
    const next = this.#next[node] as number;
    this.#next[previous] = next;
    this.#previous[next] = previous;
  }

  #relink(node: number): void {
    this.#next[this.#previous[node] as number] = node;
    this.#previous[this.#next[node] as number] = node;
  }

  #hasReturn(operation: number): boolean {
    return this.#operationAt(operation).returnedAt !== undefined;
  }

  #operationAt(operation: number): Operation {
    return this.#operations[operation] as Operation;
  }

  #after(node: number): number {
    return this.#next[node] as number;
  }
}

/** 32 bits that look random, different for each number (the finaliser of MurmurHash3). */
function scatter(number: number): number {
  let hash = number + 1;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
