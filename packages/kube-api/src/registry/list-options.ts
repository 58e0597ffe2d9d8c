/**
 * The options of list and watch: parsed, checked against each other, and turned into a decision at
 * which revision to read. Pure.
 *
 * Source: apimachinery pkg/apis/meta/internalversion/validation/validation.go and the table of
 * https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions.
 */
import { ApiError, badRequest, expired } from "../errors.ts";

export interface ListOptions {
  readonly watch: boolean;
  /** 0 = all. */
  readonly limit: number;
  readonly continuation: string;
  readonly resourceVersion: string;
  readonly resourceVersionMatch: string;
  readonly sendInitialEvents: boolean | undefined;
  readonly allowWatchBookmarks: boolean;
  /** 0 = the server chooses. */
  readonly timeoutSeconds: number;
}

/** Reads the options of a query; what cannot be read or does not go together is an `ApiError`. */
export function parseListOptions(query: URLSearchParams): ListOptions {
  const options: ListOptions = {
    watch: flag(query, "watch") ?? false,
    limit: integer(query, "limit"),
    continuation: query.get("continue") ?? "",
    resourceVersion: query.get("resourceVersion") ?? "",
    resourceVersionMatch: query.get("resourceVersionMatch") ?? "",
    sendInitialEvents: flag(query, "sendInitialEvents"),
    allowWatchBookmarks: flag(query, "allowWatchBookmarks") ?? false,
    timeoutSeconds: integer(query, "timeoutSeconds"),
  };
  const causes = options.watch ? checkWatch(options) : checkList(options);
  if (causes.length > 0) throw invalidOptions("ListOptions", causes);
  return options;
}

export interface OptionCause {
  readonly field: string;
  readonly reason: "FieldValueForbidden" | "FieldValueNotSupported";
  readonly message: string;
}

/** 422 about the options of a request, in the form that Kubernetes gives it. */
export function invalidOptions(kind: string, causes: readonly OptionCause[]): ApiError {
  const texts = causes.map(({ field, message }) => `${field}: ${message}`);
  const list = texts.length === 1 ? texts[0] : `[${texts.join(", ")}]`;
  return new ApiError("Invalid", `${kind}.meta.k8s.io "" is invalid: ${list}`, {
    details: { group: "meta.k8s.io", kind, causes: causes.map((cause) => ({ ...cause })) },
  });
}

function forbid(field: string, why: string): OptionCause {
  return { field, reason: "FieldValueForbidden", message: `Forbidden: ${why}` };
}

function unsupported(value: string, supported: string): OptionCause {
  const message = `Unsupported value: ${JSON.stringify(value)}: supported values: ${supported}`;
  return { field: "resourceVersionMatch", reason: "FieldValueNotSupported", message };
}

function checkList(options: ListOptions): OptionCause[] {
  const { resourceVersionMatch: match, resourceVersion, continuation } = options;
  const causes: OptionCause[] = [];
  if (options.sendInitialEvents !== undefined) {
    causes.push(forbid("sendInitialEvents", "sendInitialEvents is forbidden for list"));
  }
  if (match === "") return causes;
  const field = "resourceVersionMatch";
  if (resourceVersion === "") {
    causes.push(forbid(field, `${field} is forbidden unless resourceVersion is provided`));
  }
  if (continuation !== "") {
    causes.push(forbid(field, `${field} is forbidden when continue is provided`));
  }
  if (match !== "Exact" && match !== "NotOlderThan") {
    causes.push(unsupported(match, '"Exact", "NotOlderThan"'));
  }
  if (match === "Exact" && resourceVersion === "0") {
    causes.push(forbid(field, `${field} "exact" is forbidden for resourceVersion "0"`));
  }
  return causes;
}

function checkWatch(options: ListOptions): OptionCause[] {
  const { resourceVersionMatch: match, sendInitialEvents } = options;
  const causes: OptionCause[] = [];
  const field = "resourceVersionMatch";
  if (match !== "" && sendInitialEvents === undefined) {
    causes.push(
      forbid(field, `${field} is forbidden for watch unless sendInitialEvents is provided`),
    );
  }
  if (sendInitialEvents !== undefined && match === "") {
    causes.push(forbid(field, `sendInitialEvents requires setting ${field} to NotOlderThan`));
  }
  if (match !== "" && match !== "NotOlderThan") causes.push(unsupported(match, '"NotOlderThan"'));
  return causes;
}

