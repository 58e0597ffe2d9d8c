/**
 * A command line as Go's package `flag` reads it: `-x` and `--x` are the same, a value follows `=` or
 * stands in the next word, and a flag that is true or false needs none. Pure.
 */
import { FlagValues } from "./flag-values.ts";

export type CommandLine =
  | { readonly kind: "flags" }
  | { readonly kind: "help" }
  /** Ends with exit code 2, as flags that make no sense do at etcd. */
  | { readonly kind: "badFlag"; readonly problem: string }
  /** A word that is no flag. */
  | { readonly kind: "extraWord"; readonly word: string };

/** Reads all of `args` into `values`, up to the first thing that is wrong. */
export function readCommandLine(args: readonly string[], values: FlagValues): CommandLine {
  for (let at = 0; at < args.length; at++) {
    const word = args[at] as string;
    if (!word.startsWith("-") || word === "-" || word === "--") {
      const extra = word === "--" ? args[at + 1] : word;
      return extra === undefined ? { kind: "flags" } : { kind: "extraWord", word: extra };
    }
    const [, name = "", , given] = /^--?([^=]*)(=(.*))?$/s.exec(word) ?? [];
    if (name === "" || name.startsWith("-")) return badFlag(`bad flag syntax: ${word}`);
    if (name === "help" || name === "h") return { kind: "help" };
    if (!FlagValues.knows(name)) return badFlag(`flag provided but not defined: -${name}`);
    const isBool = FlagValues.isBool(name);
    const text = given ?? (isBool ? "true" : args[++at]);
    if (text === undefined) return badFlag(`flag needs an argument: -${name}`);
    const outcome = values.set(name, text);
    if (outcome.kind === "wrong") {
      const flag = isBool
        ? `boolean value ${JSON.stringify(text)} for`
        : `value ${JSON.stringify(text)} for flag`;
      return badFlag(`invalid ${flag} -${name}: ${outcome.problem}`);
    }
  }
  return { kind: "flags" };
}

function badFlag(problem: string): CommandLine {
  return { kind: "badFlag", problem };
}
