/** Waiting that an `AbortSignal` ends. */
import type { Timers } from "@flotilla/base";

/** `promise`, or a rejection with the reason of `signal`, whichever comes first. */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason);
      return;
    }
    const onAbort = (): void => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}

/** Resolves after `delayMs`; rejects with the reason of `signal`. */
export function sleep(timers: Timers, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason);
      return;
    }
    const onAbort = (): void => {
      cancel();
      reject(signal.reason);
    };
    const cancel = timers.after(delayMs, () => {
      signal.removeEventListener("abort", onAbort);
      resolve();
    });
    signal.addEventListener("abort", onAbort, { once: true });
  });
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
    const onAbort = (): void => controller.abort(source.reason);
    if (source.aborted) onAbort();
    source.addEventListener("abort", onAbort, { once: true });
    undo.push(() => source.removeEventListener("abort", onAbort));
  }
  return {
    signal: controller.signal,
    release: () => {
      for (const one of undo) one();
    },
  };
}
