/** From a command line, an environment and a file to what the flags are set to, or to why the process ends. Pure but for the file. */
import { readFileSync } from "node:fs";
import type { LogFields } from "@flotilla/base";
import { readCommandLine } from "./command-line.ts";
import { readConfigFile } from "./config-file.ts";
import { type Notice, readEnvironment } from "./environment.ts";
import { FlagValues } from "./flag-values.ts";
import { flags, oldNames } from "./flags.ts";

export type FlagsOutcome =
  | { readonly kind: "read"; readonly values: FlagValues; readonly notices: readonly Notice[] }
  | { readonly kind: "help" }
  | { readonly kind: "version" }
  /** Exit code 2, with the text on stderr. */
  | { readonly kind: "badFlag"; readonly problem: string }
  /** Exit code 1, with a line of the log. */
  | {
      readonly kind: "refused";
      readonly notices: readonly Notice[];
      readonly message: string;
      readonly fields: LogFields;
    };

const notVerified = "failed to verify flags";

export function readFlags(
  args: readonly string[],
  variables: Readonly<Record<string, string | undefined>>,
): FlagsOutcome {
  const values = new FlagValues();
  const line = readCommandLine(args, values);
  if (line.kind === "help" || line.kind === "badFlag") return line;
  if (line.kind === "extraWord") {
    const error = `${JSON.stringify(line.word)} is not a valid flag`;
    return { kind: "refused", notices: [], message: notVerified, fields: { error } };
  }
  if (values.bool("version")) return { kind: "version" };
  const file = values.textIfAny("config-file") ?? variables["ETCD_CONFIG_FILE"];
  if (file !== undefined && file !== "") return fromFile(file, values, variables);
  const environment = readEnvironment(variables, values);
  if (environment.kind === "refused") return { ...environment, notices: [] };
  return { kind: "read", values, notices: [...environment.notices, ...effects(values)] };
}

function fromFile(
  path: string,
  commandLine: FlagValues,
  variables: Readonly<Record<string, string | undefined>>,
): FlagsOutcome {
  const notices: Notice[] = [loaded(path, commandLine, variables)];
  const refused = (error: string): FlagsOutcome => {
    return { kind: "refused", notices: [], message: notVerified, fields: { error } };
  };
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const reason = code === "ENOENT" ? "no such file or directory" : String(error);
    return refused(`open ${path}: ${reason}`);
  }
  const values = new FlagValues();
  const outcome = readConfigFile(text, values);
  if (outcome.kind === "refused") return refused(outcome.problem);
  if (outcome.unknownKeys.length > 0) {
    const fields = { path, keys: outcome.unknownKeys };
    notices.push({
      level: "warn",
      message: "ignored unknown keys of the configuration file",
      fields,
    });
  }
  return { kind: "read", values, notices: [...notices, ...effects(values)] };
}

/** Says what is left aside for the file. */
function loaded(
  path: string,
  commandLine: FlagValues,
  variables: Readonly<Record<string, string | undefined>>,
): Notice {
  const names = commandLine.given
    .filter((name) => name !== "config-file")
    .map((name) => `--${name}`);
  const set = Object.keys(variables).filter(
    (name) => name.startsWith("ETCD_") && name !== "ETCD_CONFIG_FILE",
  );
  const ignored = [...names, ...set];
  return {
    level: ignored.length === 0 ? "info" : "warn",
    message:
      "loaded server configuration, other configuration command line flags and environment variables will be ignored if provided",
    fields: { path, ...(ignored.length === 0 ? {} : { ignored }) },
  };
}

/** One warning for each flag that was set and changes nothing, and for each name of 3.5. */
function effects(values: FlagValues): Notice[] {
  return values.given.flatMap((name): Notice[] => {
    const successor = oldNames.get(name);
    const notices: Notice[] = [];
    if (successor !== undefined) {
      const now =
        "flag" in successor ? `--${successor.flag}` : `--feature-gates=${successor.gate}=...`;
      const fields = { flag: `--${name}`, use: now };
      notices.push({ level: "warn", message: "flag has another name now", fields });
    }
    const flag = flags.get(successor !== undefined && "flag" in successor ? successor.flag : name);
    const effect = flag?.effect ?? "done";
    if (typeof effect === "object" && "withoutEffect" in effect) {
      const fields = { flag: `--${name}`, reason: effect.withoutEffect };
      notices.push({ level: "warn", message: "flag has no effect here", fields });
    }
    return notices;
  });
}
