/** Follows the cluster's events and prints one line each, for a person who watches. */
import { setTimeout as sleep } from "node:timers/promises";
import type { ObjectClient } from "@flotilla/client";
import { type Event, events } from "@flotilla/objects";

const retryMs = 500;

/** Prints events from now on until the signal aborts; rides over members that come and go. */
export async function followEvents(client: ObjectClient, signal: AbortSignal): Promise<void> {
  let resourceVersion: string | undefined;
  while (!signal.aborted) {
    try {
      resourceVersion ??= (await client.list(events)).resourceVersion;
      for await (const event of client.watch(events, { resourceVersion, signal })) {
        if (event.kind === "expired") {
          resourceVersion = undefined;
          break;
        }
        resourceVersion = event.object.metadata.resourceVersion ?? resourceVersion;
        if (event.kind !== "deleted") process.stdout.write(`${lineOf(event.object)}\n`);
      }
    } catch {
      // No member answers at the moment, or Ctrl-C: the loop's condition tells which.
    }
    await sleep(retryMs, undefined, { signal }).catch(() => {});
  }
}

/** "12:03:01 Warning NodeNotReady node/n2: Node is not ready". */
export function lineOf(event: Event): string {
  const time = (event.lastTimestamp ?? event.eventTime ?? "").slice(11, 19);
  const { kind = "", name = "" } = event.involvedObject;
  return `${time} ${event.type ?? "Normal"} ${event.reason ?? ""} ${kind.toLowerCase()}/${name}: ${event.message ?? ""}`;
}
