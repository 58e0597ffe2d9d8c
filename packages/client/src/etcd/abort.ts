/** Waiting that an `AbortSignal` ends. */
import { setMaxListeners } from "node:events";
import type { Timers } from "@flotilla/base";

/** `promise`, or a rejection with the reason of `signal`, whichever comes first. */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason);
      return;
    }
    const stopListening = listen(signal, () => reject(signal.reason));
    promise.then(resolve, reject).finally(stopListening);
  });
}

/** Calls back once `signal` aborts: at once when it has. Returns how to stop listening. */
export function onAborted(signal: AbortSignal, callback: () => void): () => void {
  if (signal.aborted) {
    callback();
    return () => {};
  }
  return listen(signal, callback);
}

/** Resolves after `delayMs`; rejects with the reason of `signal`. */
export function sleep(timers: Timers, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason);
      return;
    }
    const stopListening = listen(signal, () => {
      cancel();
      reject(signal.reason);
    });
    const cancel = timers.after(delayMs, () => {
      stopListening();
      resolve();
    });
  });
}

/** Any number of calls may wait for the same signal: Node.js would take eleven for a leak. */
function listen(signal: AbortSignal, callback: () => void): () => void {
  setMaxListeners(0, signal);
  signal.addEventListener("abort", callback, { once: true });
  return () => signal.removeEventListener("abort", callback);
}

/** One signal for several, until it is released. */
export interface LinkedSignal {
  readonly signal: AbortSignal;
  /** Lets go of the signals that it follows: some of them live as long as the program. */
  release(): void;
}

/**
 * Aborts when any of these does, with its reason; what is undefined never does. Not
 * `AbortSignal.any`, which leaves something behind at its sources with each call.
 */
export function linkSignals(...sources: readonly (AbortSignal | undefined)[]): LinkedSignal {
  const controller = new AbortController();
  const undo: (() => void)[] = [];
  for (const source of sources) {
    if (source === undefined) continue;
    undo.push(onAborted(source, () => controller.abort(source.reason)));
  }
  return {
    signal: controller.signal,
    release: () => {
      for (const one of undo) one();
    },
  };
}
