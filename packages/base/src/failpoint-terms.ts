/**
 * What a failpoint does when it is passed, as text: gofail's terms.
 *
 * Source of the grammar: gofail's documentation, which takes it from FreeBSD's fail(9):
 *
 *     terms  = term { "->" term }
 *     term   = { float "%" | int "*" } ("off" | "return" | "sleep" | "panic" | "break" | "print") [ value ]
 *     value  = "(" [ int | "text in quotes" | bool ] ")"
 *
 * Example: `2*return("a")->10.0%panic` gives "a" twice, and then panics in one pass of ten. Pure.
 */

/** What `return` gives: its value, or null for one without. */
export type FailpointValue = string | number | boolean | null;

/** One term; `timesLeft` counts down. */
export interface FailpointTerm {
  timesLeft: number;
  /** Of 1. */
  readonly probability: number;
  readonly action: "off" | "return" | "sleep" | "panic" | "break" | "print";
  /** Undefined: none in parentheses, or not understood. */
  readonly value: FailpointValue;
}

const pattern =
  /^((?:\d+\.\d*%|\d+\*)*)(off|return|sleep|panic|break|print)(?:\((-?\d+|"(?:[^"\\]|\\.)*"|true|false|)\))?/;

/** Longer texts are refused. */
const textCharactersMax = 4096;

/** The terms in their order; undefined when the text is none. */
export function parseFailpointTerms(text: string): readonly FailpointTerm[] | undefined {
  if (text.length > textCharactersMax) return undefined;
  const terms: FailpointTerm[] = [];
  for (let rest = text; rest !== ""; ) {
    const match = pattern.exec(rest);
    if (match === null) return undefined;
    const value = parseValue(match[3]);
    if (value === undefined) return undefined;
    const action = match[2] as FailpointTerm["action"];
    terms.push({ ...parseModes(match[1] ?? ""), action, value });
    rest = rest.slice(match[0].length);
    if (rest === "") break;
    if (!rest.startsWith("->") || rest === "->") return undefined;
    rest = rest.slice(2);
  }
  return terms.length === 0 ? undefined : terms;
}

function parseModes(text: string): { timesLeft: number; readonly probability: number } {
  let timesLeft = Number.POSITIVE_INFINITY;
  let probability = 1;
  for (const [, number = "", mode] of text.matchAll(/(\d+(?:\.\d*)?)([%*])/g)) {
    if (mode === "*") timesLeft = Math.min(timesLeft, Number(number));
    else probability *= Number(number) / 100;
  }
  return { timesLeft, probability };
}

function parseValue(text: string | undefined): FailpointValue | undefined {
  if (text === undefined || text === "") return null;
  try {
    return JSON.parse(text) as FailpointValue;
  } catch {
    return undefined; // An escape that only Go knows.
  }
}

const unitMs: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
};

/** The duration that `sleep` has as its value: milliseconds, or Go's text such as `1m30s`. */
export function sleepMsOf(value: FailpointValue): number | undefined {
  if (typeof value === "number") return Math.max(0, value);
  if (typeof value !== "string" || !/^(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h))+$/.test(value)) {
    return undefined;
  }
  let ms = 0;
  for (const [, number, unit = ""] of value.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/g)) {
    ms += Number(number) * (unitMs[unit] ?? 0);
  }
  return ms;
}
