/**
 * The verbs on objects: check, call the registry, present. Wire forms stop here.
 */
import { present } from "@flotilla/base";
import { decodeObject, type Json, type KubeObject, type Resource } from "@flotilla/objects";
import type { KubeApi } from "../api.ts";
import { ApiError, badRequest, detailsOf } from "../errors.ts";
import { type AdmitUpdate, admitStatusUpdate, admitUpdate } from "../registry/admission.ts";
import { createObject } from "../registry/create.ts";
import { deleteObject } from "../registry/delete.ts";
import { renewHeartbeat } from "../registry/heartbeat.ts";
import { type ListOptions, parseListOptions } from "../registry/list-options.ts";
import { decodedOf } from "../registry/object-cache.ts";
import { listObjects, readObject } from "../registry/read.ts";
import { selectionOf } from "../registry/selection.ts";
import { updateObject } from "../registry/update.ts";
import { parseBody, parseWriteQuery, type WriteQuery } from "./body.ts";
import { parseDeleteRequest } from "./delete-options.ts";
import { type ApiRequest, type ApiResponse, json, jsonText, warningHeaders } from "./message.ts";
import { negotiateForm } from "./negotiate.ts";
import { parsePatch } from "./patch-object.ts";
import { type Presentation, presentObject, presentPage } from "./present.ts";
import type { ObjectRoute } from "./route.ts";
import { openWatch } from "./watch-stream.ts";

/** A request for objects, with its path and query understood. */
export interface ObjectRequest {
  readonly api: KubeApi;
  readonly request: ApiRequest;
  readonly route: ObjectRoute;
  readonly query: URLSearchParams;
}

/** One that names an object. */
export interface NamedRequest extends ObjectRequest {
  readonly name: string;
}

export async function getOne(call: NamedRequest): Promise<ApiResponse> {
  const options = {
    resourceVersion: call.query.get("resourceVersion") ?? "",
    signal: call.request.signal,
  };
  const decoded = await readObject(call.api.context, targetOf(call), options);
  return jsonText(200, presentObject(presentationOf(call), decoded));
}

export async function listOrWatch(call: ObjectRequest): Promise<ApiResponse> {
  const { api, route, query, request } = call;
  const options = parseListOptions(query);
  const selection = selectionOf(route.resource, {
    labelSelector: query.get("labelSelector") ?? "",
    fieldSelector: query.get("fieldSelector") ?? "",
  });
  const as = presentationOf(call);
  if (options.watch) {
    if (api.load.watches >= api.limits.watchesMax) throw tooManyWatches(api.limits.watchesMax);
    const { resource, namespace } = route;
    const target = { resource, namespace, selection, options, as };
    const body = await openWatch(api, target, request.signal);
    return {
      status: 200,
      headers: { "content-type": "application/json", "cache-control": "no-cache, private" },
      body,
    };
  }
  const page = await listObjects(api.context, route, selection, options, request.signal);
  return jsonText(200, presentPage(as, page));
}

function tooManyWatches(limit: number): ApiError {
  return new ApiError(
    "TooManyRequests",
    `this member serves ${limit} watches already, which is its limit; ask another member, or retry later`,
    { details: { retryAfterSeconds: 1 } },
  );
}

export async function create(call: ObjectRequest): Promise<ApiResponse> {
  const { api, route, request } = call;
  const write = parseWriteQuery(call.query, "CreateOptions");
  const body = parseBody(request.headers["content-type"], request.body, route.resource.kind);
  const submitted = decodeSubmitted(route.resource, body, write);
  const object = await createObject(api.context, route, submitted.object, optionsOf(call, write));
  return answerOf(call, 201, object, submitted.warnings);
}

export async function put(call: NamedRequest): Promise<ApiResponse> {
  const { api, route, request } = call;
  const write = parseWriteQuery(call.query, "UpdateOptions");
  const body = parseBody(request.headers["content-type"], request.body, route.resource.kind);
  const { object: submitted, warnings } = decodeSubmitted(route.resource, body, write);
  checkIdentity(call, submitted);
  if (!write.dryRun) {
    const beat = await renewHeartbeat(api.context, targetOf(call), submitted, request.signal);
    if (beat !== undefined) return answerOf(call, 200, beat, warnings);
  }
  const options = optionsOf(call, write);
  const admit = admissionOf(route);
  const written = await updateObject(api.context, targetOf(call), options, () => submitted, admit);
  return answerOf(call, 200, written.object, warnings);
}

