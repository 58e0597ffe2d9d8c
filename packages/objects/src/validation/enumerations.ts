/** Every string of which only some values are allowed, checked along the schema table. Pure. */
import { isRecord } from "../json.ts";
import type { FieldType, Message } from "../schema/notation.ts";
import type { Json } from "../types.ts";
import { type FieldCause, notSupported } from "./field-cause.ts";

/** Checked elsewhere, in other words, or not at all, because only the system writes them. */
const exempt = new Set([
  "ConditionStatus",
  "LabelSelectorOperator",
  "ManagedFieldsOperationType",
  "NamespacePhase",
  "NodeSelectorOperator",
  "PodPhase",
  "PodQOSClass",
]);

/** One cause for each value that is none of those allowed; empty values count as absent. */
export function validateEnumerations(message: Message, value: Json, path = ""): FieldCause[] {
  if (!isRecord(value)) return [];
  const causes: FieldCause[] = [];
  for (const [name, item] of Object.entries(value)) {
    const field = message.fields.get(name);
    if (field === undefined || (path === "" && name === "status")) continue;
    causes.push(...check(field.type, item, path === "" ? name : `${path}.${name}`));
  }
  return causes;
}

function check(type: FieldType, value: Json, path: string): FieldCause[] {
  if (type.kind === "message") return validateEnumerations(type.message, value, path);
  if (type.kind === "list" && Array.isArray(value)) {
    return value.flatMap((item, index) => check(type.of, item, `${path}[${index}]`));
  }
  if (type.kind !== "enumeration" || exempt.has(type.name) || value === "") return [];
  return type.values.includes(String(value)) ? [] : [notSupported(path, value, type.values)];
}
