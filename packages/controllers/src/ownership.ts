/**
 * Who controls what: adoption of orphans and release of what no longer matches.
 *
 * Source: Kubernetes pkg/controller/controller_ref_manager.go. Pure.
 */
import {
  apiVersionOf,
  controllerOf,
  type KubeObject,
  type LabelSelector,
  type OwnerReference,
  type Resource,
  selects,
} from "@flotilla/objects";
import type { Sequence } from "./decision.ts";

/** A reference that makes `owner` the controller of what carries it. */
export function controllerReference(resource: Resource, owner: KubeObject): OwnerReference {
  return {
    apiVersion: apiVersionOf(resource),
    kind: resource.kind,
    name: owner.metadata.name,
    uid: owner.metadata.uid ?? "",
    controller: true,
    blockOwnerDeletion: true,
  };
}

export interface ClaimRequest<T extends KubeObject> {
  readonly owner: KubeObject;
  readonly ownerResource: Resource;
  readonly selector: LabelSelector;
  readonly resource: Resource<T>;
  /** Everything in the owner's namespace. */
  readonly candidates: readonly T[];
}

export interface Claims<T extends KubeObject> {
  /** Controlled by the owner and matching. What is adopted now counts when it is seen the next time. */
  readonly owned: readonly T[];
  /** Adoptions and releases to write. */
  readonly sequences: readonly Sequence[];
}

/** Decides what belongs to an owner. An owner that is being deleted adopts nothing. */
export function decideClaims<T extends KubeObject>(request: ClaimRequest<T>): Claims<T> {
  const { owner, ownerResource, selector, resource, candidates } = request;
  const owned: T[] = [];
  const sequences: Sequence[] = [];
  const write = (object: T, ownerReferences: OwnerReference[]) =>
    sequences.push([
      {
        kind: "update",
        resource,
        object: { ...object, metadata: { ...object.metadata, ownerReferences } },
      },
    ]);

  for (const candidate of candidates) {
    const references = candidate.metadata.ownerReferences ?? [];
    const controller = controllerOf(candidate);
    const matches = selects(selector, candidate.metadata.labels);
    if (controller?.uid === owner.metadata.uid) {
      if (matches) owned.push(candidate);
      else if (!isBeingDeleted(candidate)) {
        write(
          candidate,
          references.filter(({ uid }) => uid !== owner.metadata.uid),
        ); // Release.
      }
    } else if (controller === undefined && matches) {
      if (isBeingDeleted(owner) || isBeingDeleted(candidate)) continue;
      write(candidate, [...references, controllerReference(ownerResource, owner)]); // Adopt.
    }
  }
  return { owned, sequences };
}

/** True once a deletion was asked for. */
export function isBeingDeleted(object: KubeObject): boolean {
  return object.metadata.deletionTimestamp !== undefined;
}
