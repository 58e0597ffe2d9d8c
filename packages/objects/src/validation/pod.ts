/**
 * Pods and pod templates; and the few fields of a pod that may change once it is there.
 *
 * Source: kubernetes pkg/apis/core/validation/validation.go (ValidatePodSpec, ValidatePodUpdate).
 * Pure.
 */
import { equalJson } from "../json.ts";
import { canonicalJson } from "../names.ts";
import type { Container, Json, Pod, PodSpec, Toleration } from "../types.ts";
import { validateContainers, validateIds } from "./container.ts";
import { type FieldCause, forbidden, invalid, required } from "./field-cause.ts";
import { validateLabels } from "./metadata.ts";
import {
  checkDnsLabel,
  checkDnsSubdomain,
  checkQualifiedName,
  isIpAddress,
} from "./name-syntax.ts";
import { int32Max, nonNegative, within } from "./numbers.ts";
import { validateScheduling } from "./scheduling.ts";
import { validateVolumes } from "./volume.ts";

/** A pod's spec, its own or in a template; `field` is its path. */
export function validatePodSpec(spec: PodSpec, field: string): FieldCause[] {
  return [
    ...validateVolumes(spec, field),
    ...validateContainers(spec, field),
    ...validateLabels(spec.nodeSelector, `${field}.nodeSelector`),
    ...validateSecurity(spec, `${field}.securityContext`),
    ...validateDns(spec, field),
    ...validateGates(spec, field),
    ...validateNames(spec, field),
    ...within(`${field}.activeDeadlineSeconds`, spec.activeDeadlineSeconds, [1, int32Max]),
    ...nonNegative(`${field}.terminationGracePeriodSeconds`, spec.terminationGracePeriodSeconds),
    ...validateScheduling(spec, field),
    ...validateHostAliases(spec, field),
  ];
}

function validateSecurity(spec: PodSpec, field: string): FieldCause[] {
  const causes = validateIds(
    spec.securityContext ?? {},
    ["fsGroup", "runAsUser", "runAsGroup"],
    field,
  );
  if (spec.shareProcessNamespace === true && spec.hostPID === true) {
    const detail = "ShareProcessNamespace and HostPID cannot both be enabled";
    causes.push(invalid(`${field}.shareProcessNamespace`, true, detail));
  }
  return causes;
}

function validateDns({ dnsPolicy, dnsConfig }: PodSpec, field: string): FieldCause[] {
  const servers = dnsConfig?.nameservers ?? [];
  if (dnsPolicy === "None" && dnsConfig === undefined) {
    return [required(`${field}.dnsConfig`, "must provide `dnsConfig` when `dnsPolicy` is None")];
  }
  return servers.flatMap((server, index) =>
    validateIp(server, `${field}.dnsConfig.nameservers[${index}]`),
  );
}

