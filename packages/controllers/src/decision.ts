/**
 * What a controller answers: writes to make, and when to look again. Data only; see execute.ts for
 * who performs it.
 */
import type { EventRecord, ObjectName } from "@flotilla/client";
import type { Json, KubeObject, Resource } from "@flotilla/objects";

export type Action =
  | { readonly kind: "create"; readonly resource: Resource; readonly object: KubeObject }
  /** Refused when the object has changed since it was read. */
  | { readonly kind: "update"; readonly resource: Resource; readonly object: KubeObject }
  /** As `update`, of the status alone. */
  | { readonly kind: "updateStatus"; readonly resource: Resource; readonly object: KubeObject }
  /** JSON merge patch, unconditional: only for fields that nobody else writes. */
  | {
      readonly kind: "patch";
      readonly resource: Resource;
      readonly name: ObjectName;
      readonly patch: Json;
    }
  | {
      readonly kind: "delete";
      readonly resource: Resource;
      readonly object: KubeObject;
      /** 0 removes at once; left out = as the object says. */
      readonly gracePeriodSeconds?: number;
    }
  /** Best effort; repetitions are counted on one Event object. */
  | ({ readonly kind: "event" } & EventRecord)
  /** Tells the admins. */
  | {
      readonly kind: "alert";
      readonly message: string;
      readonly fields: Readonly<Record<string, string | number>>;
    };

/** Performed in order; the first write that is refused ends it, so an event follows its deed only. */
export type Sequence = readonly Action[];

export interface Decision {
  /** Independent of each other. Empty: the world is as it should be. */
  readonly sequences: readonly Sequence[];
  /** Look again after this time even if nothing changes. */
  readonly requeueAfterMs?: number;
}

/** Nothing to do until something changes. */
export const settled: Decision = { sequences: [] };

/** The earlier of two moments, either of which may be "never". */
export function earliest(left: number | undefined, right: number | undefined): number | undefined {
  if (left === undefined) return right;
  return right === undefined ? left : Math.min(left, right);
}

/** A decision whose requeue time may be "never". */
export function decision(
  sequences: readonly Sequence[],
  requeueAfterMs: number | undefined,
): Decision {
  return requeueAfterMs === undefined ? { sequences } : { sequences, requeueAfterMs };
}
