/** Which objects of a collection are meant: label and field selectors together. Pure. */
import {
  type KubeObject,
  matchesFields,
  matchesLabels,
  parseFieldSelector,
  parseLabelSelector,
  type Resource,
} from "@flotilla/objects";
import { badRequest } from "../errors.ts";

export interface Selection {
  /** True when nothing is left out, so that counting keys counts objects. */
  readonly all: boolean;
  matches(object: KubeObject): boolean;
}

/** Selects everything. */
export const everything: Selection = { all: true, matches: () => true };

/** Parses both selectors; a bad one is a `BadRequest`. */
export function selectionOf(
  resource: Resource,
  selectors: { readonly labelSelector?: string; readonly fieldSelector?: string },
): Selection {
  const { labelSelector = "", fieldSelector = "" } = selectors;
  if (labelSelector === "" && fieldSelector === "") return everything;
  const labels = parseLabelSelector(labelSelector);
  if (labels.kind === "badRequest") throw badRequest(labels.message);
  const fields = parseFieldSelector(resource, fieldSelector);
  if (fields.kind === "badRequest") throw badRequest(fields.message);
  return {
    all: labels.requirements.length === 0 && fields.requirements.length === 0,
    matches: (object) =>
      matchesLabels(labels.requirements, object.metadata.labels) &&
      matchesFields(fields.requirements, object),
  };
}
