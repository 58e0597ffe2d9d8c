/** HTTP headers as the metadata of a call, as grpc-gateway maps them. */
import type { IncomingMessage } from "node:http";
import { GrpcError, Metadata, statusCode } from "@flotilla/grpc";

/** Headers whose names begin so are metadata without that. */
const metadataPrefix = "grpc-metadata-";

/** Of HTTP itself: the call sees them under another name. */
const httpHeaders: ReadonlySet<string> = new Set([
  "accept",
  "content-type",
  "from",
  "host",
  "origin",
  "referer",
  "user-agent",
]);

/**
 * What a handler sees of a request's headers. `grpcgateway-accept` is always among it: the mark of a
 * call through the gateway, whose client certificate says nothing about its user.
 */
export function metadataOf({ headers }: Pick<IncomingMessage, "headers">): Metadata {
  const fields = [{ name: "grpcgateway-accept", value: headers.accept ?? "" }];
  for (const [name, given] of Object.entries(headers)) {
    if (given === undefined || name === "accept") continue;
    const values = typeof given === "string" ? [given] : given;
    for (const value of values) {
      if (name === "authorization") fields.push({ name, value });
      else if (httpHeaders.has(name)) fields.push({ name: `grpcgateway-${name}`, value });
      else if (name.startsWith(metadataPrefix)) {
        fields.push({ name: name.slice(metadataPrefix.length), value });
      }
    }
  }
  return new Metadata(fields);
}

const unitMs: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1000,
  m: 1,
  u: 1e-3,
  n: 1e-6,
};

/** The header `Grpc-Timeout`; undefined when there is none. Throws `GrpcError` for what is no time. */
export function timeoutMsOf({ headers }: Pick<IncomingMessage, "headers">): number | undefined {
  const text = headers["grpc-timeout"];
  if (text === undefined) return undefined;
  const [, digits, unit] = /^(\d{1,8})([HMSmun])$/.exec(String(text)) ?? [];
  if (digits !== undefined && unit !== undefined) return Number(digits) * (unitMs[unit] ?? 1);
  throw new GrpcError(statusCode.invalidArgument, `invalid grpc-timeout: ${text}`);
}
