/**
 * Kinds of values that etcd's flags have, read as Go's package `flag` and etcd's own types read them,
 * with their words for what is wrong. Pure.
 */
import { durationMsOf } from "@flotilla/etcd-api";

/** Lists keep their order; times are in milliseconds. */
export type FlagValue = string | number | boolean | readonly string[];

export type Parsed =
  | { readonly kind: "value"; readonly value: FlagValue }
  | { readonly kind: "wrong"; readonly problem: string };

/**
 * - `count`: a whole number, 0 or more; `integer`: any whole number.
 * - `duration`: Go's, like `1m30s`.
 * - `list`: by commas; `urls`: the same of URLs that etcd takes.
 */
export type FlagKind = "text" | "bool" | "count" | "integer" | "duration" | "list" | "urls";

const value = (of: FlagValue): Parsed => ({ kind: "value", value: of });
const wrong = (problem: string): Parsed => ({ kind: "wrong", problem });

const truths: ReadonlyMap<string, boolean> = new Map([
  ...["1", "t", "T", "TRUE", "true", "True"].map((text) => [text, true] as const),
  ...["0", "f", "F", "FALSE", "false", "False"].map((text) => [text, false] as const),
]);

/** Go's `strconv.ParseBool`. */
export function parseBool(text: string): boolean | undefined {
  return truths.get(text);
}

/** What a flag of `kind` makes of `text`. */
export function parseValue(kind: FlagKind, text: string): Parsed {
  switch (kind) {
    case "text":
      return value(text);
    case "bool": {
      const truth = parseBool(text);
      return truth === undefined ? wrong("parse error") : value(truth);
    }
    case "count":
    case "integer":
      return parseInteger(kind, text);
    case "duration": {
      const ms = durationMsOf(text);
      return ms === undefined ? wrong("parse error") : value(ms);
    }
    case "list":
      return value(listOf(text));
    case "urls":
      return parseUrls(text);
  }
}

function parseInteger(kind: "count" | "integer", text: string): Parsed {
  if (!/^[+-]?\d+$/.test(text) || (kind === "count" && !/^\d/.test(text)))
    return wrong("parse error");
  const number = Number(text);
  return Number.isSafeInteger(number) ? value(number) : wrong("value out of range");
}

function listOf(text: string): readonly string[] {
  return text === "" ? [] : text.split(",").map((part) => part.trim());
}

/** Source: etcd client/pkg/types/urls.go, NewURLs. They come back sorted, as there. */
function parseUrls(text: string): Parsed {
  const urls = listOf(text);
  for (const url of urls) {
    const problem = urlProblem(url);
    if (problem !== undefined) return wrong(problem);
  }
  return value(urls.toSorted());
}

function urlProblem(url: string): string | undefined {
  if (/^unixs?:\/\/./.test(url)) return undefined;
  const match = /^([a-zA-Z][\w+.-]*):\/\/([^/]*)(.*)$/.exec(url);
  if (match === null) {
    return /^[^/]*:/.test(url) && !/^[a-zA-Z][\w+.-]*:/.test(url)
      ? `parse ${JSON.stringify(url)}: first path segment in URL cannot contain colon`
      : `URL scheme must be http, https, unix, or unixs: ${url}`;
  }
  const [, scheme, authority = "", path] = match;
  if (scheme !== "http" && scheme !== "https") {
    return `URL scheme must be http, https, unix, or unixs: ${url}`;
  }
  if (!/^(?:\[[^\]]*\]|[^:]*):[^:]+$/.test(authority)) {
    return `URL address does not have the form "host:port": ${url}`;
  }
  return path === "" ? undefined : `URL must not contain a path: ${url}`;
}
