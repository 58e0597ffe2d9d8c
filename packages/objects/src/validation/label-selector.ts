/** LabelSelector objects and node selector terms. Source: apimachinery meta/v1/validation. Pure. */
import type { Json, LabelSelector } from "../types.ts";
import { type FieldCause, forbidden, invalid, required } from "./field-cause.ts";
import { validateLabels } from "./metadata.ts";
import { checkLabelValue, checkQualifiedName } from "./name-syntax.ts";

type Expression = NonNullable<LabelSelector["matchExpressions"]>[number];

/** Operators, keys and values; a missing selector is fine here. */
export function validateLabelSelector(
  selector: LabelSelector | undefined,
  field: string,
): FieldCause[] {
  const causes = validateLabels(selector?.matchLabels, `${field}.matchLabels`);
  for (const [index, expression] of (selector?.matchExpressions ?? []).entries()) {
    causes.push(...validateExpression(expression, `${field}.matchExpressions[${index}]`));
  }
  return causes;
}

function validateExpression(
  { key, operator, values = [] }: Expression,
  field: string,
): FieldCause[] {
  const causes: FieldCause[] = [];
  if (operator === "In" || operator === "NotIn") {
    if (values.length === 0) {
      const detail = "must be specified when `operator` is 'In' or 'NotIn'";
      causes.push(required(`${field}.values`, detail));
    }
  } else if (operator === "Exists" || operator === "DoesNotExist") {
    if (values.length > 0) {
      const detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
      causes.push(forbidden(`${field}.values`, detail));
    }
  } else causes.push(invalid(`${field}.operator`, operator, "not a valid selector operator"));
  for (const text of checkQualifiedName(key)) causes.push(invalid(`${field}.key`, key, text));
  for (const [index, value] of values.entries()) {
    for (const text of checkLabelValue(value)) {
      causes.push(invalid(`${field}.values[${index}]`, value, text));
    }
  }
  return causes;
}

/** One expression of a node selector: as of a label selector, and Gt and Lt. */
export function validateNodeExpression(
  expression: {
    readonly key: string;
    readonly operator: string;
    readonly values?: readonly string[];
  },
  field: string,
): FieldCause[] {
  const { key, operator, values = [] } = expression;
  const causes: FieldCause[] = [];
  const detail = (text: string): string => `${text} when \`operator\` is`;
  switch (operator) {
    case "In":
    case "NotIn":
      if (values.length === 0) {
        causes.push(required(`${field}.values`, `${detail("must be specified")} 'In' or 'NotIn'`));
      }
      break;
    case "Exists":
    case "DoesNotExist":
      if (values.length > 0) {
        const text = `${detail("may not be specified")} 'Exists' or 'DoesNotExist'`;
        causes.push(forbidden(`${field}.values`, text));
      }
      break;
    case "Gt":
    case "Lt":
      if (values.length !== 1) {
        const text = "must be specified single value when `operator` is 'Lt' or 'Gt'";
        causes.push(required(`${field}.values`, text));
      }
      break;
    default:
      causes.push(invalid(`${field}.operator`, operator as Json, "not a valid selector operator"));
  }
  for (const text of checkQualifiedName(key)) causes.push(invalid(`${field}.key`, key, text));
  return causes;
}
