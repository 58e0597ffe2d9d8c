/**
 * Objects in the form that the client asked for: themselves, a table that kubectl prints, or their
 * metadata only. Pure.
 */
import { apiVersionOf, type Json, type Resource, tableColumns, tableRow } from "@flotilla/objects";
import type { Decoded } from "../registry/object-cache.ts";
import type { ObjectPage } from "../registry/read.ts";
import type { Form } from "./negotiate.ts";

export interface Presentation {
  readonly resource: Resource;
  readonly form: Form;
  /** What a table row carries besides its cells. */
  readonly includeObject: "None" | "Metadata" | "Object";
  readonly nowMs: number;
}

/** One object. */
export function presentObject(as: Presentation, decoded: Decoded): string {
  if (as.form === "object") return decoded.json();
  if (as.form === "partial") return JSON.stringify(partial(decoded));
  const { resourceVersion } = decoded.object.metadata;
  return JSON.stringify(table(as, [decoded], { resourceVersion: resourceVersion ?? "" }, true));
}

/** One object inside a watch event; only the first table carries the columns. */
export function presentEvent(as: Presentation, decoded: Decoded, isFirst: boolean): string {
  if (as.form !== "table") return presentObject(as, decoded);
  const { resourceVersion } = decoded.object.metadata;
  return JSON.stringify(table(as, [decoded], { resourceVersion: resourceVersion ?? "" }, isFirst));
}

/** A page of a list. */
export function presentPage(as: Presentation, page: ObjectPage): string {
  const metadata = {
    resourceVersion: String(page.revision),
    ...(page.continuation === "" ? {} : { continue: page.continuation }),
    ...(page.continuation === "" || page.remaining === undefined
      ? {}
      : { remainingItemCount: page.remaining }),
  };
  if (as.form === "table") return JSON.stringify(table(as, page.items, metadata, true));
  const kind = as.form === "partial" ? "PartialObjectMetadataList" : `${as.resource.kind}List`;
  const apiVersion = as.form === "partial" ? "meta.k8s.io/v1" : apiVersionOf(as.resource);
  const items = page.items.map((item) =>
    as.form === "partial" ? JSON.stringify(partial(item)) : item.json(),
  );
  const head = JSON.stringify({ kind, apiVersion, metadata });
  return `${head.slice(0, -1)},"items":[${items.join(",")}]}`;
}

/** A bookmark's object: nothing but how far the watch has come. */
export function presentBookmark(as: Presentation, revision: number, isInitialEnd: boolean): string {
  const metadata = {
    resourceVersion: String(revision),
    creationTimestamp: null,
    ...(isInitialEnd ? { annotations: { "k8s.io/initial-events-end": "true" } } : {}),
  };
  if (as.form === "object") {
    return JSON.stringify({
      kind: as.resource.kind,
      apiVersion: apiVersionOf(as.resource),
      metadata,
    });
  }
  const object = { kind: "PartialObjectMetadata", apiVersion: "meta.k8s.io/v1", metadata };
  if (as.form === "partial") return JSON.stringify(object);
  return JSON.stringify({
    kind: "Table",
    apiVersion: "meta.k8s.io/v1",
    metadata: { resourceVersion: String(revision) },
    columnDefinitions: null,
    rows: [{ cells: [], object }],
  });
}

function partial({ object }: Decoded): Json {
  const { metadata } = object;
  return {
    kind: "PartialObjectMetadata",
    apiVersion: "meta.k8s.io/v1",
    metadata,
  } as unknown as Json;
}

function table(
  as: Presentation,
  items: readonly Decoded[],
  metadata: Json,
  withColumns: boolean,
): Json {
  const columns = withColumns ? tableColumns(as.resource).map((column) => ({ ...column })) : null;
  return {
    kind: "Table",
    apiVersion: "meta.k8s.io/v1",
    metadata,
    columnDefinitions: columns,
    rows: items.map((item) => ({
      cells: tableRow(as.resource, item.object, as.nowMs),
      ...(as.includeObject === "None"
        ? {}
        : {
            object:
              as.includeObject === "Object" ? (item.object as unknown as Json) : partial(item),
          }),
    })),
  };
}
