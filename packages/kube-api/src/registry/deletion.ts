/**
 * What a delete request does to an object. Pure.
 *
 * Source: apiserver pkg/registry/rest/delete.go (BeforeDelete), kubernetes
 * pkg/registry/core/pod/strategy.go (CheckGracefulDelete).
 */
import { formatTime, type KubeObject, type Pod, parseTime, type Resource } from "@flotilla/objects";

export interface DeleteOptions {
  readonly gracePeriodSeconds?: number;
  readonly uid?: string;
  readonly resourceVersion?: string;
  /** Background is the default. Foreground is served as Background: the owner goes first. */
  readonly propagationPolicy?: "Background" | "Foreground" | "Orphan";
}

export type Deletion =
  | { readonly kind: "remove" }
  /** It stays until its agent or the owners of its finalizers are done. */
  | { readonly kind: "mark"; readonly object: KubeObject }
  /** Marked already, and nothing about it changes. */
  | { readonly kind: "none" };

const podGraceSecondsDefault = 30;

/** Decides for an object whose preconditions hold. */
export function decideDeletion(
  resource: Resource,
  object: KubeObject,
  options: DeleteOptions,
  nowMs: number,
): Deletion {
  const asked = graceOf(resource, object, options);
  const {
    deletionTimestamp,
    deletionGracePeriodSeconds: marked = 0,
    finalizers = [],
  } = object.metadata;
  if (deletionTimestamp === undefined) {
    if (asked === 0 && finalizers.length === 0) return { kind: "remove" };
    return { kind: "mark", object: mark(object, nowMs + asked * 1000, asked, true) };
  }
  const grace = Math.min(asked, marked); // It can only become shorter.
  if (grace === 0 && finalizers.length === 0) return { kind: "remove" };
  if (grace === marked) return { kind: "none" };
  const startMs = (parseTime(deletionTimestamp) ?? nowMs) - marked * 1000;
  return { kind: "mark", object: mark(object, startMs + grace * 1000, grace, false) };
}

/** Seconds that a pod is given to stop; 0 where nothing runs that could be stopped. */
function graceOf(resource: Resource, object: KubeObject, options: DeleteOptions): number {
  if (resource.plural !== "pods") return 0;
  const { spec, status } = object as Pod;
  if (!spec.nodeName) return 0;
  if (status?.phase === "Succeeded" || status?.phase === "Failed") return 0;
  const seconds =
    options.gracePeriodSeconds ?? spec.terminationGracePeriodSeconds ?? podGraceSecondsDefault;
  return seconds < 0 ? 1 : seconds;
}

function mark(object: KubeObject, atMs: number, graceSeconds: number, isNew: boolean): KubeObject {
  const { generation } = object.metadata;
  return {
    ...object,
    metadata: {
      ...object.metadata,
      ...(generation === undefined || !isNew ? {} : { generation: generation + 1 }),
      deletionTimestamp: formatTime(atMs),
      deletionGracePeriodSeconds: graceSeconds,
    },
  };
}
