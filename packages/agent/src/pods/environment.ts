/**
 * The environment of a container.
 *
 * Source: Kubernetes' order (service variables, envFrom, env, later ones win and may refer to earlier
 * ones), and Flotilla's contract on top: FLOTILLA_* and PORT* come from the agent and cannot be
 * changed, because on a shared host they are the only way to learn the own port and directories.
 * Pure; config maps were fetched before.
 */
import type { ConfigMap, Container, EnvVar, Pod, StringMap } from "@flotilla/objects";
import { expand } from "./expand.ts";

/** What a container may pass on from the agent's own environment: how to find programs, and the locale. */
export const inheritedVariables: readonly string[] = [
  "PATH",
  "HOME",
  "USER",
  "LANG",
  "LC_ALL",
  "TZ",
  "TMPDIR",
];

export interface EnvironmentInput {
  readonly pod: Pod;
  readonly container: Container;
  readonly nodeName: string;
  /** The node's address, which is also the pod's. */
  readonly address: string;
  /** Host port by container port. */
  readonly ports: Readonly<Record<string, number>>;
  /** Host path by volume name. */
  readonly volumes: Readonly<Record<string, string>>;
  /** `DB_SERVICE_HOST` and so on. */
  readonly services: Readonly<StringMap>;
  /** By name; undefined: there is none. */
  readonly configMaps: Readonly<Record<string, ConfigMap | undefined>>;
  /** The variables of {@link inheritedVariables} that the agent has. */
  readonly inherited: Readonly<StringMap>;
}

export type EnvironmentOutcome =
  | { readonly kind: "ok"; readonly environment: Readonly<StringMap> }
  /** Shown as CreateContainerConfigError. */
  | { readonly kind: "failed"; readonly message: string };

/** Builds the environment, or says what is missing. */
export function environmentFor(input: EnvironmentInput): EnvironmentOutcome {
  const own = ownVariables(input);
  const environment: StringMap = { ...input.inherited, ...input.services, ...own };
  for (const source of input.container.envFrom ?? []) {
    const reference = source.configMapRef;
    if (reference === undefined) continue;
    const map = input.configMaps[reference.name];
    if (map === undefined && reference.optional !== true) return missing(reference.name);
    for (const [key, value] of Object.entries(map?.data ?? {})) {
      environment[`${source.prefix ?? ""}${key}`] = value;
    }
  }
  for (const variable of input.container.env ?? []) {
    const outcome = resolveVariable(variable, input, { ...environment, ...own });
    if (outcome.kind === "failed") return outcome;
    if (outcome.value !== undefined) environment[variable.name] = outcome.value;
  }
  return { kind: "ok", environment: { ...environment, ...own } };
}

/** Names of the config maps that a container's environment needs. */
export function configMapsOf(container: Container): string[] {
  const names = [
    ...(container.envFrom ?? []).map((source) => source.configMapRef?.name),
    ...(container.env ?? []).map((variable) => variable.valueFrom?.configMapKeyRef?.name),
  ];
  return names.filter((name) => name !== undefined);
}

/** `main-http` becomes `MAIN_HTTP`. */
export function variableName(name: string): string {
  return name.toUpperCase().replace(/[^A-Z0-9]/g, "_");
}

function ownVariables({ pod, container, nodeName, ports, volumes }: EnvironmentInput): StringMap {
  const own: StringMap = {
    FLOTILLA_NODE: nodeName,
    FLOTILLA_NAMESPACE: pod.metadata.namespace ?? "default",
    FLOTILLA_POD: pod.metadata.name,
  };
  for (const { name, containerPort } of container.ports ?? []) {
    const port = String(ports[containerPort] ?? containerPort);
    own["PORT"] ??= port;
    if (name !== undefined) own[`PORT_${variableName(name)}`] = port;
  }
  for (const mount of container.volumeMounts ?? []) {
    const path = volumes[mount.name];
    if (path === undefined) continue;
    const inside = mount.subPath === undefined ? path : `${path}/${mount.subPath}`;
    own[`FLOTILLA_VOLUME_${variableName(mount.name)}`] = inside;
  }
  return own;
}

type ValueOutcome =
  | { readonly kind: "ok"; readonly value: string | undefined }
  | { readonly kind: "failed"; readonly message: string };

function resolveVariable(
  { name, value, valueFrom }: EnvVar,
  input: EnvironmentInput,
  known: Readonly<StringMap>,
): ValueOutcome {
  if (valueFrom === undefined) return { kind: "ok", value: expand(value ?? "", known) };
  if (valueFrom.fieldRef !== undefined) {
    const { fieldPath } = valueFrom.fieldRef;
    const field = fieldOf(fieldPath, input);
    if (field !== undefined) return { kind: "ok", value: field };
    return { kind: "failed", message: `unsupported fieldPath: ${fieldPath}` };
  }
  const reference = valueFrom.configMapKeyRef;
  if (reference === undefined) {
    return { kind: "failed", message: `env "${name}": this source of a value is not supported` };
  }
  const map = input.configMaps[reference.name];
  const found = map?.data?.[reference.key];
  if (found !== undefined || reference.optional === true) return { kind: "ok", value: found };
  if (map === undefined) return missing(reference.name);
  const where = `${input.pod.metadata.namespace ?? "default"}/${reference.name}`;
  return { kind: "failed", message: `couldn't find key ${reference.key} in ConfigMap ${where}` };
}

function missing(configMap: string): { readonly kind: "failed"; readonly message: string } {
  return { kind: "failed", message: `configmap "${configMap}" not found` };
}

function fieldOf(path: string, { pod, nodeName, address }: EnvironmentInput): string | undefined {
  const fields: Record<string, string | undefined> = {
    "metadata.name": pod.metadata.name,
    "metadata.namespace": pod.metadata.namespace ?? "default",
    "metadata.uid": pod.metadata.uid ?? "",
    "spec.nodeName": nodeName,
    "spec.serviceAccountName": pod.spec.serviceAccountName ?? "default",
    "status.podIP": address,
    "status.podIPs": address,
    "status.hostIP": address,
    "status.hostIPs": address,
  };
  const keyed = /^metadata\.(labels|annotations)\['([^']+)'\]$/.exec(path);
  if (keyed === null) return fields[path];
  const [, group, key = ""] = keyed;
  const map = group === "labels" ? pod.metadata.labels : pod.metadata.annotations;
  return map?.[key] ?? "";
}
