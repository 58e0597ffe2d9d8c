/**
 * Object metadata: names, labels, annotations, owners, finalizers, and what never changes.
 *
 * Source: apimachinery pkg/api/validation/objectmeta.go. Pure.
 */
import { utf8Size } from "@flotilla/base";
import { equalJson } from "../json.ts";
import type { Json, ObjectMeta, StringMap } from "../types.ts";
import { type FieldCause, forbidden, invalid, required, tooLong } from "./field-cause.ts";
import { checkLabelValue, checkQualifiedName } from "./name-syntax.ts";

/** A check of {@link file://./name-syntax.ts}. */
export type NameCheck = (value: string) => string[];

/** Kubernetes' limit on all annotations of one object. */
const annotationBytesMax = 262_144;

/** Checks for creation and update alike. */
export function validateMetadata(metadata: ObjectMeta, checkName: NameCheck): FieldCause[] {
  const { generateName, name } = metadata;
  const causes: FieldCause[] = [];
  if (generateName !== undefined && generateName !== "") {
    for (const text of checkName(withValidEnd(generateName))) {
      causes.push(invalid("metadata.generateName", generateName, text));
    }
  }
  if (name === undefined || name === "") {
    causes.push(required("metadata.name", "name or generateName is required"));
  } else for (const text of checkName(name)) causes.push(invalid("metadata.name", name, text));
  causes.push(
    ...validateLabels(metadata.labels, "metadata.labels"),
    ...validateAnnotations(metadata.annotations),
    ...validateOwners(metadata),
    ...validateFinalizers(metadata.finalizers ?? []),
  );
  return causes;
}

/** The suffix comes after a last "-", which alone would not be a valid end. */
function withValidEnd(base: string): string {
  let end = base.length;
  while (base[end - 1] === "-") end--;
  return end === base.length ? base : `${base.slice(0, end)}a`;
}

/** What an update may not change. `metadata` has been prepared: what was left out is filled in. */
export function validateMetadataUpdate(metadata: ObjectMeta, old: ObjectMeta): FieldCause[] {
  const causes: FieldCause[] = [];
  if (old.deletionTimestamp !== undefined) {
    const before = new Set(old.finalizers);
    const added = (metadata.finalizers ?? []).filter((name) => !before.has(name));
    if (added.length > 0) {
      const detail = `no new finalizers can be added if the object is being deleted, found new finalizers [${added.map((name) => JSON.stringify(name)).join(", ")}]`;
      causes.push(forbidden("metadata.finalizers", detail));
    }
  }
  for (const name of [
    "name",
    "namespace",
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
  ] as const) {
    if ((metadata[name] ?? "") !== (old[name] ?? "")) {
      causes.push(invalid(`metadata.${name}`, metadata[name], "field is immutable"));
    }
  }
  return causes;
}

/** Label keys and values; also node selectors and service selectors, which are of the same kind. */
export function validateLabels(labels: StringMap | undefined, field: string): FieldCause[] {
  const causes: FieldCause[] = [];
  for (const [key, value] of Object.entries(labels ?? {})) {
    for (const text of checkQualifiedName(key)) causes.push(invalid(field, key, text));
    for (const text of checkLabelValue(value)) causes.push(invalid(field, value, text));
  }
  return causes;
}

function validateAnnotations(annotations: StringMap | undefined): FieldCause[] {
  const field = "metadata.annotations";
  const causes: FieldCause[] = [];
  let size = 0;
  for (const [key, value] of Object.entries(annotations ?? {})) {
    for (const text of checkQualifiedName(key.toLowerCase()))
      causes.push(invalid(field, key, text));
    size += utf8Size(key) + utf8Size(value);
  }
  if (size > annotationBytesMax) causes.push(tooLong(field, annotationBytesMax));
  return causes;
}

function validateOwners(metadata: ObjectMeta): FieldCause[] {
  const field = "metadata.ownerReferences";
  const owners = metadata.ownerReferences ?? [];
  const causes: FieldCause[] = [];
  for (const owner of owners) {
    if (owner.apiVersion === "") {
      causes.push(invalid(`${field}.apiVersion`, "", "version must not be empty"));
    }
    for (const name of ["kind", "name", "uid"] as const) {
      if (owner[name] === "") causes.push(invalid(`${field}.${name}`, "", "must not be empty"));
    }
  }
  const [first, second] = owners.filter((owner) => owner.controller === true);
  if (first !== undefined && second !== undefined) {
    const names = `${first.kind}/${first.name} and ${second.kind}/${second.name}`;
    const detail = `Only one reference can have Controller set to true. Found "true" in references for ${names}`;
    causes.push(invalid(field, owners as unknown as Json, detail));
  }
  return causes;
}

const standardFinalizers = ["kubernetes", "orphan", "foregroundDeletion"];

function validateFinalizers(finalizers: readonly string[]): FieldCause[] {
  const causes: FieldCause[] = [];
  for (const name of finalizers) {
    for (const text of checkQualifiedName(name)) {
      causes.push(invalid("metadata.finalizers", name, text));
    }
  }
  for (const [index, name] of finalizers.entries()) {
    if (name.includes("/") || standardFinalizers.includes(name)) continue;
    const detail = "name is neither a standard finalizer name nor is it fully qualified";
    causes.push(invalid(`metadata.finalizers[${index}]`, name, detail));
  }
  return causes;
}

/** A cause unless both say the same. */
export function immutable(
  field: string,
  value: Json | undefined,
  old: Json | undefined,
): FieldCause[] {
  return equalJson(value ?? null, old ?? null) ? [] : [invalid(field, value, "field is immutable")];
}
