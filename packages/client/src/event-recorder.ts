/**
 * Events: what happened to an object, for people. Source: client-go tools/record.
 *
 * The name of an Event is derived from what it says, so that a repetition finds the one before and
 * counts it up, also after a change of leader and without any memory here. Their number is bounded
 * by the API's time to live (1 h).
 */
import {
  type Event,
  events,
  type Json,
  type KubeObject,
  newEvent,
  stableHash,
} from "@flotilla/objects";
import type { ObjectClient, WriteOutcome } from "./object-client.ts";

/** Through which {@link recordEvent} writes, and in whose name. */
export interface EventRecorder {
  /** Who speaks: "deployment-controller". */
  readonly component: string;
  readonly client: Pick<ObjectClient, "create" | "get" | "patch">;
  readonly wallNowMs: () => number;
}

/** What an Event says. */
export interface EventRecord {
  readonly about: KubeObject;
  readonly type: "Normal" | "Warning";
  /** One word: "ScalingReplicaSet". */
  readonly reason: string;
  /** A sentence for a person. */
  readonly message: string;
}

/** Writes or counts up one Event. Only `fenced` is a failure: an event is never worth a retry. */
export async function recordEvent(
  { component, client, wallNowMs }: EventRecorder,
  record: EventRecord,
): Promise<WriteOutcome<unknown>> {
  const event = eventOf(component, record, wallNowMs());
  const { name, namespace = "default" } = event.metadata;
  try {
    const created = await client.create(events, event);
    if (created.kind === "fenced") return created;
    if (created.kind === "alreadyExists") {
      const before = await client.get(events, { namespace, name });
      const counted = await client.patch(
        events,
        { namespace, name },
        { count: (before?.count ?? 1) + 1, lastTimestamp: event.lastTimestamp as Json },
      );
      if (counted.kind === "fenced") return counted;
    }
  } catch {
    // Best effort: the deed is done, and its story may be lost.
  }
  return { kind: "ok", object: undefined };
}

/** The Event object of its first occurrence. */
function eventOf(component: string, record: EventRecord, nowMs: number): Event {
  const { about, type, reason, message } = record;
  const event = newEvent(about, { type, reason, message, component, nowMs });
  const hash = stableHash([about.metadata.uid ?? "", type, reason, message]);
  return { ...event, metadata: { ...event.metadata, name: `${about.metadata.name}.${hash}` } };
}