/** "must be a valid IP address": of a server, of an alias, of an endpoint. */
export function validateIp(address: string, field: string): FieldCause[] {
  if (isIpAddress(address)) return [];
  return [invalid(field, address, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)")];
}

function validateGates({ readinessGates, schedulingGates }: PodSpec, field: string): FieldCause[] {
  const causes: FieldCause[] = [];
  for (const [index, { conditionType }] of (readinessGates ?? []).entries()) {
    const path = `${field}.readinessGates[${index}].conditionType`;
    const texts = checkQualifiedName(conditionType);
    causes.push(...texts.map((text) => invalid(path, conditionType, text)));
  }
  for (const [index, { name }] of (schedulingGates ?? []).entries()) {
    const texts = checkQualifiedName(name);
    causes.push(...texts.map((text) => invalid(`${field}.schedulingGates[${index}]`, name, text)));
  }
  return causes;
}

const subdomains = [
  "serviceAccountName",
  "nodeName",
  "priorityClassName",
  "runtimeClassName",
] as const;
const labels = ["hostname", "subdomain"] as const;

function validateNames(spec: PodSpec, field: string): FieldCause[] {
  const causes: FieldCause[] = [];
  for (const [names, check] of [
    [subdomains, checkDnsSubdomain],
    [labels, checkDnsLabel],
  ] as const) {
    for (const name of names) {
      const value = spec[name] ?? "";
      const texts = value === "" ? [] : check(value);
      causes.push(...texts.map((text) => invalid(`${field}.${name}`, value, text)));
    }
  }
  return causes;
}

function validateHostAliases(spec: PodSpec, field: string): FieldCause[] {
  return (spec.hostAliases ?? []).flatMap(({ ip, hostnames = [] }, index) => {
    const path = `${field}.hostAliases[${index}]`;
    const names = hostnames.flatMap((name, at) =>
      checkDnsSubdomain(name).map((text) => invalid(`${path}.hostnames[${at}]`, name, text)),
    );
    return [...validateIp(ip, `${path}.ip`), ...names];
  });
}

const updatable =
  "`spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";

/** What an update of a pod may not do: all but images, deadline, tolerations and gates stays. */
export function validatePodUpdate(pod: Pod, old: Pod): FieldCause[] {
  const [spec, before] = [pod.spec, old.spec];
  for (const name of ["containers", "initContainers"] as const) {
    if ((spec[name]?.length ?? 0) !== (before[name]?.length ?? 0)) {
      return [forbidden(`spec.${name}`, "pod updates may not add or remove containers")];
    }
  }
  const causes = [...validateDeadline(spec, before), ...validateAdditions(spec, before)];
  const changed = differences(fixedPart(spec), fixedPart(before));
  if (changed.length > 0) {
    const detail = `pod updates may not change fields other than ${updatable}\n${changed.join("\n")}`;
    causes.push(forbidden("spec", detail));
  }
  return causes;
}

function validateDeadline(spec: PodSpec, before: PodSpec): FieldCause[] {
  const field = "spec.activeDeadlineSeconds";
  const [now, old] = [spec.activeDeadlineSeconds, before.activeDeadlineSeconds];
  if (old === undefined) return [];
  if (now === undefined) {
    return [invalid(field, null, "must not update from a positive integer to nil value")];
  }
  return now > old ? [invalid(field, now, "must be less than or equal to previous value")] : [];
}

function validateAdditions(spec: PodSpec, before: PodSpec): FieldCause[] {
  const causes: FieldCause[] = [];
  const kept = new Set((spec.tolerations ?? []).map(withoutSeconds));
  for (const toleration of before.tolerations ?? []) {
    if (kept.has(withoutSeconds(toleration))) continue;
    const detail = "existing toleration can not be modified except its tolerationSeconds";
    causes.push(forbidden("spec.tolerations", detail));
    break;
  }
  const gates = new Set((before.schedulingGates ?? []).map(({ name }) => name));
  for (const [index, { name }] of (spec.schedulingGates ?? []).entries()) {
    if (gates.has(name)) continue;
    const detail = "only deletion is allowed, but found new scheduling gate";
    causes.push(forbidden(`spec.schedulingGates[${index}]`, `${detail} '${name}'`));
  }
  return causes;
}

/** Equal for tolerations that differ in their time only. */
function withoutSeconds(toleration: Toleration): string {
  return canonicalJson({ ...toleration, tolerationSeconds: 0 });
}

/** The spec without what may change. */
function fixedPart(spec: PodSpec): Readonly<Record<string, Json | undefined>> {
  const bare = (containers: readonly Container[] | undefined): Json | undefined =>
    containers?.map((container) => ({ ...container, image: "" })) as unknown as Json | undefined;
  const { tolerations: _t, schedulingGates: _g, activeDeadlineSeconds: _a, ...rest } = spec;
  return {
    ...(rest as unknown as Record<string, Json>),
    containers: bare(spec.containers),
    initContainers: bare(spec.initContainers),
  };
}

/** One line for each field that is not the same. */
function differences(
  now: Readonly<Record<string, Json | undefined>>,
  before: Readonly<Record<string, Json | undefined>>,
): string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(now)]);
  return [...names]
    .filter((name) => !equalJson(now[name] ?? null, before[name] ?? null))
    .map((name) => `- ${name}: ${text(before[name])}\n+ ${name}: ${text(now[name])}`);
}

/** Longer values are cut: the message goes to a person. */
const textLengthMax = 200;

function text(json: Json | undefined): string {
  return (JSON.stringify(json) ?? "null").slice(0, textLengthMax);
}
