/**
 * JSON patch (RFC 6902) over JSON pointers (RFC 6901).
 *
 * Departs from the RFC where the real API server does: `replace` of a member that is not there adds
 * it, and `test` of one that is not there compares with null. Pure.
 */

import { copyJson, equalJson, isRecord, isTooDeep, setKey } from "../json.ts";
import type { Json } from "../types.ts";
import { type PatchOutcome, tooDeep } from "./outcome.ts";

/** Kubernetes' limit. */
const operationsMax = 10_000;
/** All that `copy` and `move` may duplicate: doubling a document again and again would not end. */
const copiedLengthMax = 3 * 1024 * 1024;
const rejected = "the server rejected our request due to an error in our request";

type Operation = {
  readonly op: string;
  readonly path: string;
  readonly from?: string;
  readonly value?: Json;
};

/** Applies the operations in order; all of them or none. */
export function jsonPatch(original: Json, patch: Json): PatchOutcome {
  if (!Array.isArray(patch)) {
    const type = patch === null ? "null" : typeof patch;
    const message = `json: cannot unmarshal ${type} into Go value of type []handlers.jsonPatchOp`;
    return { kind: "badRequest", message: `error decoding patch: ${message}` };
  }
  if (isTooDeep(patch)) return tooDeep;
  if (patch.length > operationsMax) {
    const message = `The allowed maximum operations in a JSON patch is ${operationsMax}, got ${patch.length}`;
    return { kind: "badRequest", message };
  }
  const root: Document = { value: copyJson(original), copiedLength: 0 };
  for (const step of patch) {
    const problem = isOperation(step) ? applyOperation(root, step) : "not an operation";
    if (problem !== undefined) return { kind: "invalid", message: `${rejected}: ${problem}` };
  }
  return { kind: "ok", object: root.value };
}

interface Document {
  value: Json;
  /** Characters of JSON that were duplicated so far. */
  copiedLength: number;
}

function isOperation(step: Json): step is Operation {
  if (!isRecord(step)) return false;
  const { op, path, from } = step;
  return (
    typeof op === "string" &&
    typeof path === "string" &&
    (from === undefined || typeof from === "string")
  );
}

/** What is wrong, or undefined when it is done. */
function applyOperation(root: Document, operation: Operation): string | undefined {
  const { op, path, from, value } = operation;
  switch (op) {
    case "add":
    case "replace":
      if (value === undefined) return `${op} ${path}: value is missing`;
      return op === "add" ? add(root, path, copyJson(value)) : replace(root, path, copyJson(value));
    case "remove":
      return remove(root, path);
    case "test":
      if (equalJson(read(root.value, path) ?? null, value ?? null)) return undefined;
      return `testing path ${path} value failed`;
    case "move":
    case "copy": {
      const source = from === undefined ? undefined : read(root.value, from);
      if (from === undefined || source === undefined) return `${op} ${path}: nothing at ${from}`;
      if (op === "move" && path.startsWith(`${from}/`)) return `move ${from} into itself`;
      if (isTooDeep(source)) return `${op} ${path}: exceeded max depth`;
      root.copiedLength += JSON.stringify(source).length;
      if (root.copiedLength > copiedLengthMax) return `${op} ${path}: too much is copied`;
      const copy = copyJson(source);
      return (op === "move" ? remove(root, from) : undefined) ?? add(root, path, copy);
    }
    default:
      return `unexpected kind: ${op}`;
  }
}

/** The names of a pointer; undefined when it does not start with "/". "" is the whole document. */
function namesOf(pointer: string): string[] | undefined {
  if (pointer === "") return [];
  if (!pointer.startsWith("/")) return undefined;
  return pointer
    .slice(1)
    .split("/")
    .map((name) => name.replace(/~1/g, "/").replace(/~0/g, "~"));
}

function read(root: Json, pointer: string): Json | undefined {
  let at: Json | undefined = root;
  for (const name of namesOf(pointer) ?? ["", ""]) at = member(at, name);
  return at;
}

function member(container: Json | undefined, name: string): Json | undefined {
  if (Array.isArray(container)) return container[indexOf(name, container.length - 1) ?? -1];
  if (!isRecord(container) || !Object.hasOwn(container, name)) return undefined;
  return container[name];
}

function indexOf(name: string, max: number): number | undefined {
  if (!/^(?:0|[1-9]\d*)$/.test(name)) return undefined;
  return Number(name) <= max ? Number(name) : undefined;
}

interface Target {
  readonly container: Json;
  readonly name: string;
}

function targetOf(root: Json, pointer: string): Target | undefined {
  const names = namesOf(pointer);
  const name = names?.pop();
  if (names === undefined || name === undefined) return undefined;
  let container: Json | undefined = root;
  for (const step of names) container = member(container, step);
  return container === undefined ? undefined : { container, name };
}

function add(root: Document, pointer: string, value: Json): string | undefined {
  if (pointer === "") {
    root.value = value;
    return undefined;
  }
  const target = targetOf(root.value, pointer);
  if (target !== undefined && isRecord(target.container)) {
    setKey(target.container, target.name, value);
    return undefined;
  }
  if (target === undefined || !Array.isArray(target.container)) return missing("add", pointer);
  const { container, name } = target;
  const index = name === "-" ? container.length : indexOf(name, container.length);
  if (index === undefined) return `add ${pointer}: invalid index`;
  container.splice(index, 0, value);
  return undefined;
}

function replace(root: Document, pointer: string, value: Json): string | undefined {
  const target = pointer === "" ? undefined : targetOf(root.value, pointer);
  if (target === undefined || !Array.isArray(target.container)) return add(root, pointer, value);
  const index = indexOf(target.name, target.container.length - 1);
  if (index === undefined) return missing("replace", pointer);
  target.container[index] = value;
  return undefined;
}

function remove(root: Document, pointer: string): string | undefined {
  const target = targetOf(root.value, pointer);
  if (target === undefined || member(target.container, target.name) === undefined) {
    return missing("remove", pointer);
  }
  if (Array.isArray(target.container)) target.container.splice(Number(target.name), 1);
  else if (isRecord(target.container)) delete target.container[target.name];
  return undefined;
}

function missing(op: string, pointer: string): string {
  return `${op} operation does not apply: doc is missing path: ${pointer}`;
}
