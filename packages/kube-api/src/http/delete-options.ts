/** What a delete request asks for, from its query and its body. Pure. */
import type { Json } from "@flotilla/objects";
import { badRequest } from "../errors.ts";
import type { DeleteOptions } from "../registry/deletion.ts";
import { invalidOptions } from "../registry/list-options.ts";
import { parseBody } from "./body.ts";

export interface DeleteRequest {
  readonly options: DeleteOptions;
  readonly dryRun: boolean;
}

const policies = ["Foreground", "Background", "Orphan"] as const;

/** A body, when there is one, says everything; otherwise the query does. */
export function parseDeleteRequest(
  query: URLSearchParams,
  contentType: string | undefined,
  body: Uint8Array,
): DeleteRequest {
  const given = body.length > 0 ? parseBody(contentType, body, "DeleteOptions") : fromQuery(query);
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    throw badRequest("the object provided is unrecognized (must be of type DeleteOptions)");
  }
  const preconditions = asRecord(given["preconditions"]);
  const uid = preconditions["uid"];
  const resourceVersion = preconditions["resourceVersion"];
  const grace = given["gracePeriodSeconds"];
  if (grace !== undefined && grace !== null && !Number.isSafeInteger(grace)) {
    throw badRequest("DeleteOptions: gracePeriodSeconds must be an integer");
  }
  const policy = policyOf(given["propagationPolicy"], given["orphanDependents"]);
  return {
    dryRun: Array.isArray(given["dryRun"]) ? given["dryRun"].includes("All") : false,
    options: {
      ...(typeof grace === "number" ? { gracePeriodSeconds: grace } : {}),
      ...(typeof uid === "string" ? { uid } : {}),
      ...(typeof resourceVersion === "string" ? { resourceVersion } : {}),
      ...(policy === undefined ? {} : { propagationPolicy: policy }),
    },
  };
}

function fromQuery(query: URLSearchParams): Json {
  const grace = query.get("gracePeriodSeconds");
  return {
    propagationPolicy: query.get("propagationPolicy"),
    gracePeriodSeconds: grace === null || grace === "" ? null : Number(grace),
    dryRun: query.getAll("dryRun"),
    ...(query.get("orphanDependents") === "true" ? { orphanDependents: true } : {}),
  };
}

function policyOf(
  policy: Json | undefined,
  orphan: Json | undefined,
): (typeof policies)[number] | undefined {
  if (policy === undefined || policy === null || policy === "") {
    return orphan === true ? "Orphan" : undefined;
  }
  const known = policies.find((candidate) => candidate === policy);
  if (known !== undefined) return known;
  const message = `Unsupported value: ${JSON.stringify(policy)}: supported values: "Foreground", "Background", "Orphan", "nil"`;
  throw invalidOptions("DeleteOptions", [
    { field: "propagationPolicy", reason: "FieldValueNotSupported", message },
  ]);
}

function asRecord(json: Json | undefined): { [key: string]: Json } {
  return typeof json === "object" && json !== null && !Array.isArray(json) ? json : {};
}
