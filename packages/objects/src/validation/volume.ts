/** Volumes. Source: kubernetes pkg/apis/core/validation; the sources that run here, in detail. Pure. */
import { isRecord } from "../json.ts";
import { parseQuantity } from "../quantity.ts";
import type { Json, PodSpec, Volume } from "../types.ts";
import { duplicate, type FieldCause, forbidden, invalid, required } from "./field-cause.ts";
import { checkDnsLabel } from "./name-syntax.ts";

/** Fields without which a source means nothing; the others are checked where they are used. */
const requiredFields: Readonly<Record<string, readonly string[]>> = {
  secret: ["secretName"],
  persistentVolumeClaim: ["claimName"],
  nfs: ["server", "path"],
  csi: ["driver"],
};

/** Names, one source each, and what the source needs. */
export function validateVolumes(spec: PodSpec, field: string): FieldCause[] {
  const names = new Set<string>();
  return (spec.volumes ?? []).flatMap((volume, index) => {
    const path = `${field}.volumes[${index}]`;
    const causes = [...validateSource(volume, path), ...validateName(volume, path, names)];
    names.add(volume.name);
    return causes;
  });
}

function validateName({ name = "" }: Volume, field: string, names: Set<string>): FieldCause[] {
  const path = `${field}.name`;
  if (name === "") return [required(path)];
  const texts = checkDnsLabel(name);
  if (texts.length > 0) return texts.map((text) => invalid(path, name, text));
  return names.has(name) ? [duplicate(path, name)] : [];
}

function validateSource(volume: Volume, field: string): FieldCause[] {
  const { name: _name, ...sources } = volume;
  const given = Object.keys(sources);
  // An emptyDir is what a volume is by default, so that any other source beside it is the one too many.
  const kinds = given.includes("emptyDir")
    ? ["emptyDir", ...given.filter((name) => name !== "emptyDir")]
    : given;
  const [kind = ""] = kinds;
  if (kind === "") return [required(field, "must specify a volume type")];
  const causes = kinds
    .slice(1)
    .map((other) => forbidden(`${field}.${other}`, "may not specify more than 1 volume type"));
  const source = (sources as Record<string, Json>)[kind];
  for (const name of requiredFields[kind] ?? []) {
    if (isRecord(source) && (source[name] ?? "") === "") {
      causes.push(required(`${field}.${kind}.${name}`));
    }
  }
  return [
    ...causes,
    ...validateHostPath(volume, `${field}.hostPath`),
    ...validateEmptyDir(volume, `${field}.emptyDir`),
    ...validateConfigMap(volume, `${field}.configMap`),
  ];
}

function validateHostPath({ hostPath }: Volume, field: string): FieldCause[] {
  if (hostPath === undefined) return [];
  const { path = "" } = hostPath;
  if (path === "") return [required(`${field}.path`)];
  return path.split("/").includes("..")
    ? [invalid(`${field}.path`, path, "must not contain '..'")]
    : [];
}

function validateEmptyDir({ emptyDir }: Volume, field: string): FieldCause[] {
  if (emptyDir?.sizeLimit === undefined || (parseQuantity(emptyDir.sizeLimit) ?? -1) >= 0)
    return [];
  return [forbidden(`${field}.sizeLimit`, "SizeLimit field must be a valid resource quantity")];
}

function validateConfigMap({ configMap }: Volume, field: string): FieldCause[] {
  if (configMap === undefined) return [];
  const causes: FieldCause[] = [];
  if ((configMap.name ?? "") === "") causes.push(required(`${field}.name`));
  causes.push(...validateMode(configMap.defaultMode, `${field}.defaultMode`));
  for (const [index, { key = "", path = "", mode }] of (configMap.items ?? []).entries()) {
    const item = `${field}.items[${index}]`;
    if (key === "") causes.push(required(`${item}.key`));
    if (path === "") causes.push(required(`${item}.path`));
    const problem = pathProblem(path);
    if (problem !== undefined) causes.push(invalid(`${item}.path`, path, problem));
    causes.push(...validateMode(mode, `${item}.mode`));
  }
  return causes;
}

function validateMode(mode: number | undefined, field: string): FieldCause[] {
  if (mode === undefined || (mode >= 0 && mode <= 0o777)) return [];
  return [invalid(field, mode, "must be a number between 0 and 0777 (octal), both inclusive")];
}

/** A path that must stay below where it is used. */
export function pathProblem(path: string): string | undefined {
  if (path.startsWith("/")) return "must be a relative path";
  return path.split("/").includes("..") ? "must not contain '..'" : undefined;
}
