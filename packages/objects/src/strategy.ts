/**
 * What the API server does to an object before it stores it: fields that clients may not set are
 * taken away or carried over, and the generation counts changes of what is wanted.
 *
 * Source: kubernetes pkg/registry (strategies of each kind), apiserver pkg/registry/rest. Pure.
 */
import type { Random } from "@flotilla/base";
import { copyJson, equalJson, isRecord, type JsonRecord } from "./json.ts";
import { randomSuffix } from "./names.ts";
import { qosClassOf } from "./qos.ts";
import type { Resource } from "./resources.ts";
import { formatTime } from "./time.ts";
import type { Json, KubeObject, ObjectMeta, Pod } from "./types.ts";

/** What creation needs from outside. */
export interface CreateContext {
  readonly nowMs: number;
  /** A fresh UUID. */
  readonly uid: string;
  /** For the name, when only generateName is given. */
  readonly random: Random;
  /** Of the request; undefined for cluster-scoped kinds. */
  readonly namespace?: string;
}

/** A generated name is cut so that it fits into a label with its suffix. */
const generatedBaseLengthMax = 58;
const suffixLength = 5;

/**
 * The object as it is stored at first: identity and time set, status dropped (but of nodes). Takes
 * a decoded object with its defaults; validate the result.
 */
export function prepareForCreate<T extends KubeObject>(
  resource: Resource<T>,
  object: T,
  context: CreateContext,
): T {
  const metadata: ObjectMeta = { ...object.metadata, uid: context.uid };
  const base = metadata.generateName ?? "";
  if (metadata.name === undefined || metadata.name === "") {
    metadata.name =
      base === ""
        ? ""
        : base.slice(0, generatedBaseLengthMax) + randomSuffix(context.random, suffixLength);
  }
  metadata.creationTimestamp = formatTime(context.nowMs);
  if (context.namespace !== undefined) metadata.namespace = context.namespace;
  // Whoever may create may not pretend that the object has a past.
  for (const name of [
    "resourceVersion",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
  ] as const) {
    delete metadata[name];
  }
  if (hasGeneration(resource)) metadata.generation = 1;
  else delete metadata.generation;
  const created: KubeObject = { ...object, metadata };
  onCreate[resource.kind]?.(created as unknown as JsonRecord);
  if (resource.kind === "Namespace") labelNamespace(created);
  return created as T;
}

/** What each kind does on creation, beyond what all do. */
const onCreate: Readonly<Record<string, (record: JsonRecord) => void>> = {
  Namespace(record) {
    const finalizers = (record["spec"] as { finalizers?: string[] } | undefined)?.finalizers ?? [];
    const all = finalizers.includes("kubernetes") ? finalizers : [...finalizers, "kubernetes"];
    record["spec"] = { finalizers: all };
    record["status"] = { phase: "Active" };
  },
  Pod(record) {
    const qosClass = qosClassOf((record as unknown as Pod).spec);
    record["status"] = { phase: "Pending", qosClass };
  },
  Deployment(record) {
    record["status"] = {};
  },
  ReplicaSet(record) {
    record["status"] = { replicas: 0 };
  },
  Service(record) {
    record["status"] = { loadBalancer: {} };
  },
};

/** A namespace whose name was generated learns its label only now. */
function labelNamespace(object: KubeObject): void {
  const { metadata } = object;
  const label = { "kubernetes.io/metadata.name": metadata.name };
  object.metadata = { ...metadata, labels: { ...metadata.labels, ...label } };
}

/**
 * The object as an update stores it: status and what the system owns of the metadata are those of
 * `old`; the generation goes up when what is wanted has changed.
 */
export function prepareForUpdate<T extends KubeObject>(
  resource: Resource<T>,
  updated: T,
  old: T,
): T {
  const [result, before] = [{ ...updated }, old] as unknown as [JsonRecord, JsonRecord];
  if (resource.subresources.includes("status")) carry(result, before, "status");
  if (resource.kind === "Namespace") carry(result, before, "spec");
  if (resource.kind === "Service") {
    dropLeftOvers(result, before);
    keepAllocated(result, before);
  }
  const metadata = withSystemFields(updated.metadata, old.metadata);
  if (hasGeneration(resource)) {
    const changed = isChanged(
      resource,
      { ...result, metadata: metadata as unknown as Json },
      before,
    );
    metadata.generation = (old.metadata.generation ?? 0) + (changed ? 1 : 0);
  } else if (old.metadata.generation === undefined) delete metadata.generation;
  else metadata.generation = old.metadata.generation;
  return { ...result, metadata } as unknown as T;
}

/**
 * The object as an update of its status stores it: only the status is new. Labels and annotations
 * pass too, as in Kubernetes (labels of deployments do not); owners of pods do not.
 */
export function prepareForStatusUpdate<T extends KubeObject>(
  resource: Resource<T>,
  updated: T,
  old: T,
): T {
  const [result, before] = [{ ...updated }, old] as unknown as [JsonRecord, JsonRecord];
  carry(result, before, "spec");
  const metadata = withSystemFields(updated.metadata, old.metadata);
  const kept: (keyof ObjectMeta)[] = [
    "generation",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
  ];
  if (resource.kind === "Pod") kept.push("ownerReferences");
  if (resource.kind === "Deployment") kept.push("labels");
  for (const name of kept)
    carry(metadata as unknown as JsonRecord, old.metadata as unknown as JsonRecord, name);
  if (resource.kind === "Pod") keepQosClass(result, before);
  return { ...result, metadata } as unknown as T;
}

