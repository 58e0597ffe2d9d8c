/**
 * JSON from a client -> an object of a known kind.
 *
 * Does what Go's decoder and encoder do to an object between a client and etcd: refuses wrong types
 * and (strictly) unknown fields, drops nulls and what says nothing (`hostNetwork: false`), and puts
 * quantities, times and the order of fields into their canonical form. The messages are Kubernetes'.
 *
 * Source: apimachinery pkg/runtime/serializer/json; observed answers of kube-apiserver 1.36. Pure.
 */
import { isRecord, isTooDeep, type JsonRecord } from "./json.ts";
import { canonicalQuantity } from "./quantity.ts";
import { allResources, apiVersionOf, type Resource } from "./resources.ts";
import type { Field, FieldType, Message, Scalar } from "./schema/notation.ts";
import { messageOf } from "./schema/table.ts";
import { formatMicroTime, formatTime, parseTime } from "./time.ts";
import type { Json, KubeObject } from "./types.ts";

/** What happens to unknown fields: an error, a warning each, or nothing. They are dropped anyway. */
export type FieldValidation = "Strict" | "Warn" | "Ignore";

export type DecodeOutcome<T extends KubeObject = KubeObject> =
  /** `warnings` go into `Warning: 299` headers. */
  | { readonly kind: "ok"; readonly object: T; readonly warnings: readonly string[] }
  /** Answer 400 BadRequest. */
  | { readonly kind: "badRequest"; readonly message: string };

/** More unknown fields than this are not listed one by one. */
const unknownFieldsMax = 50;

/** Decodes the body of a request for `resource`. Takes no part of `json` into the result. */
export function decodeObject<T extends KubeObject>(
  resource: Resource<T>,
  json: Json,
  options: { readonly fieldValidation: FieldValidation },
): DecodeOutcome<T> {
  const problem = wrongKind(resource, json);
  if (problem !== undefined) return { kind: "badRequest", message: problem };
  const record = json as JsonRecord;
  const decoder = new Decoder();
  const body = decoder.message(messageOf(resource), withoutType(record), { strict: "", go: "" });
  const { kind } = resource;
  const prefix = `${kind} in version "${resource.version}" cannot be handled as a ${kind}: `;
  if (decoder.problem !== undefined) {
    return { kind: "badRequest", message: prefix + decoder.problem };
  }
  const unknown = decoder.unknown.map((path) => `unknown field "${path}"`);
  if (unknown.length > 0 && options.fieldValidation === "Strict") {
    return { kind: "badRequest", message: `${prefix}strict decoding error: ${unknown.join(", ")}` };
  }
  return {
    kind: "ok",
    object: { kind, apiVersion: apiVersionOf(resource), ...body } as unknown as T,
    warnings: options.fieldValidation === "Warn" ? unknown : [],
  };
}

function withoutType(record: JsonRecord): JsonRecord {
  const { apiVersion: _version, kind: _kind, ...rest } = record;
  return rest;
}

/** Missing apiVersion and kind mean those of the resource. */
function wrongKind(resource: Resource, json: Json): string | undefined {
  const expected = `the object provided is unrecognized (must be of type ${resource.kind})`;
  if (!isRecord(json)) {
    const go = `cannot unmarshal ${jsonTypeOf(json)} into Go value of type struct`;
    return `${expected}: couldn't get version/kind; json parse error: json: ${go}`;
  }
  for (const name of ["apiVersion", "kind"]) {
    const value = json[name] ?? "";
    if (typeof value === "string") continue;
    const go = `cannot unmarshal ${jsonTypeOf(value)} into Go struct field .${name} of type string`;
    return `${expected}: couldn't get version/kind; json parse error: json: ${go}`;
  }
  const apiVersion = (json["apiVersion"] || apiVersionOf(resource)) as string;
  const kind = (json["kind"] || resource.kind) as string;
  if (apiVersion !== apiVersionOf(resource) || kind !== resource.kind) {
    return otherKind(resource, apiVersion, kind);
  }
  return isTooDeep(json) ? `${expected}: json parse error: exceeded max depth` : undefined;
}

