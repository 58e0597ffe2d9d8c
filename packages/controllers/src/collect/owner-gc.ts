/**
 * Removes what belonged to something that is gone: `kubectl delete deployment` takes the ReplicaSets
 * and their pods with it.
 *
 * Source: Kubernetes pkg/controller/garbagecollector, Background propagation. Owners are recognised by
 * uid: a namesake created since is not the owner. Pure decision and thin controller.
 */
import { objectKey } from "@flotilla/client";
import {
  allResources,
  apiVersionOf,
  events,
  type KubeObject,
  type OwnerReference,
  type Resource,
} from "@flotilla/objects";
import { type Controller, type Seen, wakeOn } from "../controller.ts";
import { type Decision, settled } from "../decision.ts";
import { isBeingDeleted } from "../ownership.ts";
import { sameJson } from "../same-json.ts";

/** What became of each owner: of a kind that is not served here nothing is known. */
export type OwnerState = "present" | "gone" | "unknown";

/** Decides about one object with owner references. */
export function decideOwnerGc(
  resource: Resource,
  object: KubeObject,
  stateOf: (owner: OwnerReference) => OwnerState,
): Decision {
  const owners = object.metadata.ownerReferences ?? [];
  const left = owners.filter((owner) => stateOf(owner) !== "gone");
  if (left.length === owners.length || isBeingDeleted(object)) return settled;
  if (left.length === 0) return { sequences: [[{ kind: "delete", resource, object }]] };
  const metadata = { ...object.metadata, ownerReferences: left };
  return { sequences: [[{ kind: "update", resource, object: { ...object, metadata } }]] };
}

/** Everything but events: these have no owners, and are many. */
const collected = allResources.filter((resource) => resource !== (events as Resource));

/** The owner garbage collector; its keys are "<plural> <object key>". */
export const ownerGcController: Controller = {
  name: "owner-gc",
  wakes: collected.map((resource) =>
    wakeOn(resource, ({ kind, object, previous }, seen) => {
      if (kind === "deleted") return dependentsOf(object, seen);
      const owners = object.metadata.ownerReferences ?? [];
      const isKnown = sameJson(previous?.metadata.ownerReferences, owners);
      return owners.length === 0 || isKnown ? [] : [`${resource.plural} ${objectKey(object)}`];
    }),
  ),
  async reconcile({ client }, key) {
    const [plural, path = ""] = key.split(" ");
    const resource = collected.find((each) => each.plural === plural);
    if (resource === undefined) return settled;
    const object = await client.get(resource, objectNameOf(resource, path));
    if (object === undefined) return settled;
    const states = new Map<string, OwnerState>();
    for (const owner of object.metadata.ownerReferences ?? []) {
      const ownerResource = resourceOf(owner);
      // What belongs to no namespace cannot have an owner in one: such a reference says nothing.
      if (ownerResource === undefined || (ownerResource.namespaced && !resource.namespaced))
        continue;
      const { namespace = "" } = object.metadata;
      const name = { ...(ownerResource.namespaced ? { namespace } : {}), name: owner.name };
      const found = await client.get(ownerResource, name);
      states.set(owner.uid, found?.metadata.uid === owner.uid ? "present" : "gone");
    }
    return decideOwnerGc(resource, object, ({ uid }) => states.get(uid) ?? "unknown");
  },
};

/** Keys of everything that names the deleted `owner` as owner. O(objects). */
function dependentsOf(owner: KubeObject, seen: Seen): string[] {
  const keys: string[] = [];
  // Pods own nothing here, and are deleted all the time.
  if (owner.kind === "Pod") return keys;
  for (const resource of collected) {
    for (const object of seen.all(resource)) {
      const owners = object.metadata.ownerReferences ?? [];
      if (owners.some(({ uid }) => uid === owner.metadata.uid)) {
        keys.push(`${resource.plural} ${objectKey(object)}`);
      }
    }
  }
  return keys;
}

function objectNameOf(resource: Resource, path: string): { namespace?: string; name: string } {
  const slash = path.indexOf("/");
  if (!resource.namespaced || slash < 0) return { name: path };
  return { namespace: path.slice(0, slash), name: path.slice(slash + 1) };
}

function resourceOf(owner: OwnerReference): Resource | undefined {
  return collected.find(
    (resource) => resource.kind === owner.kind && apiVersionOf(resource) === owner.apiVersion,
  );
}
