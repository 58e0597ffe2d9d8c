/**
 * Defaults: constants from the schema table, and the few that depend on other fields.
 *
 * Source: kubernetes pkg/apis/{core,apps,discovery}/v1/defaults.go. Pure.
 */
import { copyJson, isRecord, type JsonRecord } from "./json.ts";
import { canonicalQuantity, formatQuantity, parseQuantity } from "./quantity.ts";
import type { Resource } from "./resources.ts";
import type { FieldType, Message } from "./schema/notation.ts";
import { messageOf } from "./schema/table.ts";
import type { Json, KubeObject } from "./types.ts";

/** A copy of a decoded object with every default filled in, fields in the table's order. */
export function applyDefaults<T extends KubeObject>(resource: Resource<T>, object: T): T {
  const { kind, apiVersion } = object;
  const body = defaulted(messageOf(resource), object as unknown as JsonRecord);
  return { kind, apiVersion, ...body } as unknown as T;
}

function defaulted(message: Message, record: JsonRecord): JsonRecord {
  const draft: JsonRecord = { ...record };
  dependentDefaults[message.name]?.(draft);
  const result: JsonRecord = {};
  for (const field of message.fields.values()) {
    const value = draft[field.name] ?? field.default;
    if (value !== undefined) result[field.name] = defaultedValue(field.type, value);
    else if (field.always && draft[field.name] === null) result[field.name] = null;
  }
  return result;
}

function defaultedValue(type: FieldType, value: Json): Json {
  if (type.kind === "message" && isRecord(value)) return defaulted(type.message, value);
  if (type.kind === "list" && Array.isArray(value)) {
    return value.map((item) => defaultedValue(type.of, item));
  }
  return copyJson(value);
}

/** Run before the constants of the same message, and before its inner messages. */
const dependentDefaults: Readonly<Record<string, (record: JsonRecord) => void>> = {
  Namespace(record) {
    const metadata = recordAt(record, "metadata");
    if (metadata?.["name"] === undefined) return;
    const label = { "kubernetes.io/metadata.name": metadata["name"] };
    record["metadata"] = { ...metadata, labels: { ...recordAt(metadata, "labels"), ...label } };
  },
  NodeStatus(record) {
    if (record["capacity"] !== undefined) record["allocatable"] ??= copyJson(record["capacity"]);
  },
  Pod(record) {
    const spec = recordAt(record, "spec");
    if (spec === undefined) return;
    const defaults: JsonRecord = { ...spec };
    for (const name of ["containers", "initContainers"]) {
      const containers = recordsAt(defaults, name);
      if (containers === undefined) continue;
      defaults[name] = containers.map((container) =>
        withRequests(spec["hostNetwork"] === true ? withHostPorts(container) : container),
      );
    }
    defaults["enableServiceLinks"] ??= true;
    record["spec"] = defaults;
  },
  PodSpec(record) {
    // The old name of the field, kept equal for old readers.
    const account = record["serviceAccountName"] ?? record["serviceAccount"];
    if (account === undefined) return;
    record["serviceAccountName"] = account;
    record["serviceAccount"] = account;
  },
  Container: pullPolicy,
  EphemeralContainerCommon: pullPolicy,
  EphemeralContainer: pullPolicy,
  Volume(record) {
    if (Object.keys(record).every((name) => name === "name")) record["emptyDir"] = {};
    const image = recordAt(record, "image");
    if (image !== undefined && image["pullPolicy"] === undefined) {
      record["image"] = { ...image, pullPolicy: policyFor(image["reference"]) };
    }
  },
  ResourceRequirements(record) {
    for (const name of ["limits", "requests"]) roundQuantities(record, name);
  },
  Service: serviceDefaults,
  ServicePort(record) {
    const target = record["targetPort"];
    if (target === undefined || target === 0 || target === "") {
      record["targetPort"] = record["port"] ?? 0;
    }
  },
  DeploymentStrategy(record) {
    record["type"] ??= "RollingUpdate";
    if (record["type"] !== "RollingUpdate") return;
    const given = recordAt(record, "rollingUpdate");
    record["rollingUpdate"] = { maxUnavailable: "25%", maxSurge: "25%", ...given };
  },
};