/** The number in a resource version; 0 for "" and "0". Anything else that is no revision is a `BadRequest`. */
export function parseResourceVersion(text: string): number {
  if (text === "") return 0;
  const revision = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(revision)) {
    const syntax = `strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`;
    const value = `resourceVersion: Invalid value: ${JSON.stringify(text)}: ${syntax}`;
    throw badRequest(`invalid resource version: ${value}`);
  }
  return revision;
}

/** How a list is read. */
export type ListPlan =
  /** Everything acknowledged before the request. */
  | { readonly kind: "latest" }
  /** What is here. */
  | { readonly kind: "any" }
  | { readonly kind: "notOlderThan"; readonly revision: number }
  | { readonly kind: "exact"; readonly revision: number; readonly from?: string };

/** Decides how to read a list whose keys start with `prefix`. */
export function planList(options: ListOptions, prefix: string): ListPlan {
  if (options.continuation !== "") return decodeContinuation(options, prefix);
  if (options.resourceVersion === "") return { kind: "latest" };
  const revision = parseResourceVersion(options.resourceVersion);
  if (revision === 0) return { kind: "any" };
  const exact =
    options.resourceVersionMatch === "Exact" ||
    (options.resourceVersionMatch === "" && options.limit > 0);
  return exact ? { kind: "exact", revision } : { kind: "notOlderThan", revision };
}

/** The token with which the next page is asked for: the snapshot, and the first key that is left. */
export function encodeContinuation(revision: number, nextKey: string, prefix: string): string {
  const token = { v: "meta.k8s.io/v1", rv: revision, start: nextKey.slice(prefix.length) };
  return Buffer.from(JSON.stringify(token), "utf8").toString("base64url");
}

function decodeContinuation(options: ListOptions, prefix: string): ListPlan {
  const text = Buffer.from(options.continuation, "base64url").toString("utf8");
  let token: { v?: unknown; rv?: unknown; start?: unknown };
  try {
    token = Object(JSON.parse(text));
  } catch {
    throw badRequest("invalid continue token: continue key is not valid: it is not JSON");
  }
  const { v, rv, start } = token;
  if (v !== "meta.k8s.io/v1") {
    throw badRequest(
      "invalid continue token: continue key is not valid: server does not recognize this encoded version",
    );
  }
  if (typeof start !== "string" || start === "" || !Number.isSafeInteger(rv) || Number(rv) < -1) {
    throw badRequest("invalid continue token: continue key is not valid: incorrect encoded start");
  }
  if (options.resourceVersion !== "" && options.resourceVersion !== "0") {
    throw badRequest("specifying resource version is not allowed when using continue");
  }
  // -1: handed out when the snapshot had expired; goes on with the latest state.
  return { kind: "exact", revision: rv === -1 ? 0 : Number(rv), from: prefix + start };
}

/** 410 for a page whose snapshot is gone; the token goes on with newer state. */
export function expiredPage(nextKey: string, prefix: string): ApiError {
  return expired(expiredPageText, encodeContinuation(-1, nextKey, prefix));
}

const expiredPageText =
  "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.";

/** 504 for a version that is not there yet, as clients recognise it. */
export function tooLargeVersion(wanted: number, current: number): ApiError {
  const message = `Timeout: Too large resource version: ${wanted}, current: ${current}`;
  return new ApiError("Timeout", message, {
    details: {
      causes: [{ reason: "ResourceVersionTooLarge", message: "Too large resource version" }],
      retryAfterSeconds: 1,
    },
  });
}

function integer(query: URLSearchParams, name: string): number {
  const text = query.get(name) ?? "";
  if (text === "") return 0;
  if (!/^-?\d{1,15}$/.test(text)) {
    throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  }
  return Math.max(0, Number(text));
}

/** Kubernetes reads a boolean as absent, or as everything but "0" and "false". */
function flag(query: URLSearchParams, name: string): boolean | undefined {
  const text = query.get(name);
  return text === null ? undefined : text !== "0" && text !== "false";
}
