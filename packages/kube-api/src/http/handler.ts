/**
 * The way of a request: who asks, what is asked for, who answers. Only routes; testable without
 * sockets.
 */
import { arch, platform } from "node:process";
import type { KubeApi } from "../api.ts";
import { ApiError, tooLarge } from "../errors.ts";
import { bodyBytesMax, urlCharactersMax } from "../limits.ts";
import {
  aggregatedDiscovery,
  apiGroup,
  apiGroupList,
  apiResourceList,
  apiVersions,
  discoveryContentType,
  versionDocument,
} from "./discovery.ts";
import { type ApiRequest, type ApiResponse, json, text } from "./message.ts";
import { negotiateDiscovery } from "./negotiate.ts";
import {
  checkAcceptable,
  create,
  getOne,
  listOrWatch,
  type NamedRequest,
  type ObjectRequest,
  patch,
  put,
  remove,
  removeCollection,
} from "./object-handlers.ts";
import { type ObjectRoute, type Route, routeOf } from "./route.ts";
import { bind, evict, getScale, patchScale, putScale } from "./subresource-handlers.ts";

/** Answers one request. Never rejects: every failure is an answer. */
export async function handleRequest(api: KubeApi, request: ApiRequest): Promise<ApiResponse> {
  if (api.load.requests >= api.limits.requestsMax) return errorResponse(busy);
  api.load.requests++;
  try {
    return await route(api, request);
  } catch (error) {
    const answer = ApiError.from(error);
    if (answer.reason === "InternalError" && !request.signal.aborted) {
      api.context.logger.error("request failed", {
        method: request.method,
        url: request.url,
        reason: error instanceof Error ? (error.stack ?? error.message) : String(error),
      });
    }
    return errorResponse(answer);
  } finally {
    api.load.requests--;
  }
}

/** 429: this member has as much to do as it may. */
export const busy: ApiError = new ApiError(
  "TooManyRequests",
  "this member works on as many requests as it may; nothing was done, retry",
  { details: { retryAfterSeconds: 1 } },
);

/** A failure as it is sent. */
export function errorResponse(error: ApiError): ApiResponse {
  const seconds = error.details?.retryAfterSeconds;
  const headers = seconds === undefined ? {} : { "retry-after": String(seconds) };
  return json(error.code, error.toStatus(), headers);
}

async function route(api: KubeApi, request: ApiRequest): Promise<ApiResponse> {
  if (request.url.length > urlCharactersMax) {
    throw new ApiError("RequestURITooLong", `URL is longer than ${urlCharactersMax} characters`);
  }
  if (request.body.length > bodyBytesMax) {
    throw tooLarge(bodyBytesMax);
  }
  const [path = "", search = ""] = splitOnce(request.url, "?");
  const query = new URLSearchParams(search);
  const target = routeOf(path);
  if (target.kind === "health") return health(api, target.check, request.signal);
  if (target.kind === "version") return json(200, versionDocument(platformName()));
  if (request.user === undefined) throw new ApiError("Unauthorized", "Unauthorized");
  if (target.kind === "objects") return objects({ api, request, route: target, query });
  if (request.method !== "GET" && target.kind !== "unknown") throw methodNotAllowed();
  return document(api, target, request, query);
}

async function health(
  api: KubeApi,
  check: "healthz" | "livez" | "readyz",
  signal: AbortSignal,
): Promise<ApiResponse> {
  // Alive as long as it answers; ready as long as it can answer truthfully.
  if (check === "readyz") await api.context.storage.barrier(signal);
  return text(200, "ok");
}

function document(
  api: KubeApi,
  target: Exclude<Route, ObjectRoute>,
  request: ApiRequest,
  query: URLSearchParams,
): ApiResponse {
  switch (target.kind) {
    case "groups":
      return groups(target.root, request.headers["accept"]);
    case "group":
      return json(200, apiGroup(target.group));
    case "groupVersion":
      return json(200, apiResourceList(target.groupVersion));
    case "openApiV2":
      return api.openApi.empty();
    case "openApiV3":
      if (target.groupVersion === "") return api.openApi.index();
      return api.openApi.document(target.groupVersion, query, request.headers["if-none-match"]);
    default:
      throw new ApiError("NotFound", "the server could not find the requested resource", {
        details: {},
      });
  }
}

function groups(root: "api" | "apis", accept: string | undefined): ApiResponse {
  const form = negotiateDiscovery(accept);
  if (form === "legacy") return json(200, root === "api" ? apiVersions() : apiGroupList());
  const headers = { "content-type": discoveryContentType(form), vary: "Accept" };
  return json(200, aggregatedDiscovery(root, form), headers);
}

function objects(call: ObjectRequest): Promise<ApiResponse> {
  const { name, resource, namespace } = call.route;
  checkAcceptable(call.request.headers["accept"]); // Before anything is written.
  if (name !== undefined) return named({ ...call, name });
  const isAcrossNamespaces = resource.namespaced && namespace === undefined;
  switch (call.request.method) {
    case "GET":
      return listOrWatch(call);
    case "POST":
      if (!isAcrossNamespaces) return create(call);
      break;
    case "DELETE":
      if (!isAcrossNamespaces) return removeCollection(call);
      break;
  }
  throw methodNotAllowed();
}

type Handlers = Readonly<Record<string, (call: NamedRequest) => Promise<ApiResponse>>>;

const handlers: Readonly<Record<string, Handlers>> = {
  "": { GET: getOne, PUT: put, PATCH: patch, DELETE: remove },
  status: { GET: getOne, PUT: put, PATCH: patch },
  scale: { GET: getScale, PUT: putScale, PATCH: patchScale },
  binding: { POST: bind },
  eviction: { POST: evict },
};

function named(call: NamedRequest): Promise<ApiResponse> {
  const { resource, subresource = "" } = call.route;
  const served = [
    "",
    ...resource.subresources,
    ...(resource.plural === "pods" ? ["eviction"] : []),
  ];
  const verbs = served.includes(subresource) ? handlers[subresource] : undefined;
  if (verbs === undefined) {
    throw new ApiError("NotFound", "the server could not find the requested resource", {
      details: {},
    });
  }
  const handler = Object.hasOwn(verbs, call.request.method)
    ? verbs[call.request.method]
    : undefined;
  if (handler === undefined) throw methodNotAllowed();
  return handler(call);
}

function methodNotAllowed(): ApiError {
  const message = "the server does not allow this method on the requested resource";
  return new ApiError("MethodNotAllowed", message, { details: {} });
}

function splitOnce(text: string, separator: string): string[] {
  const at = text.indexOf(separator);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

/** As Go names it: "linux/amd64". */
function platformName(): string {
  return `${platform}/${arch === "x64" ? "amd64" : arch}`;
}