/** Kubernetes' words for an object of another kind, registered or not. */
function otherKind(resource: Resource, apiVersion: string, kind: string): string {
  const version = apiVersion.slice(apiVersion.indexOf("/") + 1);
  const handled = `${kind} in version "${version}" cannot be handled as a ${resource.kind}: `;
  const isRegistered = allResources.some(
    (other) => other.kind === kind && apiVersionOf(other) === apiVersion,
  );
  if (!isRegistered) return `${handled}no kind "${kind}" is registered for version "${apiVersion}"`;
  const internal = `${resource.group.split(".")[0] || "core"}.${resource.kind}`;
  return `${handled}converting (${version}.${kind}) to (${internal}): unknown conversion`;
}

function jsonTypeOf(json: Json): string {
  if (json === null) return "null";
  if (Array.isArray(json)) return "array";
  return typeof json === "boolean" ? "bool" : typeof json;
}

/** Where a value stands: as strict decoding writes it, and as Go's type errors do. */
interface Place {
  /** "spec.containers[0].image" */
  readonly strict: string;
  /** "spec.containers.image", inlined structs included */
  readonly go: string;
  /** "Container.": the struct that has the field. */
  readonly struct?: string;
}

/** Walks a value along the table; keeps the first type error and every unknown field. */
class Decoder {
  problem: string | undefined;
  readonly unknown: string[] = [];

  message(message: Message, record: JsonRecord, place: Place): JsonRecord {
    const decoded = new Map<string, Json>();
    for (const [name, value] of Object.entries(record)) {
      if (this.problem !== undefined) break;
      const strict = place.strict === "" ? name : `${place.strict}.${name}`;
      const field = message.fields.get(name);
      if (field === undefined) {
        if (this.unknown.length < unknownFieldsMax) this.unknown.push(strict);
        continue;
      }
      if (value === null) continue;
      const path = [...field.inlined, name].join(".");
      const go = place.go === "" ? path : `${place.go}.${path}`;
      const result = this.#value(field.type, value, { strict, go, struct: message.name });
      if (result !== undefined && !isDropped(field, result)) decoded.set(name, result);
    }
    return this.#inTableOrder(message, decoded, place);
  }

