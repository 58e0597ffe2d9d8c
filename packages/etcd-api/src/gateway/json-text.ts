/**
 * JSON text to a tree that knows where each value stood, numbers kept as text: 64-bit integers do not
 * fit a `number`, and errors name a place. The complaints are those of Go's encoding/json, which
 * reads etcd's gateway requests. Pure.
 */

import { utf8 } from "@flotilla/base";

/** The text is not JSON. */
export class JsonSyntaxError extends Error {
  override readonly name = "JsonSyntaxError";
}

/** A value, from `start` up to `end` in the text. */
export type JsonValue = { readonly start: number; readonly end: number } & (
  | { readonly kind: "object"; readonly members: readonly JsonMember[] }
  | { readonly kind: "array"; readonly items: readonly JsonValue[] }
  | { readonly kind: "string"; readonly text: string }
  | { readonly kind: "number"; readonly text: string }
  | { readonly kind: "bool"; readonly value: boolean }
  | { readonly kind: "null" }
);

/** A name and its value; one name may occur more than once. */
export interface JsonMember {
  readonly name: string;
  /** Where the name stands. */
  readonly start: number;
  readonly value: JsonValue;
}

/** Objects and arrays in one another, three for each of as many transactions as may be nested; beyond, the text is refused. */
export const jsonDepthMax = 400;

/**
 * The first value of a text, from `from` on; undefined when there is none. What follows it is not
 * looked at. Throws {@link JsonSyntaxError}.
 */
export function parseJson(text: string, from = 0): JsonValue | undefined {
  const parser = new Parser(text, from);
  return parser.isBlank() ? undefined : parser.value(0);
}

const escapes: Readonly<Record<string, string>> = {
  '"': '"',
  "\\": "\\",
  "/": "/",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
};

const spaces = " \t\r\n";
const beginning = "looking for beginning of value";
const keyBeginning = "looking for beginning of object key string";

class Parser {
  readonly #text: string;
  #at: number;

  constructor(text: string, from: number) {
    this.#text = text;
    this.#at = from;
  }

  /** True when only spaces are left; skips them. */
  isBlank(): boolean {
    while (this.#at < this.#text.length && spaces.includes(this.#text.charAt(this.#at))) this.#at++;
    return this.#at === this.#text.length;
  }

  value(depth: number): JsonValue {
    const first = this.#next();
    const start = this.#at;
    if (first === "{" || first === "[") {
      if (depth === jsonDepthMax) throw new JsonSyntaxError("exceeded max depth");
      return first === "{" ? this.#object(start, depth) : this.#array(start, depth);
    }
    if (first === '"') {
      const text = this.#string();
      return { kind: "string", text, start, end: this.#at };
    }
    if (first === "-" || isDigit(first)) {
      this.#number();
      const text = this.#text.slice(start, this.#at);
      return { kind: "number", text, start, end: this.#at };
    }
    if (first === "t" || first === "f") {
      this.#word(first === "t" ? "true" : "false");
      return { kind: "bool", value: first === "t", start, end: this.#at };
    }
    if (first !== "n") throw this.#unexpected(beginning);
    this.#word("null");
    return { kind: "null", start, end: this.#at };
  }

  #object(start: number, depth: number): JsonValue {
    const members: JsonMember[] = [];
    this.#at++;
    if (this.#next() === "}") this.#at++;
    else {
      do members.push(this.#member(depth));
      while (this.#goesOn("}", "after object key:value pair"));
    }
    return { kind: "object", members, start, end: this.#at };
  }

  #member(depth: number): JsonMember {
    if (this.#next() !== '"') throw this.#unexpected(keyBeginning);
    const start = this.#at;
    const name = this.#string();
    if (this.#next() !== ":") throw this.#unexpected("after object key");
    this.#at++;
    return { name, start, value: this.value(depth + 1) };
  }

  #array(start: number, depth: number): JsonValue {
    const items: JsonValue[] = [];
    this.#at++;
    if (this.#next() === "]") this.#at++;
    else {
      do items.push(this.value(depth + 1));
      while (this.#goesOn("]", "after array element"));
    }
    return { kind: "array", items, start, end: this.#at };
  }

  /** Takes a comma, or the end. */
  #goesOn(end: "]" | "}", place: string): boolean {
    const mark = this.#next();
    if (mark !== "," && mark !== end) throw this.#unexpected(place);
    this.#at++;
    return mark === ",";
  }

  #string(): string {
    let text = "";
    this.#at++;
    let from = this.#at;
    for (;;) {
      const mark = this.#char();
      if (mark === '"' || mark === "\\") {
        text += this.#text.slice(from, this.#at++);
        if (mark === '"') return text;
        text += this.#escape();
        from = this.#at;
      } else if (mark < " ") throw this.#unexpected("in string literal");
      else this.#at++;
    }
  }

  #escape(): string {
    const mark = this.#char();
    const plain = escapes[mark];
    if (plain !== undefined) {
      this.#at++;
      return plain;
    }
    if (mark !== "u") throw this.#unexpected("in string escape code");
    for (let digit = 0; digit < 4; digit++) {
      this.#at++;
      if (!/[0-9a-fA-F]/.test(this.#char())) {
        throw this.#unexpected("in \\u hexadecimal character escape");
      }
    }
    this.#at++;
    return String.fromCharCode(Number.parseInt(this.#text.slice(this.#at - 4, this.#at), 16));
  }

  #number(): void {
    if (this.#text.charAt(this.#at) === "-") this.#at++;
    if (this.#text.charAt(this.#at) === "0") this.#at++;
    else this.#digits("in numeric literal");
    if (this.#text.charAt(this.#at) === ".") {
      this.#at++;
      this.#digits("after decimal point in numeric literal");
    }
    if (!/[eE]/.test(this.#text.charAt(this.#at))) return;
    this.#at++;
    if (/[+-]/.test(this.#text.charAt(this.#at))) this.#at++;
    this.#digits("in exponent of numeric literal");
  }

  /** One at least. */
  #digits(place: string): void {
    if (!isDigit(this.#char())) throw this.#unexpected(place);
    while (isDigit(this.#text.charAt(this.#at))) this.#at++;
  }

  #word(word: string): void {
    for (const letter of word) {
      if (this.#char() !== letter) {
        throw this.#unexpected(`in literal ${word} (expecting ${quoted(letter)})`);
      }
      this.#at++;
    }
  }

  /** The first character that is no space. */
  #next(): string {
    this.isBlank();
    return this.#char();
  }

  #char(): string {
    if (this.#at < this.#text.length) return this.#text.charAt(this.#at);
    throw new JsonSyntaxError("unexpected EOF");
  }

  #unexpected(place: string): JsonSyntaxError {
    const [first = 0] = utf8(this.#text.charAt(this.#at));
    const character = quoted(String.fromCharCode(first)); // Go names the byte.
    return new JsonSyntaxError(`invalid character ${character} ${place}`);
  }
}

function isDigit(character: string): boolean {
  return character >= "0" && character <= "9";
}

/** A character as Go's errors write it. */
function quoted(character: string): string {
  if (character === "'") return "'\\''";
  if (character === '"') return "'\"'";
  const code = character.charCodeAt(0);
  if (code >= 0x20 && code !== 0x7f) return `'${character === "\\" ? "\\\\" : character}'`;
  const known = Object.entries(escapes).find(([, value]) => value === character);
  if (known !== undefined) return `'\\${known[0]}'`;
  return `'\\x${code.toString(16).padStart(2, "0")}'`;
}
