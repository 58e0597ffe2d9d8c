/** Reads manifests and applies them as `kubectl apply` does: create what is missing, merge the rest. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { ObjectClient, WriteOutcome } from "@flotilla/client";
import {
  allResources,
  apiVersionOf,
  canonicalJson,
  type Json,
  type KubeObject,
  type Resource,
} from "@flotilla/objects";
import { parseAllDocuments } from "yaml";
import { CommandError, reasonOf } from "../exit.ts";

/** Where kubectl keeps what was applied last: with it, `kubectl apply` goes on from what `up` applied. */
const lastApplied = "kubectl.kubernetes.io/last-applied-configuration";

export interface Manifest {
  readonly file: string;
  readonly resource: Resource;
  readonly object: KubeObject;
}

/** All objects of a file, in order; a `List` is taken apart. */
export function readManifests(file: string): Manifest[] {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new CommandError("badInput", `Cannot read manifest ${resolve(file)}: ${reasonOf(error)}`);
  }
  const manifests: Manifest[] = [];
  for (const document of parseAllDocuments(text)) {
    const problem = document.errors[0];
    if (problem !== undefined) {
      throw new CommandError("badInput", `Cannot parse manifest ${file}: ${problem.message}`);
    }
    const value = document.toJS() as (KubeObject & { items?: KubeObject[] }) | null;
    if (value === null) continue;
    for (const object of value.kind === "List" ? (value.items ?? []) : [value]) {
      manifests.push({ file, resource: resourceOf(file, object), object: withNamespace(object) });
    }
  }
  return manifests;
}

function resourceOf(file: string, object: KubeObject): Resource {
  const found = allResources.find(
    (resource) => resource.kind === object.kind && apiVersionOf(resource) === object.apiVersion,
  );
  if (found !== undefined && object.metadata?.name !== undefined) return found;
  throw new CommandError(
    "badInput",
    found === undefined
      ? `Cannot apply ${file}: no resource is known for kind ${JSON.stringify(object.kind)} in apiVersion ${JSON.stringify(object.apiVersion)}`
      : `Cannot apply ${file}: an object of kind ${object.kind} has no metadata.name`,
    `Known kinds: ${allResources.map((resource) => `${apiVersionOf(resource)} ${resource.kind}`).join(", ")}.`,
  );
}

function withNamespace(object: KubeObject): KubeObject {
  const known = allResources.find(({ kind }) => kind === object.kind);
  if (known?.namespaced !== true || object.metadata.namespace !== undefined) return object;
  return { ...object, metadata: { ...object.metadata, namespace: "default" } };
}

/** Applies one; returns what happened, in kubectl's words. Ends the command when it is refused. */
export async function applyManifest(
  client: ObjectClient,
  { file, resource, object }: Manifest,
): Promise<"created" | "configured" | "unchanged"> {
  const name = nameOf(object);
  const record = lastAppliedOf(object);
  const present = await client.get(resource, name);
  if (present?.metadata.annotations?.[lastApplied] === record) return "unchanged";
  const annotated: KubeObject = {
    ...object,
    metadata: {
      ...object.metadata,
      annotations: { ...object.metadata.annotations, [lastApplied]: record },
    },
  };
  const outcome: WriteOutcome<KubeObject> =
    present === undefined
      ? await client.create(resource, annotated)
      : await client.patch(
          resource,
          name,
          withDeletions(previousOf(present), annotated as unknown as Json),
        );
  if (outcome.kind !== "ok") {
    throw new CommandError("badInput", `Cannot apply ${file}: ${outcome.message}`);
  }
  return present === undefined ? "created" : "configured";
}

function previousOf({ metadata }: KubeObject): Json {
  try {
    return JSON.parse(metadata.annotations?.[lastApplied] ?? "{}");
  } catch {
    return {}; // Somebody else wrote that annotation: nothing is known to have been removed.
  }
}

/** A merge patch that gives `next` and takes away what only `previous` had (RFC 7396: null deletes). */
export function withDeletions(previous: Json, next: Json): Json {
  if (!isMap(previous) || !isMap(next)) return next;
  const patch: { [key: string]: Json } = { ...next };
  for (const [key, value] of Object.entries(previous)) {
    const kept = next[key];
    patch[key] = kept === undefined ? null : withDeletions(value, kept);
  }
  return patch;
}

function isMap(value: Json): value is { [key: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Byte for byte what kubectl would note, so that it sees no difference: sorted keys, Go's escapes. */
function lastAppliedOf(object: KubeObject): string {
  const metadata = { ...object.metadata, annotations: object.metadata.annotations ?? {} };
  const text = canonicalJson({ ...object, metadata } as unknown as Json);
  const escaped = text.replace(/[<>&\u2028\u2029]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
  return `${escaped}\n`;
}

function nameOf({ metadata: { name, namespace } }: KubeObject): {
  name: string;
  namespace?: string;
} {
  return namespace === undefined ? { name } : { name, namespace };
}
