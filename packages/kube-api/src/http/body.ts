/**
 * Request bodies: bytes to JSON values, by content type. Pure.
 *
 * kubectl before 1.32 sends JSON only, later ones protobuf for what they create themselves; one
 * request comes without any content type, and is JSON.
 */
import { decodeProtobuf, type FieldValidation, type Json } from "@flotilla/objects";
import { ApiError, badRequest } from "../errors.ts";
import { invalidOptions } from "../registry/list-options.ts";

/** The JSON value of the body of a create or update. `kind` is named in the refusals. */
export function parseBody(contentType: string | undefined, body: Uint8Array, kind: string): Json {
  switch (mediaTypeOf(contentType)) {
    case "":
    case "application/json":
      return parseJson(
        body,
        (why) =>
          `the object provided is unrecognized (must be of type ${kind}): couldn't get version/kind; json parse error: ${why}`,
      );
    case "application/vnd.kubernetes.protobuf": {
      const json = decodeProtobuf(body);
      if (json !== undefined) return json;
      throw unknownFormat("this body could not be decoded as protobuf");
    }
    default:
      throw unknownFormat("the body of the request was in an unknown format");
  }
}

/** "application/json" of "application/json; charset=utf-8"; empty when there is none. */
export function mediaTypeOf(contentType: string | undefined): string {
  return (contentType ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
}

function unknownFormat(why: string): ApiError {
  const accepted = "application/json, application/vnd.kubernetes.protobuf";
  return new ApiError("UnsupportedMediaType", `${why} - accepted media types include: ${accepted}`);
}

/** Malformed JSON is a `BadRequest`; `message` words it. */
export function parseJson(body: Uint8Array, message: (why: string) => string): Json {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body)) as Json;
  } catch (error) {
    throw badRequest(message(error instanceof Error ? error.message : String(error)));
  }
}

/** Options that every write has in common. */
export interface WriteQuery {
  readonly dryRun: boolean;
  readonly fieldValidation: FieldValidation;
}

/** Reads `dryRun` and `fieldValidation`; `kind` is "CreateOptions", "UpdateOptions" or "PatchOptions". */
export function parseWriteQuery(query: URLSearchParams, kind: string): WriteQuery {
  const dryRun = query.getAll("dryRun").filter((value) => value !== "");
  if (dryRun.some((value) => value !== "All")) {
    const message = `Unsupported value: ${JSON.stringify(dryRun)}: supported values: "All"`;
    throw invalidOptions(kind, [{ field: "dryRun", reason: "FieldValueNotSupported", message }]);
  }
  const fieldValidation = query.get("fieldValidation") || "Warn";
  if (!isFieldValidation(fieldValidation)) {
    const supported = '"", "Ignore", "Strict", "Warn"';
    const message = `Unsupported value: ${JSON.stringify(fieldValidation)}: supported values: ${supported}`;
    throw invalidOptions(kind, [
      { field: "fieldValidation", reason: "FieldValueNotSupported", message },
    ]);
  }
  return { dryRun: dryRun.length > 0, fieldValidation };
}

function isFieldValidation(text: string): text is FieldValidation {
  return text === "Strict" || text === "Warn" || text === "Ignore";
}
