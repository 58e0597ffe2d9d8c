/**
 * What is written along with an object: a service's addresses, the lease that an event or a
 * heartbeat ends with.
 */
import type { KubeObject, Lease, Resource, Service } from "@flotilla/objects";
import type { StoredValue, Transaction, WriteOptions } from "../storage.ts";
import { invalid } from "./admission.ts";
import type { RegistryContext } from "./context.ts";
import { grantLease } from "./event-leases.ts";
import { allocate, release } from "./service-allocation.ts";

/** Leases in it are the heartbeats of nodes. */
export const heartbeatNamespace = "kube-node-lease";

export interface Companions {
  /** The object, completed with what was allocated. */
  readonly object: KubeObject;
  readonly transaction: Transaction;
  /** The store lease that the object's key is attached to; 0 when none. */
  readonly lease: bigint;
}

/** Nothing but the object itself. */
export const nothingBeside: Transaction = { expect: [], puts: [], deletes: [] };

/** Everything that has to be written with `object`; `old` and `stored` are its present state. */
export async function companionsOf(
  context: RegistryContext,
  resource: Resource,
  object: KubeObject,
  present: { readonly object: KubeObject; readonly stored: StoredValue } | undefined,
  options: WriteOptions & { readonly dryRun?: boolean },
): Promise<Companions> {
  if (resource.plural === "services") {
    const { storage, random } = context;
    const view = { random, taken: (key: string) => storage.get(key) !== undefined };
    const outcome = allocate(view, object as Service, present?.object as Service | undefined);
    if (outcome.kind === "invalid") throw invalid(resource, object.metadata.name, outcome.causes);
    return { object: outcome.service, transaction: outcome.transaction, lease: 0n };
  }
  const lease = options.dryRun ? 0n : await leaseFor(context, resource, object, present, options);
  return { object, transaction: nothingBeside, lease };
}

/** What goes away together with an object. */
export function releaseOf(object: KubeObject): Transaction {
  return object.kind === "Service" ? release(object as Service) : nothingBeside;
}

async function leaseFor(
  context: RegistryContext,
  resource: Resource,
  object: KubeObject,
  present: { readonly object: KubeObject; readonly stored: StoredValue } | undefined,
  options: WriteOptions,
): Promise<bigint> {
  const { storage, random, eventLeases } = context;
  if (resource.plural === "events") return eventLeases.at(context.wallClockMs());
  if (!isHeartbeat(resource, object.metadata.namespace)) return 0n;
  const ttlSeconds = durationOf(object);
  if (ttlSeconds === 0) return 0n;
  if (
    present !== undefined &&
    present.stored.lease !== 0n &&
    durationOf(present.object) === ttlSeconds
  ) {
    const renewed = await storage.renewLease(present.stored.lease, options.signal);
    if (renewed === "renewed") return present.stored.lease;
  }
  return grantLease(storage, random, ttlSeconds, options);
}

/** True for the Lease objects that nodes renew. */
export function isHeartbeat(resource: Resource, namespace: string | undefined): boolean {
  return resource.plural === "leases" && namespace === heartbeatNamespace;
}

function durationOf(object: KubeObject): number {
  return (object as Lease).spec?.leaseDurationSeconds ?? 0;
}
