/** Requests and answers as values, so that the API is tested without sockets. */
import { warningLengthMax, warningsLengthMax } from "../limits.ts";

export interface User {
  readonly name: string;
  readonly groups: readonly string[];
}

export interface ApiRequest {
  readonly method: string;
  /** Path and query as sent. */
  readonly url: string;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Uint8Array;
  /** Undefined when nobody could be authenticated. */
  readonly user: User | undefined;
  /** Aborts when the client goes away. */
  readonly signal: AbortSignal;
}

export interface ApiResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  /** A stream is pulled as fast as the client takes it, and returned when the client goes away. */
  readonly body: string | Uint8Array | AsyncGenerator<string, void>;
}

/** An answer in JSON. */
export function json(
  status: number,
  body: unknown,
  headers: ApiResponse["headers"] = {},
): ApiResponse {
  return jsonText(status, JSON.stringify(body), headers);
}

/** An answer that is JSON text already. */
export function jsonText(
  status: number,
  body: string,
  headers: ApiResponse["headers"] = {},
): ApiResponse {
  return {
    status,
    headers: {
      "content-type": "application/json",
      "cache-control": "no-cache, private",
      ...headers,
    },
    body,
  };
}

/** An answer in plain text. */
export function text(status: number, body: string): ApiResponse {
  const headers = {
    "content-type": "text/plain; charset=utf-8",
    "x-content-type-options": "nosniff",
  };
  return { status, headers, body };
}

/**
 * Warnings as the values of their header. A header carries bytes, which Node takes as latin1; what
 * would end the header is left out, and so is what is too long for a client to take.
 */
export function warningHeaders(warnings: readonly string[]): readonly string[] {
  const headers: string[] = [];
  let length = 0;
  for (const warning of warnings) {
    const text = JSON.stringify(warning.slice(0, warningLengthMax)).replaceAll("\x7f", "?");
    const value = `299 - ${Buffer.from(text, "utf8").toString("latin1")}`;
    length += value.length;
    if (length > warningsLengthMax) break;
    headers.push(value);
  }
  return headers;
}
