/**
 * What is wrong with one field, in the words of Kubernetes' `field.Error`, and the message that sums
 * up several.
 *
 * Source: apimachinery pkg/util/validation/field/errors.go, pkg/api/errors. Pure.
 */
import type { Resource } from "../resources.ts";
import type { Json } from "../types.ts";

/** One entry of `Status.details.causes`. */
export interface FieldCause {
  /** "spec.template.spec.containers[0].image" */
  readonly field: string;
  readonly reason: FieldCauseReason;
  /** "Required value" */
  readonly message: string;
}

export type FieldCauseReason =
  | "FieldValueRequired"
  | "FieldValueInvalid"
  | "FieldValueNotSupported"
  | "FieldValueDuplicate"
  | "FieldValueForbidden"
  | "FieldValueNotFound"
  | "FieldValueTooLong"
  | "FieldValueTooMany";

/** The field must be there. */
export function required(field: string, detail = ""): FieldCause {
  const message = detail === "" ? "Required value" : `Required value: ${detail}`;
  return { field, reason: "FieldValueRequired", message };
}

/** The value is wrong; `detail` says what it must be. */
export function invalid(field: string, value: Json | undefined, detail: string): FieldCause {
  const message = `Invalid value: ${JSON.stringify(value ?? null)}: ${detail}`;
  return { field, reason: "FieldValueInvalid", message };
}

/** The value is none of those allowed. */
export function notSupported(
  field: string,
  value: Json | undefined,
  supported: readonly string[],
): FieldCause {
  const list = supported.map((item) => JSON.stringify(item)).join(", ");
  const message = `Unsupported value: ${JSON.stringify(value ?? "")}: supported values: ${list}`;
  return { field, reason: "FieldValueNotSupported", message };
}

/** The value was there already. */
export function duplicate(field: string, value: Json): FieldCause {
  const message = `Duplicate value: ${JSON.stringify(value)}`;
  return { field, reason: "FieldValueDuplicate", message };
}

/** The field must not be set, here or now. */
export function forbidden(field: string, detail: string): FieldCause {
  return { field, reason: "FieldValueForbidden", message: `Forbidden: ${detail}` };
}

/** What the field names does not exist. */
export function notFound(field: string, value: Json): FieldCause {
  const message = `Not found: ${JSON.stringify(value)}`;
  return { field, reason: "FieldValueNotFound", message };
}

/** More bytes than allowed. */
export function tooLong(field: string, bytesMax: number): FieldCause {
  const message = `Too long: may not be more than ${bytesMax} bytes`;
  return { field, reason: "FieldValueTooLong", message };
}

/** `Deployment.apps "web" is invalid: spec.replicas: Invalid value: ...`: the message of a 422. */
export function invalidMessage(
  resource: Resource,
  name: string,
  causes: readonly FieldCause[],
): string {
  const kind = resource.group === "" ? resource.kind : `${resource.kind}.${resource.group}`;
  const texts = new Set(causes.map(({ field, message }) => `${field}: ${message}`));
  const list = [...texts].join(", ");
  return `${kind} ${JSON.stringify(name)} is invalid: ${texts.size === 1 ? list : `[${list}]`}`;
}
