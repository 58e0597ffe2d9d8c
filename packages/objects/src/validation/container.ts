/**
 * Containers: names, images, ports, environment, mounts, and where they may not be used.
 *
 * Source: kubernetes pkg/apis/core/validation/validation.go; messages as observed. Pure.
 */
import type { Container, ContainerPort, EnvVar, Json, PodSpec, VolumeMount } from "../types.ts";
import {
  duplicate,
  type FieldCause,
  forbidden,
  invalid,
  notFound,
  required,
} from "./field-cause.ts";
import {
  checkConfigMapKey,
  checkDnsLabel,
  checkDnsSubdomain,
  checkEnvName,
  checkPortName,
  checkPortNumber,
} from "./name-syntax.ts";
import { validateLifecycle, validateProbes } from "./probe.ts";
import { validateResources } from "./resource-list.ts";
import { pathProblem } from "./volume.ts";

/** All containers of a pod: those that run, and those that run before. */
export function validateContainers(spec: PodSpec, field: string): FieldCause[] {
  const { containers = [], initContainers = [] } = spec;
  if (containers.length === 0) return [required(`${field}.containers`)];
  const causes: FieldCause[] = [];
  const names = new Set<string>();
  const hostPorts = new Set<string>();
  for (const [list, items] of [
    ["containers", containers],
    ["initContainers", initContainers],
  ] as const) {
    for (const [index, container] of items.entries()) {
      const path = `${field}.${list}[${index}]`;
      causes.push(...validateName(container, path, names));
      causes.push(...validateContainer(container, spec, path));
      if (list === "initContainers") causes.push(...validateInitContainer(container, path));
      else causes.push(...validateHostPorts(container, path, hostPorts));
    }
  }
  return causes;
}

function validateName({ name }: Container, field: string, names: Set<string>): FieldCause[] {
  const path = `${field}.name`;
  if (name === undefined || name === "") return [required(path)];
  const texts = checkDnsLabel(name);
  if (texts.length > 0) return texts.map((text) => invalid(path, name, text));
  if (names.has(name)) return [duplicate(path, name)];
  names.add(name);
  return [];
}

function validateContainer(container: Container, spec: PodSpec, field: string): FieldCause[] {
  return [
    ...validateImage(container, field),
    ...validateLifecycle(container, field),
    ...validateProbes(container, field),
    ...validatePorts(container, spec, field),
    ...validateEnv(container.env ?? [], `${field}.env`),
    ...validateEnvFrom(container, `${field}.envFrom`),
    ...validateMounts(container, spec, `${field}.volumeMounts`),
    ...validateResources(container.resources ?? {}, `${field}.resources`),
    ...validateSecurityContext(container, `${field}.securityContext`),
  ];
}

function validateImage({ image }: Container, field: string): FieldCause[] {
  if (image === undefined || image === "") return [required(`${field}.image`)];
  if (image.trim() === image) return [];
  return [invalid(`${field}.image`, image, "must not have leading or trailing whitespace")];
}

function validateInitContainer(container: Container, field: string): FieldCause[] {
  if (container.restartPolicy === "Always") return [];
  const names = ["lifecycle", "livenessProbe", "readinessProbe", "startupProbe"] as const;
  return names
    .filter((name) => container[name] !== undefined)
    .map((name) =>
      forbidden(
        `${field}.${name}`,
        "may not be set for init containers without restartPolicy=Always",
      ),
    );
}

function validatePorts(container: Container, spec: PodSpec, field: string): FieldCause[] {
  const causes: FieldCause[] = [];
  const names = new Set<string>();
  for (const [index, port] of (container.ports ?? []).entries()) {
    const path = `${field}.ports[${index}]`;
    causes.push(...validatePort(port, path, names));
    const host = port.hostPort ?? 0;
    if (spec.hostNetwork === true && host !== 0 && host !== port.containerPort) {
      const detail = "must match `containerPort` when `hostNetwork` is true";
      causes.push(invalid(`${path}.hostPort`, host, detail));
    }
  }
  return causes;
}

