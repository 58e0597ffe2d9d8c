export { type DecodeOutcome, decodeObject, type FieldValidation } from "./decode.ts";
export { applyDefaults } from "./defaults.ts";
export { type EventDetails, newEvent } from "./events.ts";
export { resolveIntOrPercent } from "./int-or-percent.ts";
export { canonicalJson, randomSuffix, stableHash } from "./names.ts";
export { openApiV3 } from "./open-api.ts";
export { jsonPatch } from "./patches/json-patch.ts";
export { mergePatch } from "./patches/merge-patch.ts";
export type { PatchOutcome } from "./patches/outcome.ts";
export { strategicMergePatch } from "./patches/strategic-merge-patch.ts";
export { conditionOf, controllerOf, podIsAvailable, podIsFinished, podIsReady } from "./pods.ts";
export { type TableColumn, tableColumns, tableRow } from "./printing/table.ts";
export { decodeProtobuf } from "./protobuf.ts";
export {
  canonicalQuantity,
  compareQuantities,
  formatQuantity,
  parseQuantity,
} from "./quantity.ts";
export * from "./resources.ts";
export {
  type FieldRequirement,
  type FieldSelectorOutcome,
  matchesFields,
  parseFieldSelector,
} from "./selectors/field-selector.ts";
export {
  formatLabelSelector,
  type LabelRequirement,
  type LabelSelectorOutcome,
  matchesLabels,
  parseLabelSelector,
  requirementsOf,
  selects,
} from "./selectors/label-selector.ts";
export {
  type CreateContext,
  prepareForCreate,
  prepareForStatusUpdate,
  prepareForUpdate,
} from "./strategy.ts";
export { matchingTolerations, tolerates } from "./taints.ts";
export { ageOf, formatMicroTime, formatTime, humanDuration, parseTime } from "./time.ts";
export type * from "./types.ts";
export {
  type FieldCause,
  type FieldCauseReason,
  invalidMessage,
} from "./validation/field-cause.ts";
export { validate } from "./validation/validate.ts";
