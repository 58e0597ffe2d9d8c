/**
 * Label selectors: "app=web,tier notin (db),!canary", and the object of the same meaning.
 *
 * Source: apimachinery pkg/labels/selector.go (grammar, messages). Pure.
 */
import { assertNever } from "@flotilla/base";
import type { LabelSelector, StringMap } from "../types.ts";
import { checkLabelValue, checkQualifiedName } from "../validation/name-syntax.ts";

/** One condition; an empty list of them selects everything. */
export interface LabelRequirement {
  readonly key: string;
  readonly operator: "=" | "==" | "!=" | "in" | "notin" | "exists" | "!" | "gt" | "lt";
  readonly values: readonly string[];
}

export type LabelSelectorOutcome =
  | { readonly kind: "ok"; readonly requirements: readonly LabelRequirement[] }
  /** `message` is fit for the client: answer 400 BadRequest. */
  | { readonly kind: "badRequest"; readonly message: string };

/** Parses the text of a `labelSelector` query parameter; empty selects everything. */
export function parseLabelSelector(text: string): LabelSelectorOutcome {
  const parser = new SelectorParser(text);
  const requirements = parser.parse();
  if (parser.problem !== undefined) return { kind: "badRequest", message: parser.problem };
  return { kind: "ok", requirements };
}

/** The requirements of a LabelSelector object; undefined selects nothing, an empty one everything. */
export function requirementsOf(selector: LabelSelector): readonly LabelRequirement[] {
  const requirements: LabelRequirement[] = [];
  const labels = Object.entries(selector.matchLabels ?? {});
  for (const [key, value] of labels) requirements.push({ key, operator: "=", values: [value] });
  for (const { key, operator, values = [] } of selector.matchExpressions ?? []) {
    requirements.push({ key, operator: objectOperators[operator], values });
  }
  return requirements.sort((left, right) => (left.key < right.key ? -1 : 1));
}

const objectOperators = { In: "in", NotIn: "notin", Exists: "exists", DoesNotExist: "!" } as const;

/** True when the labels satisfy every requirement. */
export function matchesLabels(
  requirements: readonly LabelRequirement[],
  labels: StringMap | undefined,
): boolean {
  return requirements.every((requirement) => {
    // A plain look-up would find "constructor" on every object.
    const has = labels !== undefined && Object.hasOwn(labels, requirement.key);
    return satisfies(requirement, has ? labels[requirement.key] : undefined);
  });
}

/** True when a LabelSelector object selects the labels; without a selector, nothing is selected. */
export function selects(
  selector: LabelSelector | undefined,
  labels: StringMap | undefined,
): boolean {
  return selector !== undefined && matchesLabels(requirementsOf(selector), labels);
}

/** The text form: what a Scale object carries in `status.selector`. */
export function formatLabelSelector(requirements: readonly LabelRequirement[]): string {
  return requirements.map(formatRequirement).join(",");
}

function satisfies({ operator, values }: LabelRequirement, value: string | undefined): boolean {
  switch (operator) {
    case "=":
    case "==":
    case "in":
      return value !== undefined && values.includes(value);
    case "!=":
    case "notin":
      return value === undefined || !values.includes(value);
    case "exists":
      return value !== undefined;
    case "!":
      return value === undefined;
    case "gt":
    case "lt": {
      if (value === undefined || !isInteger(value)) return false;
      const limit = Number(values[0]);
      return operator === "gt" ? Number(value) > limit : Number(value) < limit;
    }
    default:
      return assertNever(operator);
  }
}

function formatRequirement({ key, operator, values }: LabelRequirement): string {
  switch (operator) {
    case "exists":
      return key;
    case "!":
      return `!${key}`;
    case "in":
    case "notin":
      return `${key} ${operator} (${[...values].sort().join(",")})`;
    case "gt":
      return `${key}>${values[0]}`;
    case "lt":
      return `${key}<${values[0]}`;
    default:
      return `${key}${operator}${values[0]}`;
  }
}

function isInteger(text: string): boolean {
  return /^[+-]?\d+$/.test(text);
}

interface Token {
  readonly kind: "word" | "symbol" | "end";
  readonly text: string;
}

const symbols = ["==", "!=", "=", "!", ",", "(", ")", ">", "<"];

function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < text.length) {
    const rest = text.slice(at);
    const space = /^[ \t\r\n]+/.exec(rest)?.[0].length ?? 0;
    const symbol = symbols.find((candidate) => rest.startsWith(candidate));
    const word = /^[^ \t\r\n=!(),<>]+/.exec(rest)?.[0];
    if (space > 0) at += space;
    else if (symbol !== undefined) {
      tokens.push({ kind: "symbol", text: symbol });
      at += symbol.length;
    } else {
      tokens.push({ kind: "word", text: word ?? rest });
      at += (word ?? rest).length;
    }
  }
  tokens.push({ kind: "end", text: "" });
  return tokens;
}

