/** Node, Event, ConfigMap and Lease. Source: kubernetes pkg/apis/{core,coordination}/validation. Pure. */
import { utf8Size } from "@flotilla/base";
import { equalJson } from "../json.ts";
import type { ConfigMap, Event, Json, Lease, Node } from "../types.ts";
import {
  duplicate,
  type FieldCause,
  forbidden,
  invalid,
  required,
  tooLong,
} from "./field-cause.ts";
import { checkConfigMapKey, checkLabelValue, checkQualifiedName } from "./name-syntax.ts";
import { validateQuantity } from "./resource-list.ts";

/** A node: its taints and what it has. */
export function validateNode({ spec, status }: Node): FieldCause[] {
  const causes: FieldCause[] = [];
  const seen = new Set<string>();
  for (const [index, taint] of (spec?.taints ?? []).entries()) {
    const field = `spec.taints[${index}]`;
    const { key, value = "" } = taint;
    const effect: string = taint.effect ?? "";
    causes.push(...checkQualifiedName(key).map((text) => invalid(`${field}.key`, key, text)));
    causes.push(...checkLabelValue(value).map((text) => invalid(`${field}.value`, value, text)));
    if (effect === "") causes.push(required(`${field}.effect`));
    const pair = `${key}:${effect}`;
    if (seen.has(pair)) {
      const { field: path, reason, message } = duplicate(field, taint as unknown as Json);
      const detail = `${message}: taints must be unique by key and effect pair`;
      causes.push({ field: path, reason, message: detail });
    }
    seen.add(pair);
  }
  for (const part of ["capacity", "allocatable"] as const) {
    for (const [name, quantity] of Object.entries(status?.[part] ?? {})) {
      causes.push(...validateQuantity(quantity, `status.${part}.${name}`));
    }
  }
  return causes;
}

/** Where events about cluster-scoped objects may live. */
const systemNamespaces = ["", "default", "kube-system"];

/** An event lives where what it is about lives. */
export function validateEvent({ metadata, involvedObject }: Event): FieldCause[] {
  const about = involvedObject.namespace ?? "";
  const home = metadata.namespace ?? "";
  if (about === "" ? systemNamespaces.includes(home) : about === home) return [];
  return [invalid("involvedObject.namespace", about, "does not match event.namespace")];
}

/** Kubernetes' limit on all values of one config map. */
const configMapBytesMax = 1_048_576;

/** A config map, new or changed. */
export function validateConfigMap(configMap: ConfigMap, old?: ConfigMap): FieldCause[] {
  const { data = {}, binaryData = {} } = configMap;
  const causes: FieldCause[] = [];
  let size = 0;
  for (const [key, value] of Object.entries(data)) {
    const texts = checkConfigMapKey(key);
    causes.push(...texts.map((text) => invalid(`data[${key}]`, key, text)));
    if (Object.hasOwn(binaryData, key)) {
      causes.push(invalid(`data[${key}]`, key, "duplicate of key present in binaryData"));
    }
    size += utf8Size(value);
  }
  for (const [key, value] of Object.entries(binaryData)) {
    const texts = checkConfigMapKey(key);
    causes.push(...texts.map((text) => invalid(`binaryData[${key}]`, key, text)));
    size += Math.floor((value.length * 3) / 4); // base64
  }
  if (size > configMapBytesMax) causes.push(tooLong("[]", configMapBytesMax));
  return old?.immutable === true ? [...causes, ...validateImmutable(configMap, old)] : causes;
}

function validateImmutable(configMap: ConfigMap, old: ConfigMap): FieldCause[] {
  const detail = "field is immutable when `immutable` is set";
  const causes: FieldCause[] = [];
  if (configMap.immutable !== true) causes.push(forbidden("immutable", detail));
  for (const name of ["data", "binaryData"] as const) {
    if (!equalJson(configMap[name] ?? {}, old[name] ?? {})) causes.push(forbidden(name, detail));
  }
  return causes;
}

/** A lease: times that make sense. */
export function validateLease({ spec }: Lease): FieldCause[] {
  const causes: FieldCause[] = [];
  const { leaseDurationSeconds, leaseTransitions } = spec ?? {};
  if (leaseDurationSeconds !== undefined && leaseDurationSeconds <= 0) {
    const detail = "must be greater than 0";
    causes.push(invalid("spec.leaseDurationSeconds", leaseDurationSeconds, detail));
  }
  if (leaseTransitions !== undefined && leaseTransitions < 0) {
    const detail = "must be greater than or equal to 0";
    causes.push(invalid("spec.leaseTransitions", leaseTransitions, detail));
  }
  return causes;
}
