/**
 * The notation of the schema table, and its parser. One line (or one `;`) is one field:
 *
 *     Container {
 *       1 name! string
 *       6 ports []ContainerPort @merge(containerPort) @map(containerPort,protocol)
 *       8 resources+ ResourceRequirements
 *       20 terminationMessagePolicy TerminationMessagePolicy=File
 *     }
 *
 * part         | meaning
 * -------------|---------------------------------------------------------------------------------
 * `1`          | protobuf field number
 * `!`          | required
 * `?`          | present and empty differ (a pointer in Go): `replicas: 0` is kept
 * `+`          | shown even when empty, as `{}`, `null`, `""` or `0`; what is `!` is too, unless it is `?`
 * neither      | dropped when empty: `hostNetwork: false` says nothing
 * `[]T` `{}T`  | list, map from string
 * `=value`     | default: JSON, or else a string
 * `...T`       | the fields of T stand here in JSON; protobuf nests them
 * `@merge(k)`  | strategic merge patch merges this list by key k; without k, a list of scalars
 * `@map(k,l)`  | the list is a map by these keys; `@set`: no value twice; `@atomic`: owned as a whole
 * `@retainKeys`| a patch may list the keys to keep (a union)
 *
 * Pure. The tables are ours: a line that cannot be read is a bug.
 */
import { assert, present } from "@flotilla/base";
import type { Json } from "../types.ts";

/** What a field holds. */
export type FieldType =
  | { readonly kind: "scalar"; readonly scalar: Scalar }
  | EnumerationType
  | { readonly kind: "message"; readonly message: Message }
  | { readonly kind: "list"; readonly of: FieldType }
  | { readonly kind: "map"; readonly of: FieldType };

/** A string of which only some are allowed. */
export interface EnumerationType {
  readonly kind: "enumeration";
  readonly name: string;
  readonly values: readonly string[];
}

/** `bytes` is base64 in JSON; `microtime` has six digits; `json` is anything. */
export type Scalar = (typeof scalars)[number];

/** One field, as JSON knows it. */
export interface Field {
  readonly name: string;
  /** Protobuf's number within {@link Message.parts} of its own message. */
  readonly number: number;
  readonly type: FieldType;
  readonly required: boolean;
  /** Present and empty differ. */
  readonly pointer: boolean;
  /** Shown even when empty. */
  readonly always: boolean;
  readonly default?: Json;
  /** Strategic merge key; empty for a list of scalars; undefined when the list is replaced. */
  readonly mergeKey?: string;
  readonly retainKeys: boolean;
  /** Keys of a list that is a map. */
  readonly listKeys: readonly string[];
  readonly set: boolean;
  readonly atomic: boolean;
  /** Messages whose fields stand in their parent, from outside in; Go's errors name them. */
  readonly inlined: readonly string[];
}

/** One message ("struct" in Go). */
export interface Message {
  readonly name: string;
  /** What OpenAPI puts before the name: "io.k8s.api.core.v1". */
  readonly package: string;
  /** By JSON name, in the order of declaration; the fields of inlined messages included. */
  readonly fields: ReadonlyMap<string, Field>;
  /** By protobuf number: a field, or a message that JSON shows inlined. */
  readonly parts: ReadonlyMap<number, Field | Message>;
}

const scalars = [
  "string",
  "int32",
  "int64",
  "bool",
  "bytes",
  "quantity",
  "time",
  "microtime",
  "intstr",
  "json",
] as const;

/** A message on one line, or with its last brace on a line of its own. */
const declaration = /^(\w+) \{(?: (.*) |\n([\s\S]*?)\n)\}$/gm;

interface MutableMessage extends Message {
  readonly fields: Map<string, Field>;
  readonly parts: Map<number, Field | Message>;
}

/** Messages that belong to one package. */
export interface SchemaSource {
  readonly package: string;
  readonly text: string;
}