const operators: Readonly<Record<string, LabelRequirement["operator"]>> = {
  in: "in",
  notin: "notin",
  "=": "=",
  "==": "==",
  "!=": "!=",
  ">": "gt",
  "<": "lt",
};

/** Recursive descent over the tokens; keeps the first problem, and stops at it. */
class SelectorParser {
  problem: string | undefined;
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(text: string) {
    this.#tokens = tokenize(text);
  }

  parse(): readonly LabelRequirement[] {
    const requirements: LabelRequirement[] = [];
    if (this.#peek().kind === "end") return requirements;
    if (!this.#startsRequirement()) {
      return this.#fail(
        `found '${this.#peek().text}', expected: !, identifier, or 'end of string'`,
      );
    }
    for (;;) {
      const requirement = this.#requirement();
      if (requirement === undefined) return [];
      requirements.push(requirement);
      const next = this.#take();
      if (next.kind === "end") return requirements;
      if (next.text !== ",") {
        return this.#fail(`found '${next.text}', expected: ',' or 'end of string'`);
      }
      if (!this.#startsRequirement()) {
        return this.#fail(`found '${this.#peek().text}', expected: identifier after ','`);
      }
    }
  }

  #requirement(): LabelRequirement | undefined {
    const negated = this.#peek().text === "!";
    if (negated) this.#take();
    const key = this.#take();
    if (key.kind !== "word") return this.#refuse(`found '${key.text}', expected: identifier`);
    const wrong = checkQualifiedName(key.text)[0];
    if (wrong !== undefined) {
      return this.#refuse(`<nil>: Invalid value: ${JSON.stringify(key.text)}: ${wrong}`);
    }
    if (negated) return { key: key.text, operator: "!", values: [] };
    if (this.#atEnd()) return { key: key.text, operator: "exists", values: [] };
    return this.#operatorAndValues(key.text);
  }

  #operatorAndValues(key: string): LabelRequirement | undefined {
    const token = this.#take();
    const operator = operators[token.text];
    if (operator === undefined) {
      return this.#refuse(`found '${token.text}', expected: in, notin, =, ==, !=, gt, lt`);
    }
    const isSet = operator === "in" || operator === "notin";
    const values = isSet ? this.#set() : this.#exactValue();
    if (values === undefined) return undefined;
    for (const [index, value] of values.entries()) {
      const wrong = checkLabelValue(value)[0];
      if ((operator === "gt" || operator === "lt") && !isInteger(value)) {
        const rule = "for 'Gt', 'Lt' operators, the value must be an integer";
        return this.#refuse(`values[${index}]: Invalid value: ${JSON.stringify(value)}: ${rule}`);
      }
      if (wrong !== undefined) {
        const quoted = JSON.stringify(value);
        return this.#refuse(`values[${index}][${key}]: Invalid value: ${quoted}: ${wrong}`);
      }
    }
    return { key, operator, values };
  }

  #exactValue(): string[] | undefined {
    if (this.#atEnd()) return [""];
    const token = this.#take();
    return token.kind === "word"
      ? [token.text]
      : this.#refuse(`found '${token.text}', expected: identifier`);
  }

  /** "(a,b)"; an empty place, as in "(a,)" or "()", is the empty value. */
  #set(): string[] | undefined {
    const open = this.#take();
    if (open.text !== "(") return this.#refuse(`found '${open.text}' expected: '('`);
    const values = new Set<string>();
    if (this.#peek().kind !== "word" && ![",", ")"].includes(this.#peek().text)) {
      return this.#refuse(`found '${this.#peek().text}', expected: ',', ')' or identifier`);
    }
    for (;;) {
      if (this.#peek().kind === "word") values.add(this.#take().text);
      else values.add("");
      const next = this.#take();
      if (next.text === ")") return [...values].sort();
      if (next.text !== ",") {
        return this.#refuse(`found '${next.text}', expected: ',' or ')'`);
      }
    }
  }

  #peek(): Token {
    return this.#tokens[this.#at] ?? { kind: "end", text: "" };
  }

  #take(): Token {
    const token = this.#peek();
    this.#at++;
    return token;
  }

  #atEnd(): boolean {
    return this.#peek().kind === "end" || this.#peek().text === ",";
  }

  #startsRequirement(): boolean {
    return this.#peek().kind === "word" || this.#peek().text === "!";
  }

  #refuse(problem: string): undefined {
    this.#fail(`unable to parse requirement: ${problem}`);
  }

  #fail(problem: string): [] {
    this.problem ??= problem;
    return [];
  }
}
