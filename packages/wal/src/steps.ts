/**
 * Sequences of disk operations that read from top to bottom, over a port of callbacks. Pure.
 *
 * A sequence is a generator that yields operations; {@link runSteps} starts each, and goes on with
 * what it gave. Nothing here waits in any other way, so that whoever owns the disk owns time.
 *
 * ```ts
 * function* replace(disk: Disk, from: string, to: string): Steps<void> {
 *   yield* step<void>((done) => disk.rename(from, to, done)); // throws what the disk reports
 *   yield* step<void>((done) => disk.syncDirectory("/log", done));
 * }
 * ```
 */
import { InvariantError } from "@flotilla/base";
import type { Done } from "./disk.ts";

/** An operation that is ready to be started. */
export type Step<Value> = (done: Done<Value>) => void;

/** A sequence of operations that ends with a result, or throws. */
export type Steps<Result> = Generator<Step<unknown>, Result, unknown>;

/** One operation of a sequence: gives its value, throws its error. */
export function* step<Value>(start: Step<Value>): Steps<Value> {
  return (yield start) as Value; // `runSteps` resumes with what `start` gave.
}

/** Runs a sequence; `done` gets its result or what it threw. A bug is not caught. */
export function runSteps<Result>(steps: Steps<Result>, done: Done<Result>): void {
  const proceed: Done<unknown> = (error, value) => {
    let next: IteratorResult<Step<unknown>, Result>;
    try {
      next = error === undefined ? steps.next(value) : steps.throw(error);
    } catch (failure) {
      if (failure instanceof InvariantError) throw failure;
      done(failure, undefined as Result); // `Done`: no value beside an error.
      return;
    }
    if (next.done === true) done(undefined, next.value);
    else next.value(proceed);
  };
  proceed(undefined, undefined);
}
