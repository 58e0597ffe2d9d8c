/**
 * Heartbeats of nodes: an update that only moves `spec.renewTime` costs no write.
 *
 * The object's key is attached to a store lease of its own duration. Renewing it is the leader's
 * affair and goes into no log; when a node stops, the lease ends, the object disappears, and whoever
 * watches sees it deleted. So the stored `renewTime` is that of the last real write.
 */
import { canonicalJson, type KubeObject, type Lease } from "@flotilla/objects";
import { notFound } from "../errors.ts";
import { isHeartbeat } from "./companions.ts";
import type { RegistryContext, Target } from "./context.ts";
import { keyOf } from "./keys.ts";

/** Renews, and returns the object as the client expects it; undefined when this is a change of more. */
export async function renewHeartbeat(
  context: RegistryContext,
  target: Target,
  submitted: KubeObject,
  signal?: AbortSignal,
): Promise<KubeObject | undefined> {
  if (!isHeartbeat(target.resource, target.namespace)) return undefined;
  const { storage, cache } = context;
  const key = keyOf(target.resource, target.namespace, target.name);
  for (let confirmed = false; ; confirmed = true) {
    const stored = storage.get(key);
    const current = stored && (cache.decode(stored)?.object as Lease | undefined);
    if (stored !== undefined && current !== undefined) {
      if (stored.lease === 0n || !isOnlyRenewed(current, submitted as Lease)) return undefined;
      const outcome = await storage.renewLease(stored.lease, signal);
      if (outcome === "renewed") return renewed(current, submitted as Lease);
    }
    // Gone, unless what is here is old and it was created anew elsewhere.
    if (confirmed) throw notFound(target.resource, target.name);
    await storage.barrier(signal);
  }
}

function renewed(current: Lease, submitted: Lease): Lease {
  const { renewTime } = submitted.spec ?? {};
  return {
    ...current,
    spec: { ...current.spec, ...(renewTime === undefined ? {} : { renewTime }) },
  };
}

function isOnlyRenewed(current: Lease, submitted: Lease): boolean {
  const { resourceVersion, uid } = submitted.metadata;
  if (resourceVersion !== undefined && resourceVersion !== current.metadata.resourceVersion)
    return false;
  if (uid !== undefined && uid !== current.metadata.uid) return false;
  return canonicalJson(steadyPart(current)) === canonicalJson(steadyPart(submitted));
}

/** What a heartbeat leaves alone and a client may have set. */
function steadyPart(lease: Lease): unknown {
  const { labels = {}, annotations = {}, ownerReferences = [], finalizers = [] } = lease.metadata;
  const { renewTime: _, ...spec } = lease.spec ?? {};
  return { labels, annotations, ownerReferences, finalizers, spec };
}
