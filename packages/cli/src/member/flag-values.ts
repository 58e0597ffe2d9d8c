/** What the flags are set to, and by whom. */
import { assert } from "@flotilla/base";
import { type FlagValue, parseBool, parseValue } from "./flag-kinds.ts";
import { type Flag, flags, oldNames } from "./flags.ts";

/** One setting, by the name under which it was given. */
export type SetOutcome =
  | { readonly kind: "set" }
  | { readonly kind: "wrong"; readonly problem: string };

export class FlagValues {
  readonly #values = new Map<string, FlagValue>();
  /** Names as they were given, those of 3.5 included. */
  readonly #given = new Set<string>();
  readonly #gates: string[] = [];

  /** True for a name that {@link set} takes. */
  static knows(name: string): boolean {
    return flags.has(name) || oldNames.has(name);
  }

  /** True for a flag that may stand without a value. */
  static isBool(name: string): boolean {
    const successor = oldNames.get(name);
    if (successor === undefined) return flags.get(name)?.kind === "bool";
    return "gate" in successor || flags.get(successor.flag)?.kind === "bool";
  }

  /** Takes a text, as from a command line. */
  set(name: string, text: string): SetOutcome {
    const successor = oldNames.get(name);
    if (successor !== undefined && "gate" in successor)
      return this.#setGate(name, successor.gate, text);
    const flag = flagOf(successor?.flag ?? name);
    const parsed = parseValue(flag.kind, text);
    if (parsed.kind === "wrong") return parsed;
    return this.#keep(name, flag, parsed.value);
  }

  /** Takes a value of the flag's kind, as from a file. */
  setValue(name: string, value: FlagValue): SetOutcome {
    const successor = oldNames.get(name);
    if (successor !== undefined && "gate" in successor) {
      return this.#setGate(name, successor.gate, String(value));
    }
    return this.#keep(name, flagOf(successor?.flag ?? name), value);
  }

  /** Whether anybody has set it, under any name. */
  isSet(name: string): boolean {
    return this.#values.has(name);
  }

  isEmpty(name: string): boolean {
    return String(this.#value(name)) === "";
  }

  /** The names that were given, in order. */
  get given(): readonly string[] {
    return [...this.#given];
  }

  wasGiven(name: string): boolean {
    return this.#given.has(name);
  }

  text(name: string): string {
    const value = this.#value(name);
    assert(typeof value === "string", () => `flag ${name} is no text`);
    return value;
  }

  /** Undefined when it is empty. */
  textIfAny(name: string): string | undefined {
    const text = this.text(name);
    return text === "" ? undefined : text;
  }

  number(name: string): number {
    const value = this.#value(name);
    assert(typeof value === "number", () => `flag ${name} is no number`);
    return value;
  }

  bool(name: string): boolean {
    const value = this.#value(name);
    assert(typeof value === "boolean", () => `flag ${name} is not true or false`);
    return value;
  }

  list(name: string): readonly string[] {
    const value = this.#value(name);
    assert(typeof value === "object", () => `flag ${name} is no list`);
    return value;
  }

  /** `--feature-gates`, and what the names of 3.5 say of them. */
  get featureGates(): string {
    return [this.text("feature-gates"), ...this.#gates].filter((text) => text !== "").join(",");
  }

  #value(name: string): FlagValue {
    return this.#values.get(name) ?? flagOf(name).initial;
  }

  #keep(name: string, flag: Flag, value: FlagValue): SetOutcome {
    if (flag.choices !== undefined && !flag.choices.includes(String(value))) {
      return { kind: "wrong", problem: "invalid value" };
    }
    this.#values.set(flag.name, value);
    this.#given.add(name);
    return { kind: "set" };
  }

  #setGate(name: string, gate: string, text: string): SetOutcome {
    const truth = parseBool(text);
    if (truth === undefined) return { kind: "wrong", problem: "parse error" };
    this.#gates.push(`${gate}=${truth}`);
    this.#given.add(name);
    return { kind: "set" };
  }
}

function flagOf(name: string): Flag {
  const flag = flags.get(name);
  assert(flag !== undefined, () => `no flag ${name}`);
  return flag;
}