/** ":latest", or no tag at all, is pulled always. */
function pullPolicy(record: JsonRecord): void {
  record["imagePullPolicy"] ??= policyFor(record["image"]);
}

function policyFor(image: Json | undefined): string {
  if (typeof image !== "string" || image === "") return "IfNotPresent";
  const name = image.slice(image.lastIndexOf("/") + 1);
  const tag = /:([^@]*)/.exec(name.split("@")[0] ?? "")?.[1];
  if (name.includes("@")) return tag === "latest" ? "Always" : "IfNotPresent";
  return tag === undefined || tag === "latest" ? "Always" : "IfNotPresent";
}

/** What is limited and not requested is requested up to the limit. Pods only, not templates. */
function withRequests(container: JsonRecord): JsonRecord {
  const resources = recordAt(container, "resources");
  const limits = resources === undefined ? undefined : recordAt(resources, "limits");
  if (resources === undefined || limits === undefined) return container;
  const requests = { ...limits, ...recordAt(resources, "requests") };
  return { ...container, resources: { ...resources, requests } };
}

function withHostPorts(container: JsonRecord): JsonRecord {
  const ports = recordsAt(container, "ports");
  if (ports === undefined) return container;
  return {
    ...container,
    ports: ports.map((port) => ({
      ...port,
      hostPort: port["hostPort"] ?? port["containerPort"] ?? 0,
    })),
  };
}

/** Resources finer than a thousandth are rounded up. */
function roundQuantities(record: JsonRecord, name: string): void {
  const quantities = recordAt(record, name);
  if (quantities === undefined) return;
  const entries = Object.entries(quantities).map(([key, text]) => {
    const isFine = typeof text === "string" && /[nu]$/.test(text);
    const rounded = isFine ? formatQuantity(parseQuantity(text) ?? 0) : text;
    return [key, typeof rounded === "string" ? (canonicalQuantity(rounded) ?? rounded) : rounded];
  });
  record[name] = Object.fromEntries(entries) as JsonRecord;
}

function serviceDefaults(record: JsonRecord): void {
  const given = recordAt(record, "spec");
  if (given === undefined) return;
  const spec: JsonRecord = { ...given, type: given["type"] ?? "ClusterIP" };
  const affinity = spec["sessionAffinity"] ?? "None";
  if (affinity === "None") delete spec["sessionAffinityConfig"];
  if (affinity === "ClientIP") {
    const clientIp = recordAt(recordAt(spec, "sessionAffinityConfig") ?? {}, "clientIP");
    const timeoutSeconds = clientIp?.["timeoutSeconds"] ?? defaultAffinitySeconds;
    spec["sessionAffinityConfig"] = { clientIP: { timeoutSeconds } };
  }
  const isExternal = spec["type"] === "NodePort" || spec["type"] === "LoadBalancer";
  if (isExternal || recordsOrTexts(spec["externalIPs"]))
    spec["externalTrafficPolicy"] ??= "Cluster";
  if (spec["type"] !== "ExternalName") spec["internalTrafficPolicy"] ??= "Cluster";
  if (spec["type"] === "LoadBalancer") spec["allocateLoadBalancerNodePorts"] ??= true;
  record["spec"] = spec;
}

/** Three hours. */
const defaultAffinitySeconds = 10_800;

function recordsOrTexts(json: Json | undefined): boolean {
  return Array.isArray(json) && json.length > 0;
}

function recordAt(record: JsonRecord, name: string): JsonRecord | undefined {
  const value = record[name];
  return isRecord(value) ? value : undefined;
}

function recordsAt(record: JsonRecord, name: string): JsonRecord[] | undefined {
  const value = record[name];
  return Array.isArray(value) ? value.filter(isRecord) : undefined;
}