export async function patch(call: NamedRequest): Promise<ApiResponse> {
  const { api, route, request } = call;
  const { resource } = route;
  const write = parseWriteQuery(call.query, "PatchOptions");
  const apply = parsePatch(resource, request.headers["content-type"], request.body);
  let warnings: readonly string[] = [];
  const change = (current: KubeObject): KubeObject => {
    const patched = decodeSubmitted(resource, apply(current as unknown as Json), write);
    checkIdentity(call, patched.object);
    warnings = patched.warnings;
    return patched.object;
  };
  const options = optionsOf(call, write);
  const written = await updateObject(
    api.context,
    targetOf(call),
    options,
    change,
    admissionOf(route),
  );
  return answerOf(call, 200, written.object, warnings);
}

export async function remove(call: NamedRequest): Promise<ApiResponse> {
  const { api, route, request, query } = call;
  const asked = parseDeleteRequest(query, request.headers["content-type"], request.body);
  const written = await deleteObject(api.context, targetOf(call), asked.options, {
    dryRun: asked.dryRun,
    signal: request.signal,
  });
  // These two answer with the object, as in Kubernetes; the others with a Status once they are gone.
  const answersObject = route.resource.plural === "pods" || route.resource.plural === "services";
  if (!written.removed || answersObject) return answerOf(call, 200, written.object, []);
  return json(200, {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Success",
    details: { ...detailsOf(route.resource, call.name), uid: written.object.metadata.uid },
  });
}

export async function removeCollection(call: ObjectRequest): Promise<ApiResponse> {
  const { api, route, request, query } = call;
  const asked = parseDeleteRequest(query, request.headers["content-type"], request.body);
  const selection = selectionOf(route.resource, {
    labelSelector: query.get("labelSelector") ?? "",
    fieldSelector: query.get("fieldSelector") ?? "",
  });
  const page = await listObjects(api.context, route, selection, listEverything, request.signal);
  for (const { object } of page.items) {
    const { namespace, name } = object.metadata;
    const target = { resource: route.resource, namespace, name };
    try {
      await deleteObject(api.context, target, asked.options, { dryRun: asked.dryRun });
    } catch (error) {
      if (!(error instanceof ApiError) || error.reason !== "NotFound") throw error;
    }
  }
  return jsonText(200, presentPage(presentationOf(call), page));
}

const listEverything: ListOptions = {
  watch: false,
  limit: 0,
  continuation: "",
  resourceVersion: "",
  resourceVersionMatch: "",
  sendInitialEvents: undefined,
  allowWatchBookmarks: false,
  timeoutSeconds: 0,
};

/** Throws 406 for a client that takes none of the forms that objects have. */
export function checkAcceptable(accept: string | undefined): void {
  if (negotiateForm(accept) !== undefined) return;
  throw new ApiError(
    "NotAcceptable",
    "406: Not Acceptable\n\nAvailable representations: application/json, application/json;stream=watch",
  );
}

/** The form that the client asked for. */
function presentationOf({ api, route, request, query }: ObjectRequest): Presentation {
  const included = query.get("includeObject");
  return {
    resource: route.resource,
    form: present(negotiateForm(request.headers["accept"]), "a form that was negotiated"),
    includeObject: included === "None" || included === "Object" ? included : "Metadata",
    nowMs: api.context.wallClockMs(),
  };
}

export function targetOf({ route, name }: NamedRequest): {
  readonly resource: Resource;
  readonly namespace: string | undefined;
  readonly name: string;
} {
  return { resource: route.resource, namespace: route.namespace, name };
}

export function optionsOf(
  call: ObjectRequest,
  write: WriteQuery,
): { readonly dryRun: boolean; readonly signal: AbortSignal } {
  return { dryRun: write.dryRun, signal: call.request.signal };
}

function admissionOf(route: ObjectRoute): AdmitUpdate {
  return route.subresource === "status" ? admitStatusUpdate : admitUpdate;
}

function decodeSubmitted(
  resource: Resource,
  body: Json,
  write: WriteQuery,
): { readonly object: KubeObject; readonly warnings: readonly string[] } {
  const decoded = decodeObject(resource, body, { fieldValidation: write.fieldValidation });
  if (decoded.kind === "badRequest") throw badRequest(decoded.message);
  return decoded;
}

function checkIdentity({ route, name }: NamedRequest, submitted: KubeObject): void {
  const { metadata } = submitted;
  if (metadata.name !== name) {
    throw badRequest(
      `the name of the object (${metadata.name ?? ""}) does not match the name on the URL (${name})`,
    );
  }
  if (
    route.namespace !== undefined &&
    (metadata.namespace ?? route.namespace) !== route.namespace
  ) {
    throw badRequest(
      "the namespace of the provided object does not match the namespace sent on the request",
    );
  }
}

function answerOf(
  call: ObjectRequest,
  status: number,
  object: KubeObject,
  warnings: readonly string[],
): ApiResponse {
  const headers = warnings.length === 0 ? {} : { warning: warningHeaders(warnings) };
  return jsonText(status, presentObject(presentationOf(call), decodedOf(object)), headers);
}
