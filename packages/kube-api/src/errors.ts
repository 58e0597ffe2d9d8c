/**
 * Kubernetes' error answers: one table of reasons, one class, and a constructor per text.
 *
 * Texts are apimachinery's (pkg/api/errors/errors.go), because clients and people match on them.
 */
import type { Resource, Status } from "@flotilla/objects";
import { StorageError } from "./storage.ts";

/** Reason -> HTTP status. */
const codes = {
  BadRequest: 400,
  Unauthorized: 401,
  Forbidden: 403,
  NotFound: 404,
  MethodNotAllowed: 405,
  NotAcceptable: 406,
  AlreadyExists: 409,
  Conflict: 409,
  Expired: 410,
  RequestEntityTooLarge: 413,
  RequestURITooLong: 414,
  UnsupportedMediaType: 415,
  Invalid: 422,
  TooManyRequests: 429,
  InternalError: 500,
  ServiceUnavailable: 503,
  Timeout: 504,
} as const;

export type ApiErrorReason = keyof typeof codes;
type Details = NonNullable<Status["details"]>;

/** An answer that is not a success. `reason` is Kubernetes' word for it. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly reason: ApiErrorReason;
  readonly details: Details | undefined;
  /** Token with which an expired list can go on (only of `Expired`). */
  readonly continuation: string | undefined;

  constructor(
    reason: ApiErrorReason,
    message: string,
    options: { details?: Details; cause?: unknown; continuation?: string } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.reason = reason;
    this.details = options.details;
    this.continuation = options.continuation;
  }

  get code(): number {
    return codes[this.reason];
  }

  /** The only place that meets `unknown`: what is not an answer already becomes one. */
  static from(error: unknown): ApiError {
    if (error instanceof ApiError) return error;
    if (error instanceof StorageError) return fromStorage(error);
    return new ApiError("InternalError", "Internal error occurred: see the log of this member", {
      cause: error,
    });
  }

  /** As it is sent. */
  toStatus(): Status {
    return {
      kind: "Status",
      apiVersion: "v1",
      metadata: this.continuation === undefined ? {} : { continue: this.continuation },
      status: "Failure",
      message: this.message,
      reason: this.reason,
      ...(this.details === undefined ? {} : { details: this.details }),
      code: this.code,
    };
  }
}

function fromStorage(error: StorageError): ApiError {
  const options = { cause: error, details: { retryAfterSeconds: 1 } };
  switch (error.code) {
    case "noLeader":
    case "noData":
    case "stopped":
    case "noSpace":
    case "corrupt":
      return new ApiError("ServiceUnavailable", error.message, options);
    case "tooManyRequests":
      return new ApiError("TooManyRequests", error.message, options);
    case "timeout":
      return new ApiError("Timeout", error.message, options);
  }
}

/** "pods" or "deployments.apps". */
export function qualifiedResource(resource: Resource): string {
  return resource.group === "" ? resource.plural : `${resource.plural}.${resource.group}`;
}

/** What every answer about one object says in its details; `kind` is the plural, as in Kubernetes. */
export function detailsOf(resource: Resource, name: string): Details {
  return {
    ...(name === "" ? {} : { name }),
    ...(resource.group === "" ? {} : { group: resource.group }),
    kind: resource.plural,
  };
}

export function badRequest(message: string): ApiError {
  return new ApiError("BadRequest", message);
}

export function notFound(resource: Resource, name: string): ApiError {
  const details = detailsOf(resource, name);
  return new ApiError("NotFound", `${qualifiedResource(resource)} "${name}" not found`, {
    details,
  });
}

export function alreadyExists(resource: Resource, name: string): ApiError {
  const message = `${qualifiedResource(resource)} "${name}" already exists`;
  return new ApiError("AlreadyExists", message, { details: detailsOf(resource, name) });
}

/** `why` defaults to Kubernetes' text about a stale resource version. */
export function conflict(resource: Resource, name: string, why: string = staleText): ApiError {
  const message = `Operation cannot be fulfilled on ${qualifiedResource(resource)} "${name}": ${why}`;
  return new ApiError("Conflict", message, { details: detailsOf(resource, name) });
}

/** A precondition of a deletion does not hold; names the kind where other conflicts name the resource. */
export function preconditionFailed(resource: Resource, name: string, why: string): ApiError {
  const { group, kind } = resource;
  const qualified = group === "" ? kind : `${kind}.${group}`;
  const message = `Operation cannot be fulfilled on ${qualified} "${name}": ${why}`;
  return new ApiError("Conflict", message, { details: { ...detailsOf(resource, name), kind } });
}

const staleText =
  "the object has been modified; please apply your changes to the latest version and try again";

export function forbidden(
  resource: Resource,
  name: string,
  why: string,
  causes: NonNullable<Details["causes"]> = [],
): ApiError {
  const subject =
    name === "" ? qualifiedResource(resource) : `${qualifiedResource(resource)} "${name}"`;
  return new ApiError("Forbidden", `${subject} is forbidden: ${why}`, {
    details: { ...detailsOf(resource, name), ...(causes.length === 0 ? {} : { causes }) },
  });
}

/** `limit` is in bytes. */
export function tooLarge(limit: number): ApiError {
  return new ApiError("RequestEntityTooLarge", `Request entity too large: limit is ${limit}`);
}

/** The one answer for a version whose history was compacted away. */
export function expired(message: string, continuation?: string): ApiError {
  return new ApiError("Expired", message, continuation === undefined ? {} : { continuation });
}

/** A write's term is over: only the leader's own controllers meet it. */
export class FencedError extends Error {
  override readonly name = "FencedError";

  constructor() {
    super("the term of this leader is over: nothing was written");
  }
}