  #inTableOrder(message: Message, decoded: ReadonlyMap<string, Json>, place: Place): JsonRecord {
    const ordered: JsonRecord = {};
    for (const field of message.fields.values()) {
      const value = decoded.get(field.name);
      if (value !== undefined) ordered[field.name] = value;
      else if (field.always) ordered[field.name] = this.#zero(field.type, place);
    }
    return ordered;
  }

  #zero(type: FieldType, place: Place): Json {
    if (type.kind === "message") return this.message(type.message, {}, place);
    if (type.kind === "list") return []; // Go says null; both read as empty, and a list is safer.
    if (type.kind === "map") return {};
    if (type.kind === "enumeration") return "";
    return zeroScalars[type.scalar];
  }

  #value(type: FieldType, value: Json, place: Place): Json | undefined {
    switch (type.kind) {
      case "scalar":
        return this.#scalar(type.scalar, value, place);
      case "enumeration":
        return typeof value === "string" ? value : this.#wrong(value, `v1.${type.name}`, place);
      case "message":
        if (!isRecord(value)) return this.#wrong(value, goType(type), place);
        return this.message(type.message, value, place);
      case "list": {
        if (!Array.isArray(value)) return this.#wrong(value, goType(type), place);
        return value.map((item, index) => {
          const strict = `${place.strict}[${index}]`;
          return this.#element(type.of, item, { ...place, strict });
        });
      }
      case "map": {
        if (!isRecord(value)) return this.#wrong(value, goType(type), place);
        const entries = Object.entries(value).map(([key, item]) => {
          return [key, this.#element(type.of, item, place)];
        });
        return Object.fromEntries(entries) as JsonRecord;
      }
    }
  }

  /** A null among others is the empty value of its type. */
  #element(type: FieldType, value: Json, place: Place): Json {
    if (value === null) return this.#zero(type, place);
    return this.#value(type, value, place) ?? null;
  }

  #scalar(scalar: Scalar, value: Json, place: Place): Json | undefined {
    switch (scalar) {
      case "json":
        return value;
      case "string":
        return typeof value === "string" ? value : this.#wrong(value, "string", place);
      case "bool":
        return typeof value === "boolean" ? value : this.#wrong(value, "bool", place);
      case "int32":
      case "int64":
        return this.#integer(scalar, value, place);
      case "intstr":
        return typeof value === "string" ? value : this.#integer("int32", value, place);
      case "bytes":
        return this.#bytes(value, place);
      case "quantity":
        return this.#quantity(value);
      case "time":
      case "microtime":
        return this.#time(scalar, value, place);
    }
  }

  #integer(scalar: "int32" | "int64", value: Json, place: Place): number | undefined {
    if (typeof value !== "number") return this.#wrong(value, scalar, place);
    const fits = Number.isSafeInteger(value) && (scalar === "int64" || (value | 0) === value);
    return fits ? value : this.#wrong(value, scalar, place, `number ${value}`);
  }

  #bytes(value: Json, place: Place): string | undefined {
    if (typeof value !== "string") return this.#wrong(value, "[]uint8", place);
    const text = value.replace(/[\r\n]/g, "");
    const valid = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?/.exec(text)?.[0];
    if (valid === text) return text;
    return this.#fail(`illegal base64 data at input byte ${valid?.length ?? 0}`);
  }

  #quantity(value: Json): string | undefined {
    const text = typeof value === "number" ? String(value) : value;
    const canonical = typeof text === "string" ? canonicalQuantity(text) : undefined;
    return canonical ?? this.#fail(quantityRule);
  }

  #time(scalar: "time" | "microtime", value: Json, place: Place): string | undefined {
    if (typeof value !== "string") return this.#wrong(value, "string", place);
    const ms = parseTime(value);
    if (ms !== undefined) return scalar === "time" ? formatTime(ms) : formatMicroTime(ms);
    const layout =
      scalar === "time" ? "2006-01-02T15:04:05Z07:00" : "2006-01-02T15:04:05.000000Z07:00";
    const quoted = JSON.stringify(value);
    return this.#fail(`parsing time ${quoted} as "${layout}": cannot parse ${quoted} as "2006"`);
  }

  #wrong(value: Json, type: string, place: Place, found = jsonTypeOf(value)): undefined {
    const field = `${place.struct ?? ""}.${place.go}`;
    return this.#fail(
      `json: cannot unmarshal ${found} into Go struct field ${field} of type ${type}`,
    );
  }

  #fail(problem: string): undefined {
    this.problem ??= problem;
    return undefined;
  }
}

const quantityRule =
  "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

const zeroScalars: Readonly<Record<Scalar, Json>> = {
  string: "",
  int32: 0,
  int64: 0,
  bool: false,
  bytes: "",
  quantity: "0",
  time: null,
  microtime: null,
  intstr: 0,
  json: null,
};

function isDropped(field: Field, value: Json): boolean {
  return !field.pointer && !field.always && isEmpty(value);
}

function isEmpty(value: Json): boolean {
  if (Array.isArray(value)) return value.length === 0;
  if (isRecord(value)) return Object.keys(value).length === 0;
  return value === "" || value === 0 || value === false;
}

function goType(type: FieldType): string {
  switch (type.kind) {
    case "scalar":
      return type.scalar;
    case "enumeration":
      return `v1.${type.name}`;
    case "message":
      return `v1.${type.message.name}`;
    case "list":
      return `[]${goType(type.of)}`;
    case "map":
      return `map[string]${goType(type.of)}`;
  }
}