function keepQosClass(result: JsonRecord, before: JsonRecord): void {
  const [status, old] = [result["status"], before["status"]];
  if (!isRecord(old) || old["qosClass"] === undefined) return;
  result["status"] = { ...(isRecord(status) ? status : {}), qosClass: old["qosClass"] };
}

/** Kinds whose metadata counts generations; the others never show one. */
function hasGeneration(resource: Resource): boolean {
  return ["Pod", "Deployment", "ReplicaSet", "EndpointSlice"].includes(resource.kind);
}

function isChanged(resource: Resource, result: JsonRecord, before: JsonRecord): boolean {
  if (resource.kind === "EndpointSlice") {
    if (!equalJson(metadataPart(result, "labels"), metadataPart(before, "labels"))) return true;
    return ["endpoints", "ports", "addressType"].some(
      (name) => !equalJson(result[name], before[name]),
    );
  }
  if (!equalJson(result["spec"], before["spec"])) return true;
  // A deployment's annotations are copied to its replica sets, so they are wanted state too.
  return (
    resource.kind === "Deployment" &&
    !equalJson(metadataPart(result, "annotations"), metadataPart(before, "annotations"))
  );
}

function metadataPart(record: JsonRecord, name: string): Json {
  const metadata = record["metadata"];
  return (isRecord(metadata) ? metadata[name] : undefined) ?? {};
}

/** What a client left out is taken from the old object; what it says wrongly, validation refuses. */
function withSystemFields(metadata: ObjectMeta, old: ObjectMeta): ObjectMeta {
  const result: ObjectMeta = { ...metadata };
  if (result.uid === undefined && old.uid !== undefined) result.uid = old.uid;
  if (old.creationTimestamp !== undefined) result.creationTimestamp = old.creationTimestamp;
  for (const name of ["deletionTimestamp", "deletionGracePeriodSeconds"] as const) {
    carry(result as unknown as JsonRecord, old as unknown as JsonRecord, name);
  }
  if (result.namespace === undefined && old.namespace !== undefined)
    result.namespace = old.namespace;
  return result;
}

function carry(result: JsonRecord, before: JsonRecord, name: string): void {
  const value = before[name];
  if (value === undefined) delete result[name];
  else result[name] = copyJson(value);
}

/**
 * A service that changes its type sheds what only the old type had, if the client just left it as it
 * was: `kubectl patch svc web -p '{"spec":{"type":"ClusterIP"}}'` works on a NodePort service.
 */
function dropLeftOvers(result: JsonRecord, before: JsonRecord): void {
  const [spec, old] = [result["spec"], before["spec"]];
  if (!isRecord(spec) || !isRecord(old) || spec["type"] === old["type"]) return;
  const next: JsonRecord = { ...spec };
  const isExternal = next["type"] === "NodePort" || next["type"] === "LoadBalancer";
  const same = (name: string): boolean => equalJson(next[name], old[name]);
  if (!isExternal) {
    if (Array.isArray(next["ports"]) && sameNodePorts(next["ports"], old["ports"])) {
      next["ports"] = next["ports"].map((port) => without(port, "nodePort"));
    }
    if (same("externalTrafficPolicy")) delete next["externalTrafficPolicy"];
    if (same("healthCheckNodePort")) delete next["healthCheckNodePort"];
  }
  if (next["type"] !== "LoadBalancer") {
    if (same("allocateLoadBalancerNodePorts")) delete next["allocateLoadBalancerNodePorts"];
    if (same("loadBalancerClass")) delete next["loadBalancerClass"];
  }
  if (next["type"] === "ExternalName") {
    for (const name of ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"]) {
      if (same(name)) delete next[name];
    }
    if (same("internalTrafficPolicy")) delete next["internalTrafficPolicy"];
  }
  result["spec"] = next;
}

/** Addresses and ports that the server gave out stay when a client that replaces leaves them out. */
function keepAllocated(result: JsonRecord, before: JsonRecord): void {
  const [spec, old] = [result["spec"], before["spec"]];
  if (!isRecord(spec) || !isRecord(old) || spec["type"] === "ExternalName") return;
  const next: JsonRecord = { ...spec };
  if (next["clusterIP"] === undefined && old["clusterIP"] !== undefined) {
    for (const name of ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"]) {
      carry(next, old, name);
    }
  }
  const [ports, oldPorts] = [next["ports"], old["ports"]];
  const isExternal = next["type"] === "NodePort" || next["type"] === "LoadBalancer";
  if (isExternal && Array.isArray(ports) && Array.isArray(oldPorts)) {
    const byNumber = new Map(oldPorts.map((port) => [portIdentity(port), port]));
    next["ports"] = ports.map((port) => withOldNodePort(port, byNumber.get(portIdentity(port))));
  }
  result["spec"] = next;
}

function portIdentity(port: Json): string {
  return isRecord(port) ? `${port["protocol"]} ${port["port"]}` : "";
}

function withOldNodePort(port: Json, old: Json | undefined): Json {
  if (!isRecord(port) || (port["nodePort"] ?? 0) !== 0) return port;
  const nodePort = isRecord(old) ? old["nodePort"] : undefined;
  return nodePort === undefined ? port : { ...port, nodePort };
}

function sameNodePorts(ports: readonly Json[], old: Json | undefined): boolean {
  const numbers = (list: readonly Json[]): Json[] =>
    list.map((port) => (isRecord(port) ? (port["nodePort"] ?? 0) : 0));
  return Array.isArray(old) && equalJson(numbers(ports), numbers(old));
}

function without(json: Json, name: string): Json {
  if (!isRecord(json)) return json;
  const { [name]: _dropped, ...rest } = json;
  return rest;
}
