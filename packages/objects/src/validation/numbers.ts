/** Numbers within bounds, and what may be a number or a share. Pure. */
import type { IntOrString } from "../types.ts";
import { type FieldCause, invalid } from "./field-cause.ts";
import { checkPercent, checkPortName, checkPortNumber } from "./name-syntax.ts";

/** 0 or more; absent is fine. */
export function nonNegative(field: string, value: number | undefined): FieldCause[] {
  if (value === undefined || value >= 0) return [];
  return [invalid(field, value, "must be greater than or equal to 0")];
}

/** From `low` to `high`, both included; absent is fine. */
export function within(
  field: string,
  value: number | undefined,
  [low, high]: readonly [number, number],
): FieldCause[] {
  if (value === undefined || (value >= low && value <= high)) return [];
  return [invalid(field, value, `must be between ${low} and ${high}, inclusive`)];
}

/** The largest int32. */
export const int32Max = 2_147_483_647;

/** A port by number or by name. */
export function validatePortOrName(field: string, port: IntOrString): FieldCause[] {
  const texts = typeof port === "number" ? checkPortNumber(port) : checkPortName(port);
  return texts.map((text) => invalid(field, port, text));
}

/** A count or "N%"; `atMostAll` also refuses more than 100%. */
export function validateShare(
  field: string,
  value: IntOrString | undefined,
  atMostAll: boolean,
): FieldCause[] {
  if (value === undefined) return [];
  if (typeof value === "number") return nonNegative(field, value);
  const texts = checkPercent(value);
  if (texts.length > 0) return texts.map((text) => invalid(field, value, text));
  const tooMuch = atMostAll && Number.parseInt(value, 10) > 100;
  return tooMuch ? [invalid(field, value, "must not be greater than 100%")] : [];
}
