/** Events: what a part of the system has to say about an object. Source: client-go tools/record. Pure. */
import { formatTime } from "./time.ts";
import type { Event, KubeObject } from "./types.ts";

/** What {@link newEvent} is told. */
export interface EventDetails {
  /** One word: "ScalingReplicaSet". */
  readonly reason: string;
  /** A sentence for a person; cut after 1024 characters. */
  readonly message: string;
  readonly type?: "Normal" | "Warning";
  /** The part that speaks: "deployment-controller". */
  readonly component: string;
  /** The machine it speaks from. */
  readonly host?: string;
  readonly nowMs: number;
}

/** Kubernetes' limit on the message of an event. */
const messageLengthMax = 1024;

/**
 * An event about `object`. Its name is made of the object's and the time in nanoseconds, in
 * hexadecimal: unique unless the same object gets two in one millisecond, so a caller that may do
 * that adds a suffix of its own. Events about cluster-scoped objects live in `default`.
 */
export function newEvent(object: KubeObject, details: EventDetails): Event {
  const { metadata } = object;
  const time = formatTime(details.nowMs);
  const nanoseconds = (BigInt(Math.floor(details.nowMs)) * 1_000_000n).toString(16);
  return {
    apiVersion: "v1",
    kind: "Event",
    metadata: {
      name: `${metadata.name}.${nanoseconds}`,
      namespace: metadata.namespace ?? "default",
    },
    involvedObject: {
      apiVersion: object.apiVersion,
      kind: object.kind,
      name: metadata.name,
      ...(metadata.namespace === undefined ? {} : { namespace: metadata.namespace }),
      ...(metadata.uid === undefined ? {} : { uid: metadata.uid }),
      ...(metadata.resourceVersion === undefined
        ? {}
        : { resourceVersion: metadata.resourceVersion }),
    },
    reason: details.reason,
    message: details.message.slice(0, messageLengthMax),
    source: {
      component: details.component,
      ...(details.host === undefined ? {} : { host: details.host }),
    },
    firstTimestamp: time,
    lastTimestamp: time,
    count: 1,
    type: details.type ?? "Normal",
    eventTime: null,
    reportingComponent: details.component,
    reportingInstance: details.host ?? "",
  };
}
