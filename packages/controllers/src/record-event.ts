/**
 * Events: what happened, for people.
 *
 * The name of an Event is derived from what it says, so that a repetition finds the one before and
 * counts it up, also after a change of leader and without any memory here. Their number is bounded
 * by the API's time to live (1 h).
 */
import type { ObjectClient, WriteOutcome } from "@flotilla/client";
import { type Event, events, type Json, newEvent, stableHash } from "@flotilla/objects";
import type { Action } from "./decision.ts";

export interface RecordEventDeps {
  /** Who speaks: "deployment-controller". */
  readonly component: string;
  readonly client: ObjectClient;
  readonly wallNowMs: () => number;
}

/** Writes or counts up one Event. Only `fenced` is a failure: an event is never worth a retry. */
export async function recordEvent(
  deps: RecordEventDeps,
  action: Extract<Action, { kind: "event" }>,
): Promise<WriteOutcome<unknown>> {
  const event = eventOf(deps.component, action, deps.wallNowMs());
  const { name, namespace = "default" } = event.metadata;
  try {
    const created = await deps.client.create(events, event);
    if (created.kind === "fenced") return created;
    if (created.kind === "alreadyExists") {
      const before = await deps.client.get(events, { namespace, name });
      const counted = await deps.client.patch(
        events,
        { namespace, name },
        {
          count: (before?.count ?? 1) + 1,
          lastTimestamp: event.lastTimestamp as Json,
        },
      );
      if (counted.kind === "fenced") return counted;
    }
  } catch {
    // Best effort: the deed is done, and its story may be lost.
  }
  return { kind: "ok", object: undefined };
}

/** The Event object of its first occurrence. */
export function eventOf(
  component: string,
  action: Extract<Action, { kind: "event" }>,
  nowMs: number,
): Event {
  const { about, type, reason, message } = action;
  const event = newEvent(about, { type, reason, message, component, nowMs });
  const hash = stableHash([about.metadata.uid ?? "", type, reason, message]);
  const metadata = { ...event.metadata, name: `${about.metadata.name}.${hash}` };
  return { ...event, metadata };
}