function validatePort(port: ContainerPort, field: string, names: Set<string>): FieldCause[] {
  const causes: FieldCause[] = [];
  const { name, containerPort, hostPort } = port;
  if (name !== undefined) {
    const texts = checkPortName(name);
    causes.push(...texts.map((text) => invalid(`${field}.name`, name, text)));
    if (names.has(name)) causes.push(duplicate(`${field}.name`, name));
    names.add(name);
  }
  if (containerPort === 0) causes.push(required(`${field}.containerPort`));
  else {
    const texts = checkPortNumber(containerPort);
    causes.push(...texts.map((text) => invalid(`${field}.containerPort`, containerPort, text)));
  }
  if (hostPort !== undefined) {
    const texts = checkPortNumber(hostPort);
    causes.push(...texts.map((text) => invalid(`${field}.hostPort`, hostPort, text)));
  }
  return causes;
}

/** Two containers of one pod cannot both have one port of the machine. */
function validateHostPorts(container: Container, field: string, taken: Set<string>): FieldCause[] {
  const causes: FieldCause[] = [];
  for (const [index, port] of (container.ports ?? []).entries()) {
    if (port.hostPort === undefined) continue;
    const key = `${port.protocol ?? "TCP"}/${port.hostIP ?? ""}/${port.hostPort}`;
    if (taken.has(key)) causes.push(duplicate(`${field}.ports[${index}].hostPort`, key));
    taken.add(key);
  }
  return causes;
}

function validateEnv(env: readonly EnvVar[], field: string): FieldCause[] {
  const causes: FieldCause[] = [];
  for (const [index, variable] of env.entries()) {
    const path = `${field}[${index}]`;
    const name = variable.name ?? "";
    if (name === "") causes.push(required(`${path}.name`));
    else causes.push(...checkEnvName(name).map((text) => invalid(`${path}.name`, name, text)));
    causes.push(...validateEnvSource(variable, `${path}.valueFrom`));
  }
  return causes;
}

const envSources =
  "`fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`";

function validateEnvSource({ value, valueFrom }: EnvVar, field: string): FieldCause[] {
  if (valueFrom === undefined) return [];
  const sources = Object.keys(valueFrom).length;
  if (value !== undefined && value !== "") {
    return [invalid(field, "", "may not be specified when `value` is not empty")];
  }
  if (sources === 0) return [invalid(field, "", `must specify one of: ${envSources}`)];
  if (sources > 1)
    return [invalid(field, "", "may not have more than one field specified at a time")];
  const { fieldRef, resourceFieldRef } = valueFrom;
  if (fieldRef !== undefined) return validateFieldRef(fieldRef, `${field}.fieldRef`);
  if (resourceFieldRef?.resource === "") return [required(`${field}.resourceFieldRef.resource`)];
  return (["configMapKeyRef", "secretKeyRef"] as const).flatMap((name) => {
    const reference = valueFrom[name];
    return reference === undefined ? [] : validateKeyRef(reference, `${field}.${name}`);
  });
}

function validateKeyRef(reference: { name: string; key: string }, field: string): FieldCause[] {
  const { name = "", key = "" } = reference;
  const causes = checkDnsSubdomain(name).map((text) => invalid(`${field}.name`, name, text));
  if (key === "") return [...causes, required(`${field}.key`)];
  return [...causes, ...checkConfigMapKey(key).map((text) => invalid(`${field}.key`, key, text))];
}

const fieldPaths = new Set([
  "metadata.name",
  "metadata.namespace",
  "metadata.uid",
  "spec.nodeName",
  "spec.serviceAccountName",
  "status.hostIP",
  "status.hostIPs",
  "status.podIP",
  "status.podIPs",
]);

