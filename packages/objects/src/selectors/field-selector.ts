/**
 * Field selectors: "spec.nodeName=n1,status.phase!=Running". Each kind knows a few fields.
 *
 * Source: apimachinery pkg/fields (grammar, messages), kubernetes pkg/apis/core/v1/conversion.go
 * (which fields). Pure.
 */
import type { Resource } from "../resources.ts";
import type { Json, KubeObject } from "../types.ts";

/** One condition on one field. */
export interface FieldRequirement {
  readonly field: string;
  readonly operator: "=" | "!=";
  readonly value: string;
}

export type FieldSelectorOutcome =
  | { readonly kind: "ok"; readonly requirements: readonly FieldRequirement[] }
  /** `message` is fit for the client: answer 400 BadRequest. */
  | { readonly kind: "badRequest"; readonly message: string };

const fieldsByKind: Readonly<Record<string, readonly string[]>> = {
  Pod: [
    "metadata.name",
    "metadata.namespace",
    "spec.nodeName",
    "spec.restartPolicy",
    "spec.schedulerName",
    "spec.serviceAccountName",
    "spec.hostNetwork",
    "status.phase",
    "status.podIP",
    "status.podIPs",
    "status.nominatedNodeName",
  ],
  Node: ["metadata.name", "spec.unschedulable"],
  Namespace: ["metadata.name", "status.phase"],
  Service: ["metadata.name", "metadata.namespace", "spec.clusterIP", "spec.type"],
  Event: [
    "metadata.name",
    "metadata.namespace",
    "involvedObject.kind",
    "involvedObject.namespace",
    "involvedObject.name",
    "involvedObject.uid",
    "involvedObject.apiVersion",
    "involvedObject.resourceVersion",
    "involvedObject.fieldPath",
    "reason",
    "reportingComponent",
    "source",
    "type",
  ],
};
const fieldsOfAll = ["metadata.name", "metadata.namespace"];
/** Fields that are true or false, and "false" when absent. */
const flags = new Set(["spec.hostNetwork", "spec.unschedulable"]);

/** Parses the text of a `fieldSelector` query parameter; empty selects everything. */
export function parseFieldSelector(resource: Resource, text: string): FieldSelectorOutcome {
  const known = fieldsByKind[resource.kind];
  const requirements: FieldRequirement[] = [];
  for (const term of splitTerms(text)) {
    if (term === "") continue;
    const parts = /^(.*?)(!=|==|=)([\s\S]*)$/.exec(term);
    if (parts === null) {
      return refuse(`invalid selector: '${text}'; can't understand '${term}'`);
    }
    const [, field = "", operator, escaped = ""] = parts;
    const value = unescaped(escaped);
    if (typeof value === "number") {
      return refuse(`invalid field selector: unescaped character in value: ${value}`);
    }
    if (known === undefined && !fieldsOfAll.includes(field)) {
      const quoted = `"metadata.name", "metadata.namespace"`;
      return refuse(`${JSON.stringify(field)} is not a known field selector: only ${quoted}`);
    }
    if (known !== undefined && !known.includes(field)) {
      return refuse(`field label not supported: ${field}`);
    }
    requirements.push({ field, operator: operator === "!=" ? "!=" : "=", value });
  }
  return { kind: "ok", requirements };
}

/** True when the object satisfies every requirement. */
export function matchesFields(
  requirements: readonly FieldRequirement[],
  object: KubeObject,
): boolean {
  return requirements.every(
    ({ field, operator, value }) => (fieldOf(object, field) === value) === (operator === "="),
  );
}

function fieldOf(object: KubeObject, field: string): string {
  if (field === "source") return fieldOf(object, "source.component");
  if (field === "status.podIPs") return podIpsOf(object);
  let at: Json | undefined = object as unknown as Json;
  for (const name of field.split(".")) {
    at = isRecord(at) ? at[name] : undefined;
  }
  if (flags.has(field)) return String(at ?? false);
  return typeof at === "string" ? at : "";
}

function podIpsOf(object: KubeObject): string {
  const { status } = object as { status?: { podIPs?: { ip: string }[] } };
  return status?.podIPs?.map(({ ip }) => ip).join(",") ?? "";
}

function isRecord(json: Json | undefined): json is { [key: string]: Json } {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}

/** Splits at commas that no backslash escapes. */
function splitTerms(text: string): string[] {
  return text.match(/(?:\\[\s\S]|[^,\\])+|\\$/g) ?? [];
}

/** The value without its backslashes, or the code of a character that lacks one. */
function unescaped(text: string): string | number {
  const bare = /^(?:\\[\s\S]|[^\\,=])*/.exec(text)?.[0] ?? "";
  if (bare.length < text.length) return text.charCodeAt(bare.length);
  return text.replace(/\\([\s\S])/g, "$1");
}

function refuse(message: string): FieldSelectorOutcome {
  return { kind: "badRequest", message };
}
