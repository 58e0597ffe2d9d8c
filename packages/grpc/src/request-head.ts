/**
 * From a header list to a call, or to the answer that it deserves.
 *
 * Sources: RFC 9113 section 8 (what is malformed), grpc/doc/PROTOCOL-HTTP2.md (Requests). Pure.
 */
import type { HttpRequestHead, Method } from "./call.ts";
import type { HeaderList } from "./hpack-decoder.ts";
import type { HeaderField } from "./hpack-static-table.ts";
import { Metadata } from "./metadata.ts";
import { type Status, type StatusCode, statusCode } from "./status.ts";

/** The first part of a request, understood. */
export type RequestHead =
  | {
      readonly kind: "call";
      readonly path: string;
      readonly method: Method;
      readonly metadata: Metadata;
      /** undefined = none. */
      readonly timeoutMs: number | undefined;
      /** As announced by `content-length`; undefined = not announced. */
      readonly contentBytes: number | undefined;
      /** What a compressed message would be in: `identity` when not said. */
      readonly encoding: string;
    }
  /** gRPC, but not a call that can be served. */
  | { readonly kind: "refused"; readonly status: Status }
  /** Not gRPC: for whoever serves HTTP here, or answered as gRPC's servers do. */
  | {
      readonly kind: "http";
      readonly request: HttpRequestHead;
      readonly httpStatus: 405 | 415;
      readonly status: Status;
    }
  | { readonly kind: "oversized" }
  /** Fields alone: what may end a request, and is none. */
  | { readonly kind: "trailers" }
  /** RFC 9113 section 8.1.1: a stream error. */
  | { readonly kind: "malformed"; readonly reason: string };

interface PseudoHeaders {
  method?: string;
  path?: string;
  scheme?: string;
  authority?: string;
}

/** Judges the headers of a request. */
export function readRequestHead(
  list: HeaderList,
  methods: ReadonlyMap<string, Method>,
): RequestHead {
  if (list.oversized) return { kind: "oversized" };
  const pseudo: PseudoHeaders = {};
  const reason = firstFault(list.fields, pseudo);
  if (reason !== undefined) return { kind: "malformed", reason };
  if (Object.keys(pseudo).length === 0) return { kind: "trailers" };
  const missing = missingIn(pseudo);
  if (missing !== undefined) return { kind: "malformed", reason: `${missing} is missing` };
  const { method = "", path = "" } = pseudo;
  const fields = list.fields.filter((field) => !field.name.startsWith(":"));
  const metadata = new Metadata(fields);
  const contentType = metadata.get("content-type") ?? "";
  const isGrpc = /^application\/grpc(?:$|[+;])/i.test(contentType);
  if (isGrpc && method === "POST") return readCall(path, metadata, methods);
  const authority = pseudo.authority ?? metadata.get("host") ?? "";
  const request = { method, path, authority, fields };
  return { kind: "http", request, ...(isGrpc ? wrongMethod(method) : wrongType(contentType)) };
}

/** The texts of grpc-go. */
function wrongType(contentType: string): { readonly httpStatus: 415; readonly status: Status } {
  const message = `invalid gRPC request content-type ${JSON.stringify(contentType)}`;
  return { httpStatus: 415, status: { code: statusCode.invalidArgument, message } };
}

function wrongMethod(method: string): { readonly httpStatus: 405; readonly status: Status } {
  const message = `Received a HEADERS frame with :method ${JSON.stringify(method)} which should be POST`;
  return { httpStatus: 405, status: { code: statusCode.internal, message } };
}

function readCall(
  path: string,
  metadata: Metadata,
  methods: ReadonlyMap<string, Method>,
): RequestHead {
  const timeoutText = metadata.get("grpc-timeout");
  const timeoutMs = timeoutText === undefined ? undefined : parseTimeoutMs(timeoutText);
  if (timeoutText !== undefined && timeoutMs === undefined) {
    return refused(statusCode.internal, `malformed grpc-timeout: ${timeoutText}`);
  }
  const method = methods.get(path);
  if (method === undefined) return refused(statusCode.unimplemented, unknownText(path, methods));
  const encoding = metadata.get("grpc-encoding") ?? "identity";
  const contentLength = metadata.get("content-length");
  const contentBytes = contentLength === undefined ? undefined : Number(contentLength);
  return { kind: "call", path, method, metadata, timeoutMs, contentBytes, encoding };
}

function refused(code: StatusCode, message: string): RequestHead {
  return { kind: "refused", status: { code, message } };
}

/** The texts of grpc-go, which tell a wrong version of a client from a wrong address. */
function unknownText(path: string, methods: ReadonlyMap<string, Method>): string {
  const slash = path.lastIndexOf("/");
  if (slash <= 0) return `malformed method name: "${path}"`;
  const service = path.slice(1, slash);
  for (const known of methods.keys()) {
    if (known.startsWith(`/${service}/`)) {
      return `unknown method ${path.slice(slash + 1)} for service ${service}`;
    }
  }
  return `unknown service ${service}`;
}

const pseudoNames = new Map<string, keyof PseudoHeaders>([
  [":method", "method"],
  [":path", "path"],
  [":scheme", "scheme"],
  [":authority", "authority"],
]);
/** Fields that only HTTP/1 knows (RFC 9113 section 8.2.2). */
const connectionFields: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
]);

/** Fills `pseudo`, and tells what makes the list malformed. */
function firstFault(fields: readonly HeaderField[], pseudo: PseudoHeaders): string | undefined {
  let regularSeen = false;
  for (const { name, value } of fields) {
    if (name.startsWith(":")) {
      const key = pseudoNames.get(name);
      if (key === undefined) return `unknown pseudo-header ${name}`;
      if (regularSeen) return "pseudo-header after a regular one";
      if (pseudo[key] !== undefined) return `${name} twice`;
      pseudo[key] = value;
      continue;
    }
    regularSeen = true;
    const fault = fieldFault(name, value);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

/** Which pseudo-header a request lacks. */
function missingIn({ method, path, scheme }: PseudoHeaders): string | undefined {
  if (method === undefined) return ":method";
  if (path === undefined || path === "") return ":path";
  return scheme === undefined ? ":scheme" : undefined;
}

/** The fault of a regular field, also of one in the trailers; undefined when it is well-formed. */
export function fieldFault(name: string, value: string): string | undefined {
  // RFC 9110 token characters, upper case left out.
  if (!/^[!#$%&'*+\-.^_`|~0-9a-z]+$/.test(name)) return "bad character in a field name";
  if (/[\0\r\n]|^[ \t]|[ \t]$/.test(value)) return "bad character in a field value";
  if (connectionFields.has(name)) return `${name} is not for HTTP/2`;
  if (name === "te" && value !== "trailers") return "te other than trailers";
  if (name === "content-length" && !/^\d{1,15}$/.test(value)) return "bad content-length";
  return undefined;
}

const unitMs: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1_000,
  m: 1,
  u: 0.001,
  n: 0.000_001,
};

/** `grpc-timeout`: at most 8 digits and a unit; undefined when it is not one. */
export function parseTimeoutMs(text: string): number | undefined {
  const match = /^(\d{1,8})([HMSmun])$/.exec(text);
  if (match === null) return undefined;
  return Number(match[1]) * (unitMs[match[2] as string] as number);
}
