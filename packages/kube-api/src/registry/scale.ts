/** The `/scale` subresource: how many replicas, seen the same way for every kind that has them. Pure. */
import {
  type Deployment,
  formatLabelSelector,
  type Json,
  type KubeObject,
  type ReplicaSet,
  requirementsOf,
} from "@flotilla/objects";
import { ApiError, badRequest } from "../errors.ts";

/** autoscaling/v1 Scale. */
export interface Scale extends KubeObject {
  readonly spec: { readonly replicas?: number };
  readonly status: { readonly replicas: number; readonly selector?: string };
}

type Scalable = Deployment | ReplicaSet;

/** The Scale of an object that has replicas. */
export function scaleOf(object: KubeObject): Scale {
  const { metadata, spec, status } = object as Scalable;
  const { name, namespace, uid, resourceVersion, creationTimestamp } = metadata;
  return {
    kind: "Scale",
    apiVersion: "autoscaling/v1",
    metadata: {
      name,
      ...(namespace === undefined ? {} : { namespace }),
      ...(uid === undefined ? {} : { uid }),
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
      ...(creationTimestamp === undefined ? {} : { creationTimestamp }),
    },
    spec: spec.replicas ? { replicas: spec.replicas } : {},
    status: {
      replicas: status?.replicas ?? 0,
      selector: formatLabelSelector(requirementsOf(spec.selector)),
    },
  };
}

/** The object with the replicas of a submitted Scale, and with its preconditions. */
export function applyScale(object: KubeObject, submitted: Json): KubeObject {
  const scale = submitted as Partial<Scale> | null;
  const { name } = object.metadata;
  if (typeof scale !== "object" || scale === null || Array.isArray(scale)) {
    throw badRequest("the object provided is unrecognized (must be of type Scale)");
  }
  if (scale.kind !== undefined && scale.kind !== "Scale") {
    throw badRequest(`${scale.kind} cannot be handled as a Scale`);
  }
  checkName(scale.metadata?.name, name);
  const replicas = scale.spec?.replicas ?? 0;
  if (typeof replicas !== "number" || !Number.isSafeInteger(replicas)) {
    throw badRequest(
      `Scale in version "v1" cannot be handled as a Scale: json: cannot unmarshal ${typeof replicas} into Go struct field ScaleSpec.spec.replicas of type int32`,
    );
  }
  if (replicas < 0) throw negativeReplicas(name, replicas);
  const { resourceVersion: _, ...metadata } = object.metadata;
  const { resourceVersion, uid } = scale.metadata ?? {};
  return {
    ...object,
    metadata: {
      ...metadata,
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
      ...(uid === undefined ? {} : { uid }),
    },
    spec: { ...(object as Scalable).spec, replicas },
  } as KubeObject;
}

function checkName(given: string | undefined, name: string): void {
  if (given === name) return;
  throw badRequest(
    given === undefined || given === ""
      ? `the name of the object (${name} based on URL) was undeterminable: name must be provided`
      : `the name of the object (${given}) does not match the name on the URL (${name})`,
  );
}

function negativeReplicas(name: string, replicas: number): ApiError {
  const message = `Invalid value: ${replicas}: must be greater than or equal to 0`;
  const cause = { reason: "FieldValueInvalid", message, field: "spec.replicas" };
  const text = `Scale.autoscaling ${JSON.stringify(name)} is invalid: spec.replicas: ${message}`;
  return new ApiError("Invalid", text, {
    details: { name, group: "autoscaling", kind: "Scale", causes: [cause] },
  });
}