/** Reads enumerations and messages; every name used must be declared, in any order. */
export function parseSchema(
  enumerations: string,
  sources: readonly SchemaSource[],
): ReadonlyMap<string, Message> {
  const bodies = new Map<string, string>();
  const messages = new Map<string, MutableMessage>();
  for (const source of sources) {
    for (const [, name = "", line, lines] of source.text.matchAll(declaration)) {
      assert(!bodies.has(name), () => `schema: ${name} is declared twice`);
      bodies.set(name, line ?? lines ?? "");
      const message = { name, package: source.package, fields: new Map(), parts: new Map() };
      messages.set(name, message);
    }
  }
  const readType = typeReader(parseEnumerations(enumerations), messages);
  const filled = new Set<string>();
  const fill = (name: string): MutableMessage => {
    const message = present(messages.get(name), `schema message ${name}`);
    if (filled.has(name)) return message;
    filled.add(name);
    for (const line of (bodies.get(name) ?? "").split(/[;\n]/)) {
      if (line.trim() !== "") addLine(message, line.trim(), { fill, readType });
    }
    return message;
  };
  for (const name of bodies.keys()) fill(name);
  return messages;
}

/** Reads lines of the form `Name = One | Two`. */
export function parseEnumerations(text: string): ReadonlyMap<string, EnumerationType> {
  const enums = new Map<string, EnumerationType>();
  for (const [, name = "", values = ""] of text.matchAll(/^(\w+) = (.*)$/gm)) {
    enums.set(name, { kind: "enumeration", name, values: values.split(" | ") });
  }
  return enums;
}

type ReadType = (text: string) => FieldType;

function typeReader(
  enums: ReadonlyMap<string, FieldType>,
  messages: ReadonlyMap<string, Message>,
): ReadType {
  const read: ReadType = (text) => {
    if (text.startsWith("[]")) return { kind: "list", of: read(text.slice(2)) };
    if (text.startsWith("{}")) return { kind: "map", of: read(text.slice(2)) };
    const scalar = scalars.find((name) => name === text);
    if (scalar !== undefined) return { kind: "scalar", scalar };
    const enumeration = enums.get(text);
    if (enumeration !== undefined) return enumeration;
    return { kind: "message", message: present(messages.get(text), `schema type ${text}`) };
  };
  return read;
}

function addLine(
  message: MutableMessage,
  line: string,
  { fill, readType }: { fill: (name: string) => Message; readType: ReadType },
): void {
  const inlined = /^(\d+) \.\.\.(\w+)$/.exec(line);
  if (inlined !== null) {
    const inner = fill(inlined[2] as string);
    message.parts.set(Number(inlined[1]), inner);
    for (const field of inner.fields.values()) {
      message.fields.set(field.name, { ...field, inlined: [inner.name, ...field.inlined] });
    }
    return;
  }
  const field = parseField(line, readType);
  assert(
    !message.parts.has(field.number),
    () => `schema: number used twice: ${message.name} ${line}`,
  );
  message.fields.set(field.name, field);
  message.parts.set(field.number, field);
}

function parseField(line: string, readType: ReadType): Field {
  const [head = "", ...marks] = line.split(" @");
  const parts = /^(\d+) (\w+)([!?+]*) ([\w[\]{}]+)(?:=(.*))?$/.exec(head);
  assert(parts !== null, () => `schema: cannot read "${line}"`);
  const [, number, name = "", flags = "", type = "", value] = parts;
  const mark = (wanted: string): string | undefined => {
    const found = marks.find((text) => text === wanted || text.startsWith(`${wanted}(`));
    return found?.slice(wanted.length).replace(/[()]/g, "");
  };
  const mergeKey = mark("merge");
  const pointer = flags.includes("?");
  return {
    name,
    number: Number(number),
    type: readType(type),
    required: flags.includes("!"),
    pointer,
    always: !pointer && /[!+]/.test(flags),
    ...(value === undefined ? {} : { default: parseDefault(value) }),
    ...(mergeKey === undefined ? {} : { mergeKey }),
    retainKeys: mark("retainKeys") !== undefined,
    listKeys: mark("map")?.split(",") ?? [],
    set: mark("set") !== undefined,
    atomic: mark("atomic") !== undefined,
    inlined: [],
  };
}

function parseDefault(text: string): Json {
  return /^(?:\d+|true|false|\{\}|"")$/.test(text) ? (JSON.parse(text) as Json) : text;
}
