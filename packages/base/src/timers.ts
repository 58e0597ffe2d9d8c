/** Timers out of what the host offers. Pure: the host's functions come in as an argument. */
import type { Timers } from "./ports.ts";

/** `globalThis` is one, in Node and in a browser. */
export interface TimerHost<Handle> {
  setTimeout(callback: () => void, delayMs: number): Handle;
  clearTimeout(timer: Handle): void;
}

/** Longest delay of `setTimeout`, in milliseconds; a longer one would fire at once. */
const delayMsMax = 2 ** 31 - 1;

/** Timers of a host. In Node they do not keep the process alive, unless `keepAlive`: sockets do. */
export function timersOf<Handle>(
  host: TimerHost<Handle>,
  options: { readonly keepAlive?: boolean } = {},
): Timers {
  return {
    after(delayMs, callback) {
      const timer = host.setTimeout(callback, Math.min(Math.ceil(delayMs), delayMsMax));
      if (options.keepAlive !== true) (timer as { unref?: () => void }).unref?.();
      return () => host.clearTimeout(timer);
    },
  };
}