function validateFieldRef(
  reference: { apiVersion?: string; fieldPath: string },
  field: string,
): FieldCause[] {
  const { apiVersion = "v1", fieldPath } = reference;
  const path = `${field}.fieldPath`;
  if (fieldPath === "") return [required(path)];
  if (apiVersion !== "v1") {
    const detail = `error converting fieldPath: unsupported pod version: ${apiVersion}`;
    return [invalid(path, fieldPath, detail)];
  }
  if (fieldPaths.has(fieldPath) || /^metadata\.(labels|annotations)\['.+'\]$/.test(fieldPath))
    return [];
  const detail = `error converting fieldPath: field label not supported: ${fieldPath}`;
  return [invalid(path, fieldPath, detail)];
}

function validateEnvFrom(container: Container, field: string): FieldCause[] {
  const causes: FieldCause[] = [];
  for (const [index, source] of (container.envFrom ?? []).entries()) {
    const path = `${field}[${index}]`;
    const { prefix, configMapRef, secretRef } = source;
    if (prefix !== undefined) {
      causes.push(...checkEnvName(prefix).map((text) => invalid(`${path}.prefix`, prefix, text)));
    }
    if (configMapRef === undefined && secretRef === undefined) {
      causes.push(invalid(field, "", "must specify one of: `configMapRef` or `secretRef`"));
    } else if (configMapRef !== undefined && secretRef !== undefined) {
      causes.push(invalid(field, "", "may not have more than one field specified at a time"));
    }
    for (const [name, reference] of Object.entries({ configMapRef, secretRef })) {
      if (reference === undefined) continue;
      const texts = checkDnsSubdomain(reference.name ?? "");
      causes.push(...texts.map((text) => invalid(`${path}.${name}.name`, reference.name, text)));
    }
  }
  return causes;
}

function validateMounts(container: Container, spec: PodSpec, field: string): FieldCause[] {
  const volumes = new Set((spec.volumes ?? []).map(({ name }) => name));
  const paths = new Set<string>();
  return (container.volumeMounts ?? []).flatMap((mount, index) => [
    ...validateMount(mount, volumes, `${field}[${index}]`),
    ...validateMountPath(mount, paths, `${field}[${index}]`),
  ]);
}

function validateMount(
  { name = "", subPath, subPathExpr }: VolumeMount,
  volumes: ReadonlySet<string>,
  field: string,
): FieldCause[] {
  const causes: FieldCause[] = [];
  if (name === "") causes.push(required(`${field}.name`));
  if (!volumes.has(name)) causes.push(notFound(`${field}.name`, name));
  for (const [part, path] of Object.entries({ subPath, subPathExpr })) {
    const problem = path === undefined ? undefined : pathProblem(path);
    if (problem !== undefined) causes.push(invalid(`${field}.${part}`, path, problem));
  }
  if (subPath !== undefined && subPathExpr !== undefined) {
    const detail = "subPathExpr and subPath are mutually exclusive";
    causes.push(invalid(`${field}.subPathExpr`, subPathExpr, detail));
  }
  return causes;
}

function validateMountPath(
  { mountPath = "" }: VolumeMount,
  paths: Set<string>,
  field: string,
): FieldCause[] {
  if (mountPath === "") return [required(`${field}.mountPath`)];
  if (paths.has(mountPath)) return [invalid(`${field}.mountPath`, mountPath, "must be unique")];
  paths.add(mountPath);
  return [];
}

function validateSecurityContext({ securityContext }: Container, field: string): FieldCause[] {
  if (securityContext === undefined) return [];
  const causes = validateIds(securityContext, ["runAsUser", "runAsGroup"], field);
  if (
    securityContext["allowPrivilegeEscalation"] === false &&
    securityContext["privileged"] === true
  ) {
    const detail = "cannot set `allowPrivilegeEscalation` to false and `privileged` to true";
    causes.push(invalid(field, securityContext, detail));
  }
  return causes;
}

/** User and group numbers. */
export function validateIds(
  context: Readonly<Record<string, Json>>,
  names: readonly string[],
  field: string,
): FieldCause[] {
  return names.flatMap((name) => {
    const id = context[name];
    if (typeof id !== "number" || (id >= 0 && id <= 2_147_483_647)) return [];
    return [invalid(`${field}.${name}`, id, "must be between 0 and 2147483647, inclusive")];
  });
}
