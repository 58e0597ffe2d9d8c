/** Between promises, which a process and its API speak, and callbacks, which the replica speaks. */
import type { Cancel } from "@flotilla/replica";

/** Calls `done` with nothing, or with what went wrong, once `action` has ended. */
export function afterwards(action: Promise<unknown>, done: (error: unknown) => void): void {
  void action.then(
    () => done(undefined),
    (error: unknown) => done(error),
  );
}

/** Resolves with what `start` calls back with. Rejects only with AbortError. */
export function promised<Outcome>(
  signal: AbortSignal | undefined,
  start: (done: (outcome: Outcome) => void) => Cancel,
): Promise<Outcome> {
  // Most callers cannot give up, and each put and read comes through here.
  if (signal === undefined) return new Promise((resolve) => void start(resolve));
  if (signal.aborted) return Promise.reject(abortError());
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      cancel();
      reject(abortError());
    };
    const cancel = start((outcome) => {
      signal.removeEventListener("abort", onAbort);
      resolve(outcome);
    });
    signal.addEventListener("abort", onAbort, { once: true });
  });
}

/** The same as `action`, until it is given up: rejects with AbortError then, and leaves it alone. */
export function orAborted<T>(action: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return action;
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(abortError());
    signal.addEventListener("abort", onAbort, { once: true });
    void action.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}

function abortError(): DOMException {
  return new DOMException("The request was given up", "AbortError");
}
