/** Requests and limits. Source: kubernetes pkg/apis/core/validation. Pure. */
import { compareQuantities, parseQuantity } from "../quantity.ts";
import type { Container, Quantity } from "../types.ts";
import { type FieldCause, invalid, required } from "./field-cause.ts";
import { checkQualifiedName } from "./name-syntax.ts";

const standard = ["cpu", "memory", "ephemeral-storage"];

/** A container's resources: known names, nothing negative, requests within limits. */
export function validateResources(
  { requests = {}, limits = {} }: NonNullable<Container["resources"]>,
  field: string,
): FieldCause[] {
  const causes = [
    ...validateList(limits, `${field}.limits`),
    ...validateList(requests, `${field}.requests`),
  ];
  for (const [name, request] of Object.entries(requests)) {
    const limit = limits[name];
    if (limit === undefined) {
      if (!isOvercommitted(name)) {
        const detail = "Limit must be set for non overcommitable resources";
        causes.push(required(`${field}.limits`, detail));
      }
    } else if (!isOvercommitted(name) && compareQuantities(request, limit) !== 0) {
      const detail = `must be equal to ${name} limit of ${limit}`;
      causes.push(invalid(`${field}.requests`, request, detail));
    } else if ((compareQuantities(request, limit) ?? 0) > 0) {
      const detail = `must be less than or equal to ${name} limit of ${limit}`;
      causes.push(invalid(`${field}.requests`, request, detail));
    }
  }
  return causes;
}

function validateList(list: Readonly<Record<string, Quantity>>, field: string): FieldCause[] {
  return Object.entries(list).flatMap(([name, quantity]) => [
    ...validateResourceName(name, `${field}[${name}]`),
    ...validateQuantity(quantity, `${field}[${name}]`),
    ...(isOvercommitted(name) || Number.isInteger(parseQuantity(quantity) ?? 0)
      ? []
      : [invalid(`${field}[${name}]`, quantity, "must be an integer")]),
  ]);
}

function validateResourceName(name: string, field: string): FieldCause[] {
  const causes = checkQualifiedName(name).map((text) => invalid(field, name, text));
  if (name.includes("/")) return causes;
  if (standard.includes(name) || name.startsWith("hugepages-")) return causes;
  if (!quotaNames.includes(name)) {
    causes.push(invalid(field, name, "must be a standard resource type or fully qualified"));
  }
  return [...causes, invalid(field, name, "must be a standard resource for containers")];
}

const quotaNames = [
  "pods",
  "services",
  "secrets",
  "configmaps",
  "persistentvolumeclaims",
  "storage",
];

/** Nothing negative. */
export function validateQuantity(quantity: Quantity, field: string): FieldCause[] {
  if ((parseQuantity(quantity) ?? -1) >= 0) return [];
  return [invalid(field, quantity, "must be greater than or equal to 0")];
}

/** More of it may be asked for than there is; devices and huge pages are handed out whole. */
function isOvercommitted(name: string): boolean {
  return !name.startsWith("hugepages-") && (!name.includes("/") || name.includes("kubernetes.io/"));
}
