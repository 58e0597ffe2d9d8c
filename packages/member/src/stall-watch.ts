/** Tells the log when the event loop stood still: everything in this process did. */
import { monitorEventLoopDelay } from "node:perf_hooks";
import type { Logger } from "@flotilla/base";
import { stallLookMs, stallMsMax } from "./limits.ts";

const nsPerMs = 1e6;

/** Watches until the returned function is called. */
export function watchStalls(
  logger: Logger,
  after: (delayMs: number, callback: () => void) => () => void,
): () => void {
  const delay = monitorEventLoopDelay({ resolution: 20 });
  delay.enable();
  const look = (): void => {
    const maxMs = Math.round(delay.max / nsPerMs);
    if (maxMs > stallMsMax) logger.warn("the event loop stood still", { maxMs });
    delay.reset();
    cancel = after(stallLookMs, look);
  };
  let cancel = after(stallLookMs, look);
  return () => {
    cancel();
    delay.disable();
  };
}
