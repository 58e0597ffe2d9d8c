/**
 * etcd's configuration file. Durations are integer nanoseconds, as etcd wants them, or texts like "10m",
 * as people write them. Pure. Source: etcd etcd.conf.yml.sample, server/embed/config.go.
 */
import { durationMsOf } from "@flotilla/etcd-api";
import { parse } from "yaml";
import { type FlagValue, parseValue } from "./flag-kinds.ts";
import { FlagValues } from "./flag-values.ts";
import { flags, oldNames } from "./flags.ts";

export type ConfigFileOutcome =
  | {
      readonly kind: "read";
      /** Keys that mean nothing here; etcd does not even mention them. */
      readonly unknownKeys: readonly string[];
    }
  | { readonly kind: "refused"; readonly problem: string };

const nanosecondsPerMs = 1e6;

/** Sections, and where their keys are among the flags. */
const sections: ReadonlyMap<string, (key: string) => string> = new Map([
  [
    "client-transport-security",
    (key) => (/^(crl-file|allowed-hostname)/.test(key) ? clientName(key) : key),
  ],
  [
    "peer-transport-security",
    (key) => (/^allowed-/.test(key) ? `peer-cert-${key}` : `peer-${key}`),
  ],
]);

function clientName(key: string): string {
  return key === "crl-file" ? "client-crl-file" : "client-cert-allowed-hostname";
}

/** Puts what the file says into `values`. */
export function readConfigFile(text: string, values: FlagValues): ConfigFileOutcome {
  let document: unknown;
  try {
    document = parse(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { kind: "refused", problem: `error converting YAML to JSON: ${reason}` };
  }
  if (document === null) return { kind: "read", unknownKeys: [] };
  if (!isRecord(document))
    return { kind: "refused", problem: "error unmarshaling JSON: it is no object" };
  const unknownKeys: string[] = [];
  for (const [key, value] of entriesOf(document)) {
    if (!FlagValues.knows(key) || key === "config-file" || key === "version") {
      unknownKeys.push(key);
      continue;
    }
    const problem = setOne(values, key, value);
    if (problem !== undefined)
      return { kind: "refused", problem: `error unmarshaling JSON: ${problem}` };
  }
  return { kind: "read", unknownKeys };
}

/** Keys as flags are called; those without a value are left out. */
function entriesOf(document: Readonly<Record<string, unknown>>): (readonly [string, unknown])[] {
  const entries = Object.entries(document).flatMap(([key, value]) => {
    const name = sections.get(key);
    if (name === undefined || !isRecord(value)) return [[key, value] as const];
    return Object.entries(value).map(([inner, of]) => [name(inner), of] as const);
  });
  return entries.filter(([, value]) => value !== null && value !== undefined);
}

/** What is wrong with it; undefined when it was set. */
function setOne(values: FlagValues, key: string, given: unknown): string | undefined {
  const value = flagValueOf(key, given);
  if (value === undefined) return `${key} cannot be ${JSON.stringify(given)}`;
  const outcome = values.setValue(key, value);
  return outcome.kind === "wrong" ? `${key}: ${outcome.problem}` : undefined;
}

function flagValueOf(key: string, given: unknown): FlagValue | undefined {
  const successor = oldNames.get(key);
  const name = successor !== undefined && "flag" in successor ? successor.flag : key;
  const kind = flags.get(name)?.kind ?? "bool"; // A gate of 3.5.
  switch (kind) {
    case "duration":
      if (typeof given === "number") return given / nanosecondsPerMs;
      return typeof given === "string" ? durationMsOf(given) : undefined;
    case "text":
      return typeof given === "string" || typeof given === "number" ? String(given) : undefined;
    default: {
      const text = Array.isArray(given) ? given.join(",") : String(given);
      const parsed = isRecord(given) ? undefined : parseValue(kind, text);
      return parsed?.kind === "value" ? parsed.value : undefined;
    }
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
