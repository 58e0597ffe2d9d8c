/**
 * The port through which controllers, scheduler and agents use Kubernetes objects.
 *
 * Two implementations: over HTTPS (this package), and in process beside the leader (kube-api), where
 * every write is fenced by the leader's term.
 */
import type { Json, KubeObject, Resource } from "@flotilla/objects";

/** Names one object; `namespace` is left out for cluster-scoped kinds. */
export interface ObjectName {
  readonly namespace?: string;
  readonly name: string;
}

/** Expected ends of a request that are not success. `message` is the server's, fit for a person. */
export type Refusal =
  | { readonly kind: "notFound"; readonly message: string }
  | { readonly kind: "alreadyExists"; readonly message: string }
  /** The object changed since it was read: read it again and decide anew. */
  | { readonly kind: "conflict"; readonly message: string }
  /** Not valid, or not allowed: doing it again does not help. */
  | { readonly kind: "invalid"; readonly message: string }
  /** In process only: this leader's term is over. Stop. */
  | { readonly kind: "fenced"; readonly message: string };

export type WriteOutcome<T> = { readonly kind: "ok"; readonly object: T } | Refusal;

export interface ListOptions {
  /** All namespaces when left out. */
  readonly namespace?: string;
  /** Kubernetes syntax: "app=web,tier!=db". */
  readonly labelSelector?: string;
  /** "spec.nodeName=n1". */
  readonly fieldSelector?: string;
}

export interface ObjectList<T> {
  readonly items: readonly T[];
  readonly resourceVersion: string;
}

export type ObjectEvent<T> =
  | { readonly kind: "added" | "modified" | "deleted"; readonly object: T }
  /** History is gone: list again, and watch from there. The watch is over. */
  | { readonly kind: "expired" };

export interface WatchOptions extends ListOptions {
  /** Events after this one. */
  readonly resourceVersion: string;
  readonly signal: AbortSignal;
}

/** Typed objects. Every method may throw `ClientError` (network, server failure) or AbortError. */
export interface ObjectClient {
  get<T extends KubeObject>(resource: Resource<T>, name: ObjectName): Promise<T | undefined>;
  list<T extends KubeObject>(resource: Resource<T>, options?: ListOptions): Promise<ObjectList<T>>;
  /** Ends when the signal aborts, the connection ends (list and watch again), or after `expired`. */
  watch<T extends KubeObject>(
    resource: Resource<T>,
    options: WatchOptions,
  ): AsyncIterable<ObjectEvent<T>>;
  create<T extends KubeObject>(resource: Resource<T>, object: T): Promise<WriteOutcome<T>>;
  /** Replaces all but status; refused with `conflict` when `metadata.resourceVersion` is not the present one. */
  update<T extends KubeObject>(resource: Resource<T>, object: T): Promise<WriteOutcome<T>>;
  /** Replaces the status (and, on pods, lets annotations change with it); `conflict` as in `update`. */
  updateStatus<T extends KubeObject>(resource: Resource<T>, object: T): Promise<WriteOutcome<T>>;
  /** JSON merge patch (RFC 7396). */
  patch<T extends KubeObject>(
    resource: Resource<T>,
    name: ObjectName,
    patch: Json,
    options?: { readonly subresource?: "status" | "scale" },
  ): Promise<WriteOutcome<T>>;
  /**
   * Deletes. A pod that is bound to a node is only marked (`deletionTimestamp`) unless
   * `gracePeriodSeconds` is 0: its agent stops it and then deletes it with 0.
   */
  delete<T extends KubeObject>(
    resource: Resource<T>,
    name: ObjectName,
    options?: {
      readonly uid?: string;
      readonly resourceVersion?: string;
      readonly gracePeriodSeconds?: number;
    },
  ): Promise<WriteOutcome<T | undefined>>;
  /** Binds a pod to a node; `conflict` when it is bound already. */
  bind(
    pod: ObjectName & { readonly uid?: string },
    nodeName: string,
  ): Promise<WriteOutcome<undefined>>;
}
