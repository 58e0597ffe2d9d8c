/** The three kinds of patches, by content type. Pure. */
import {
  type Json,
  jsonPatch,
  mergePatch,
  type PatchOutcome,
  type Resource,
  strategicMergePatch,
} from "@flotilla/objects";
import { ApiError, badRequest } from "../errors.ts";
import { mediaTypeOf, parseJson } from "./body.ts";

/** A patch that is read and waits for its object. */
export type ApplyPatch = (original: Json) => Json;

/** Reads a patch; 415 for a kind that is not served. */
export function parsePatch(
  resource: Resource,
  contentType: string | undefined,
  body: Uint8Array,
): ApplyPatch {
  const apply = patchKind(resource, contentType);
  const patch = parseJson(body, (why) => `error decoding patch: ${why}`);
  return (original) => {
    const outcome = apply(original, patch);
    if (outcome.kind === "ok") return outcome.object;
    if (outcome.kind === "badRequest") throw badRequest(outcome.message);
    // Without a name in its details kubectl shows the message.
    throw new ApiError("Invalid", outcome.message, { details: {} });
  };
}

function patchKind(
  resource: Resource,
  contentType: string | undefined,
): (original: Json, patch: Json) => PatchOutcome {
  switch (mediaTypeOf(contentType)) {
    case "application/strategic-merge-patch+json":
      return (original, patch) => strategicMergePatch(resource, original, patch);
    case "application/merge-patch+json":
      return mergePatch;
    case "application/json-patch+json":
      return jsonPatch;
    case "application/apply-patch+yaml":
      throw new ApiError(
        "UnsupportedMediaType",
        "server-side apply is not supported by this server; use `kubectl apply` without --server-side",
      );
    default:
      throw new ApiError(
        "UnsupportedMediaType",
        "the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json",
      );
  }
}
