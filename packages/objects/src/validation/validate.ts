/**
 * Validation of every kind: what is wrong with an object before it is stored.
 *
 * Takes an object that has been decoded, defaulted and prepared. Pure.
 */
import type { Resource } from "../resources.ts";
import { messageOf } from "../schema/table.ts";
import type {
  ConfigMap,
  Deployment,
  EndpointSlice,
  Event,
  Json,
  KubeObject,
  Lease,
  Node,
  Pod,
  ReplicaSet,
  Service,
} from "../types.ts";
import { validateConfigMap, validateEvent, validateLease, validateNode } from "./core-kinds.ts";
import { validateEnumerations } from "./enumerations.ts";
import type { FieldCause } from "./field-cause.ts";
import { type NameCheck, validateMetadata, validateMetadataUpdate } from "./metadata.ts";
import { checkDnsLabel, checkDnsSubdomain } from "./name-syntax.ts";
import { validatePodSpec, validatePodUpdate } from "./pod.ts";
import { validateEndpointSlice, validateService } from "./service.ts";
import { validateDeployment, validateReplicaSet } from "./workload.ts";

type Check = (object: KubeObject, old: KubeObject | undefined) => FieldCause[];

const checks: Readonly<Record<string, Check>> = {
  Pod: (object, old) => [
    ...validatePodSpec((object as Pod).spec, "spec"),
    ...(old === undefined ? [] : validatePodUpdate(object as Pod, old as Pod)),
  ],
  Deployment: (object, old) => validateDeployment(object as Deployment, old as Deployment),
  ReplicaSet: (object, old) => validateReplicaSet(object as ReplicaSet, old as ReplicaSet),
  Service: (object, old) => validateService(object as Service, old as Service),
  EndpointSlice: (object, old) =>
    validateEndpointSlice(object as EndpointSlice, old as EndpointSlice),
  Node: (object) => validateNode(object as Node),
  Event: (object) => validateEvent(object as Event),
  ConfigMap: (object, old) => validateConfigMap(object as ConfigMap, old as ConfigMap),
  Lease: (object) => validateLease(object as Lease),
};

const nameChecks: Readonly<Record<string, NameCheck>> = {
  Namespace: (name) => (name.includes(".") ? ["must not contain dots"] : checkDnsLabel(name)),
  Service: checkDnsLabel,
};

/** Everything that is wrong with the object; for an update, pass what it replaces. */
export function validate<T extends KubeObject>(
  resource: Resource<T>,
  object: T,
  old?: T,
): FieldCause[] {
  const causes = validateMetadata(object.metadata, nameChecks[resource.kind] ?? checkDnsSubdomain);
  if (old !== undefined) causes.push(...validateMetadataUpdate(object.metadata, old.metadata));
  causes.push(...(checks[resource.kind]?.(object, old) ?? []));
  causes.push(...validateEnumerations(messageOf(resource), object as unknown as Json));
  return causes;
}
