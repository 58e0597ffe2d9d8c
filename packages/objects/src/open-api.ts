/**
 * OpenAPI v3, one document for each group and version, made from the schema table.
 *
 * kubectl asks for it before `create -f` and `apply`: a patch operation of the kind that has a
 * `fieldValidation` parameter tells it that the server validates. `kubectl explain` shows the schemas.
 * Source: kubernetes /openapi/v3. Pure; make it once and keep it, it never changes.
 */

import type { JsonRecord } from "./json.ts";
import { allResources, apiVersionOf, type Resource } from "./resources.ts";
import type { Field, FieldType, Message, Scalar } from "./schema/notation.ts";
import { messageNamed, messageOf } from "./schema/table.ts";
import type { Json } from "./types.ts";

/** The document of "v1" or "apps/v1"; undefined when nothing is served there. */
export function openApiV3(groupVersion: string): Json | undefined {
  const resources = allResources.filter((resource) => apiVersionOf(resource) === groupVersion);
  if (resources.length === 0) return undefined;
  const schemas: JsonRecord = {};
  for (const resource of resources) addSchema(schemas, messageOf(resource), resource);
  if (groupVersion === "v1") {
    for (const name of ["Binding", "DeleteOptions"]) addSchema(schemas, messageNamed(name));
  }
  return {
    openapi: "3.0.0",
    info: { title: "Kubernetes", version: "v1.36.0" },
    paths: Object.fromEntries(resources.map((resource) => [pathOf(resource), pathItem(resource)])),
    components: { schemas },
  };
}

function pathOf(resource: Resource): string {
  const root = resource.group === "" ? "/api" : `/apis/${resource.group}`;
  const namespace = resource.namespaced ? "/namespaces/{namespace}" : "";
  return `${root}/${resource.version}${namespace}/${resource.plural}/{name}`;
}

function pathItem(resource: Resource): Json {
  const schema = { $ref: reference(messageOf(resource)) };
  const responses = {
    "200": { description: "OK", content: { "application/json": { schema } } },
  };
  const query = (name: string): Json => ({
    name,
    in: "query",
    schema: { type: "string", uniqueItems: true },
  });
  const kind = { "x-kubernetes-group-version-kind": groupVersionKind(resource) };
  const inPath = (name: string): Json => ({
    name,
    in: "path",
    required: true,
    schema: { type: "string", uniqueItems: true },
  });
  const writeQueries = ["dryRun", "fieldManager", "fieldValidation"].map(query);
  return {
    parameters: resource.namespaced ? [inPath("name"), inPath("namespace")] : [inPath("name")],
    get: { "x-kubernetes-action": "get", ...kind, responses },
    put: { "x-kubernetes-action": "put", ...kind, parameters: writeQueries, responses },
    patch: {
      "x-kubernetes-action": "patch",
      ...kind,
      parameters: [...writeQueries, query("force")],
      responses,
    },
    delete: { "x-kubernetes-action": "delete", ...kind, responses },
  };
}

function groupVersionKind({ group, version, kind }: Resource): JsonRecord {
  return { group, version, kind };
}

function schemaName(message: Message): string {
  return `${message.package}.${message.name}`;
}

function reference(message: Message): string {
  return `#/components/schemas/${schemaName(message)}`;
}

/** Adds a message and all that it holds. */
function addSchema(schemas: JsonRecord, message: Message, resource?: Resource): void {
  const name = schemaName(message);
  if (name in schemas) return;
  const properties: JsonRecord = {};
  schemas[name] = { type: "object", properties };
  if (resource !== undefined) {
    properties["apiVersion"] = { type: "string" };
    properties["kind"] = { type: "string" };
  }
  const requiredNames: string[] = [];
  for (const field of message.fields.values()) {
    properties[field.name] = propertyOf(field);
    if (field.required) requiredNames.push(field.name);
    const inner = innermost(field.type);
    if (inner.kind === "message") addSchema(schemas, inner.message);
  }
  schemas[name] = {
    type: "object",
    ...(descriptions[message.name] === undefined
      ? {}
      : { description: descriptions[message.name] ?? "" }),
    ...(requiredNames.length === 0 ? {} : { required: requiredNames }),
    properties,
    ...(resource === undefined
      ? {}
      : { "x-kubernetes-group-version-kind": [groupVersionKind(resource)] }),
  };
}

function innermost(type: FieldType): FieldType {
  return type.kind === "list" || type.kind === "map" ? innermost(type.of) : type;
}

function propertyOf(field: Field): Json {
  const property: JsonRecord = { ...schemaOf(field.type) };
  if (field.default !== undefined) property["default"] = field.default;
  if (field.listKeys.length > 0) {
    property["x-kubernetes-list-map-keys"] = [...field.listKeys];
    property["x-kubernetes-list-type"] = "map";
  } else if (field.type.kind === "list") {
    property["x-kubernetes-list-type"] = field.set ? "set" : "atomic";
  }
  if (field.atomic) property["x-kubernetes-map-type"] = "atomic";
  if (field.mergeKey !== undefined && field.mergeKey !== "") {
    property["x-kubernetes-patch-merge-key"] = field.mergeKey;
  }
  const strategies = [
    ...(field.mergeKey === undefined ? [] : ["merge"]),
    ...(field.retainKeys ? ["retainKeys"] : []),
  ];
  if (strategies.length > 0) property["x-kubernetes-patch-strategy"] = strategies.join(",");
  return property;
}

function schemaOf(type: FieldType): JsonRecord {
  switch (type.kind) {
    case "scalar":
      return scalarSchemas[type.scalar];
    case "enumeration":
      return { type: "string", enum: [...type.values] };
    case "message":
      return { allOf: [{ $ref: reference(type.message) }] };
    case "list":
      return { type: "array", items: schemaOf(type.of) };
    case "map":
      return { type: "object", additionalProperties: schemaOf(type.of) };
  }
}

const scalarSchemas: Readonly<Record<Scalar, JsonRecord>> = {
  string: { type: "string" },
  int32: { type: "integer", format: "int32" },
  int64: { type: "integer", format: "int64" },
  bool: { type: "boolean" },
  bytes: { type: "string", format: "byte" },
  quantity: { oneOf: [{ type: "string" }, { type: "number" }] },
  time: { type: "string", format: "date-time" },
  microtime: { type: "string", format: "date-time" },
  intstr: { oneOf: [{ type: "integer" }, { type: "string" }], format: "int-or-string" },
  json: { type: "object" },
};

/** What `kubectl explain` says first about a kind. */
const descriptions: Readonly<Record<string, string>> = {
  ConfigMap: "Configuration that pods read: text by key.",
  Deployment: "Keeps a number of equal pods running, and replaces them step by step.",
  EndpointSlice: "The addresses behind a service.",
  Event: "Something that happened to an object, for people to read.",
  Lease: "A claim that must be renewed: a heartbeat, or a lock.",
  Namespace: "A scope for names.",
  Node: "A machine that runs pods.",
  ObjectMeta: "What every object has: name, labels, owners, times.",
  Pod: "Containers that run together on one node.",
  PodSpec: "What a pod should be.",
  PodStatus: "What a pod is.",
  PodTemplateSpec: "What pods are made from.",
  ReplicaSet: "Keeps a number of pods of one template running.",
  Service: "One address for many pods.",
};
