/** Where a pod may run: tolerations, spread constraints, affinity. Source: kubernetes validation. Pure. */
import { isRecord } from "../json.ts";
import type { Json, LabelSelector, PodSpec, Toleration } from "../types.ts";
import { duplicate, type FieldCause, invalid, required } from "./field-cause.ts";
import { validateLabelSelector, validateNodeExpression } from "./label-selector.ts";
import { checkLabelValue, checkQualifiedName } from "./name-syntax.ts";

const during = "DuringSchedulingIgnoredDuringExecution";

/** Tolerations, spread constraints and affinity of a pod. */
export function validateScheduling(spec: PodSpec, field: string): FieldCause[] {
  return [
    ...validateAffinity(spec.affinity, `${field}.affinity`),
    ...validateSpread(spec, `${field}.topologySpreadConstraints`),
    ...(spec.tolerations ?? []).flatMap((toleration, index) =>
      validateToleration(toleration, `${field}.tolerations[${index}]`),
    ),
  ];
}

function validateToleration(toleration: Toleration, field: string): FieldCause[] {
  const { key = "", operator, value = "", effect, tolerationSeconds } = toleration;
  const causes: FieldCause[] = [];
  if (key !== "") {
    causes.push(...checkQualifiedName(key).map((text) => invalid(`${field}.key`, key, text)));
  } else if (operator !== "Exists") {
    const detail =
      'operator must be Exists when `key` is empty, which means "match all values and all keys"';
    causes.push(invalid(`${field}.operator`, operator ?? "", detail));
  }
  if (tolerationSeconds !== undefined && effect !== "NoExecute") {
    const detail = "effect must be 'NoExecute' when `tolerationSeconds` is set";
    causes.push(invalid(`${field}.effect`, effect ?? "", detail));
  }
  if (operator === "Exists" && value !== "") {
    causes.push(
      invalid(`${field}.operator`, value, "value must be empty when `operator` is 'Exists'"),
    );
  } else if (operator !== "Exists") {
    const texts = checkLabelValue(value);
    causes.push(...texts.map((text) => invalid(`${field}.operator`, value, text)));
  }
  return causes;
}

function validateSpread(spec: PodSpec, field: string): FieldCause[] {
  const constraints = spec.topologySpreadConstraints ?? [];
  const lastOf = new Map(
    constraints.map((constraint, index) => [
      `${constraint.topologyKey} ${constraint.whenUnsatisfiable}`,
      index,
    ]),
  );
  return constraints.flatMap((constraint, index) => {
    const path = `${field}[${index}]`;
    const { maxSkew, topologyKey, whenUnsatisfiable, labelSelector } = constraint;
    const causes: FieldCause[] = [];
    if (maxSkew <= 0) causes.push(invalid(`${path}.maxSkew`, maxSkew, "must be greater than zero"));
    if (topologyKey === "") causes.push(required(`${path}.topologyKey`, "can not be empty"));
    if (lastOf.get(`${topologyKey} ${whenUnsatisfiable}`) !== index) {
      const pair = `{${topologyKey}, ${whenUnsatisfiable}}`;
      causes.push(duplicate(`${path}.{topologyKey, whenUnsatisfiable}`, pair));
    }
    return [...causes, ...validateLabelSelector(labelSelector, `${path}.labelSelector`)];
  });
}

function validateAffinity(affinity: Json | undefined, field: string): FieldCause[] {
  if (!isRecord(affinity)) return [];
  return [
    ...validateNodeAffinity(affinity["nodeAffinity"], `${field}.nodeAffinity`),
    ...validatePodAffinity(affinity["podAffinity"], `${field}.podAffinity`),
    ...validatePodAffinity(affinity["podAntiAffinity"], `${field}.podAntiAffinity`),
  ];
}

function validateNodeAffinity(affinity: Json | undefined, field: string): FieldCause[] {
  if (!isRecord(affinity)) return [];
  const causes: FieldCause[] = [];
  const needed = affinity[`required${during}`];
  if (isRecord(needed)) {
    const path = `${field}.required${during}.nodeSelectorTerms`;
    const terms = listOf(needed["nodeSelectorTerms"]);
    if (terms.length === 0) {
      causes.push(required(path, "must have at least one node selector term"));
    }
    terms.forEach((term, index) => {
      causes.push(...validateNodeTerm(term, `${path}[${index}]`));
    });
  }
  listOf(affinity[`preferred${during}`]).forEach((item, index) => {
    const path = `${field}.preferred${during}[${index}]`;
    if (!isRecord(item)) return;
    causes.push(...validateWeight(item["weight"], path));
    causes.push(...validateNodeTerm(item["preference"], `${path}.preference`));
  });
  return causes;
}

function validateNodeTerm(term: Json | undefined, field: string): FieldCause[] {
  if (!isRecord(term)) return [];
  return listOf(term["matchExpressions"]).flatMap((expression, index) =>
    validateNodeExpression(
      expression as unknown as { key: string; operator: string; values?: string[] },
      `${field}.matchExpressions[${index}]`,
    ),
  );
}

function validatePodAffinity(affinity: Json | undefined, field: string): FieldCause[] {
  if (!isRecord(affinity)) return [];
  const causes: FieldCause[] = [];
  listOf(affinity[`required${during}`]).forEach((term, index) => {
    causes.push(...validatePodTerm(term, `${field}.required${during}[${index}]`));
  });
  listOf(affinity[`preferred${during}`]).forEach((item, index) => {
    const path = `${field}.preferred${during}[${index}]`;
    if (!isRecord(item)) return;
    causes.push(...validateWeight(item["weight"], path));
    causes.push(...validatePodTerm(item["podAffinityTerm"] ?? {}, `${path}.podAffinityTerm`));
  });
  return causes;
}

function validatePodTerm(term: Json, field: string): FieldCause[] {
  if (!isRecord(term)) return [];
  const selector = term["labelSelector"] as unknown as LabelSelector | undefined;
  const causes = validateLabelSelector(selector, `${field}.labelSelector`);
  const key = term["topologyKey"];
  if (key === undefined || key === "") {
    causes.push(required(`${field}.topologyKey`, "can not be empty"));
  }
  const texts = checkQualifiedName(typeof key === "string" ? key : "");
  return [...causes, ...texts.map((text) => invalid(`${field}.topologyKey`, key ?? "", text))];
}

function validateWeight(weight: Json | undefined, field: string): FieldCause[] {
  if (typeof weight === "number" && weight >= 1 && weight <= 100) return [];
  return [invalid(`${field}.weight`, weight ?? 0, "must be in the range 1-100")];
}

function listOf(json: Json | undefined): readonly Json[] {
  return Array.isArray(json) ? json : [];
}
