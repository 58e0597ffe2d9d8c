/**
 * From what a client sent to what is stored: defaults, the kind's strategy, validation, in this order.
 *
 * All rules are `@flotilla/objects`'; this file only puts them in sequence and turns causes into 422.
 */
import {
  applyDefaults,
  type CreateContext,
  type FieldCause,
  invalidMessage,
  type KubeObject,
  prepareForCreate,
  prepareForStatusUpdate,
  prepareForUpdate,
  type Resource,
  validate,
} from "@flotilla/objects";
import { ApiError, detailsOf } from "../errors.ts";

/** A new object, complete but for what is allocated. */
export function admitCreate(
  resource: Resource,
  object: KubeObject,
  context: CreateContext,
): KubeObject {
  const prepared = prepareForCreate(resource, applyDefaults(resource, object), context);
  return checked(resource, prepared, undefined);
}

/** Turns what was submitted into the object's next state; throws `Invalid`. */
export type AdmitUpdate = (
  resource: Resource,
  submitted: KubeObject,
  current: KubeObject,
) => KubeObject;

/** An update of the object itself. */
export const admitUpdate: AdmitUpdate = (resource, submitted, current) => {
  const prepared = prepareForUpdate(resource, applyDefaults(resource, submitted), current);
  return checked(resource, prepared, current);
};

/** An update through `/status`. */
export const admitStatusUpdate: AdmitUpdate = (resource, submitted, current) => {
  const prepared = prepareForStatusUpdate(resource, applyDefaults(resource, submitted), current);
  return checked(resource, prepared, current);
};

/** For changes that this package makes itself: nothing of a client's is in them. */
export const admitAsIs: AdmitUpdate = (_resource, submitted) => submitted;

function checked(
  resource: Resource,
  object: KubeObject,
  current: KubeObject | undefined,
): KubeObject {
  const causes = validate(resource, object, current);
  if (causes.length > 0) throw invalid(resource, object.metadata.name ?? "", causes);
  return object;
}

/** 422 with every cause. */
export function invalid(resource: Resource, name: string, causes: readonly FieldCause[]): ApiError {
  return new ApiError("Invalid", invalidMessage(resource, name, causes), {
    details: {
      ...detailsOf(resource, name),
      kind: resource.kind,
      causes: causes.map(({ reason, message, field }) => ({ reason, message, field })),
    },
  });
}
