/** ETCD_* and FLOTILLA_* variables for flags that the command line leaves out. Pure. Source: etcd pkg/flags/flag.go. */
import type { LogFields } from "@flotilla/base";
import type { FlagValues } from "./flag-values.ts";
import { flags, oldNames, variableOf } from "./flags.ts";

/** Something to log before anything else is. */
export interface Notice {
  readonly level: "info" | "warn";
  readonly message: string;
  readonly fields: LogFields;
}

export type EnvironmentOutcome =
  | { readonly kind: "read"; readonly notices: readonly Notice[] }
  /** A setting that stands in both places, or a value that is none. */
  | { readonly kind: "refused"; readonly message: string; readonly fields: LogFields };

type Variables = Readonly<Record<string, string | undefined>>;

const conflict =
  "conflicting environment variable is shadowed by corresponding command-line flag (either unset environment variable or disable flag))";
const ours = /^(?:ETCD|FLOTILLA)_/;
/** What other commands of this program read, and the tools that etcd's own share a shell with. */
const foreign: readonly string[] = ["FLOTILLA_DATA_DIR", "FLOTILLA_DEBUG"];

/** Adds what the variables say to `values`, which hold what the command line says. */
export function readEnvironment(variables: Variables, values: FlagValues): EnvironmentOutcome {
  const names = [...flags.keys(), ...oldNames.keys()].filter((name) => name !== "version");
  const flagByVariable = new Map(names.map((name) => [variableOf(name), name]));
  const notices: Notice[] = [];
  for (const [variable, text = ""] of Object.entries(variables)) {
    if (!ours.test(variable) || foreign.includes(variable)) continue;
    const name = flagByVariable.get(variable);
    if (name === undefined) {
      if (variable.startsWith("ETCD_")) notices.push(unknown(`${variable}=${text}`));
      continue;
    }
    if (values.wasGiven(name)) {
      return { kind: "refused", message: conflict, fields: { "environment-variable": variable } };
    }
    if (text === "") continue;
    const outcome = values.set(name, text);
    if (outcome.kind === "wrong") {
      const error = `invalid value ${JSON.stringify(text)} for ${variable}: ${outcome.problem}`;
      return { kind: "refused", message: "failed to verify flags", fields: { error } };
    }
    const fields = { "variable-name": variable, "variable-value": text };
    notices.push({ level: "info", message: "recognized and used environment variable", fields });
  }
  return { kind: "read", notices };
}

function unknown(variable: string): Notice {
  return {
    level: "warn",
    message: "unrecognized environment variable",
    fields: { "environment-variable": variable },
  };
}
