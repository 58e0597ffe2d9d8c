/**
 * The cheap client oracle: every value is unique, so that it can be followed from the client that
 * wrote it into the authoritative history, and back to the clients that read it.
 *
 * Source: the serial oracle of openraft's tests-turmoil. O(operations log operations), for every run.
 * What it cannot see is a wrong history that all servers agree on; that is for the linearizability
 * checker and the observer. Pure.
 */
import { type Violation, violation } from "../oracles/violation.ts";
import type { Comparison, Operation, Output, StoreHistory } from "./history.ts";
import { type KeyVersion, StoreTimeline } from "./store-timeline.ts";

/** The first operation that the authoritative history, or an earlier answer, contradicts. */
export function checkSerials(
  operations: readonly Operation[],
  history: StoreHistory,
): Violation | undefined {
  const timeline = new StoreTimeline(history);
  const { repeated } = timeline;
  if (repeated !== undefined) {
    const { key, value, revision, before } = repeated;
    return violation(
      "appliedOnce",
      `${value} was written at ${before} and to ${key} at ${revision}`,
    );
  }
  for (const operation of operations) {
    const found = checkOutcome(timeline, operation);
    if (found !== undefined) return found;
  }
  return checkRealTime(operations);
}

function checkOutcome(timeline: StoreTimeline, operation: Operation): Violation | undefined {
  const { output } = operation;
  if (output === undefined) return undefined;
  if ("revision" in output && output.revision > timeline.lastRevision) {
    return broken("phantom", operation, `and the store only came to ${timeline.lastRevision}`);
  }
  switch (output.kind) {
    case "put":
      return checkWritten(timeline, operation, output.revision);
    case "cas":
      return checkCompared(timeline, operation, output);
    case "delete":
      return checkDeleted(timeline, operation, output);
    case "get":
      return checkRead(timeline, operation, output);
    case "refused":
      return checkRefused(operation) ?? checkNotWritten(timeline, operation);
    case "expire":
      return undefined;
  }
}

/** Acknowledged: it is there, at that revision, and nowhere else. */
function checkWritten(
  timeline: StoreTimeline,
  operation: Operation,
  revision: number,
): Violation | undefined {
  const { input, key } = operation;
  if (!("value" in input)) return undefined;
  const written = timeline.written(input.value);
  if (written?.revision === revision && written.key === key) return undefined;
  const where =
    written === undefined ? "nowhere" : `at ${written.key}, revision ${written.revision}`;
  return broken("lostWrite", operation, `and ${input.value} is ${where}`);
}

/** There is one reason only: the lease that the key should be attached to is not there. */
function checkRefused(operation: Operation): Violation | undefined {
  const { input } = operation;
  if ("lease" in input && input.lease !== undefined) return undefined;
  return broken("refused", operation, "and nothing stood against it");
}

function checkNotWritten(timeline: StoreTimeline, operation: Operation): Violation | undefined {
  const { input } = operation;
  const written = "value" in input ? timeline.written(input.value) : undefined;
  if (written === undefined) return undefined;
  return broken("phantom", operation, `and its value was written at ${written.revision}`);
}

function checkCompared(
  timeline: StoreTimeline,
  operation: Operation,
  output: Output & { readonly kind: "cas" },
): Violation | undefined {
  const { input, key } = operation;
  if (input.kind !== "cas") return undefined;
  const { succeeded, revision } = output;
  const found = timeline.at(key, succeeded ? revision - 1 : revision);
  if (isEqual(found, input.compare) !== succeeded) {
    return broken("comparison", operation, `and the key had ${textOfVersion(found)}`);
  }
  return succeeded
    ? checkWritten(timeline, operation, revision)
    : checkNotWritten(timeline, operation);
}

function isEqual(found: KeyVersion, { target, equals }: Comparison): boolean {
  if (target === "value") return found.value === equals;
  if (target === "version") return found.version === equals;
  return (found.value === undefined ? 0 : found.revision) === equals;
}

function checkDeleted(
  timeline: StoreTimeline,
  operation: Operation,
  { deleted, revision }: Output & { readonly kind: "delete" },
): Violation | undefined {
  const { key } = operation;
  const after = timeline.at(key, revision);
  const before = timeline.at(key, deleted > 0 ? revision - 1 : revision);
  const isRight =
    after.value === undefined &&
    deleted === (before.value === undefined ? 0 : 1) &&
    (deleted === 0 || after.revision === revision);
  if (isRight) return undefined;
  const facts = `and the key had ${textOfVersion(before)}, then ${textOfVersion(after)}`;
  return broken("lostWrite", operation, facts);
}

/** Serializable or not: what was read was there at that revision. */
function checkRead(
  timeline: StoreTimeline,
  operation: Operation,
  { found, revision }: Output & { readonly kind: "get" },
): Violation | undefined {
  const want = timeline.at(operation.key, revision);
  const isRight =
    found === undefined
      ? want.value === undefined
      : found.value === want.value &&
        found.modRevision === want.revision &&
        found.version === want.version;
  if (isRight) return undefined;
  return broken("phantom", operation, `and the key had ${textOfVersion(want)}`);
}

/**
 * Revisions grow in real time: whoever is called after somebody was answered sees at least that
 * revision, and writes a higher one. Read-your-writes, monotonic reads and much of linearizability.
 */
function checkRealTime(operations: readonly Operation[]): Violation | undefined {
  const judged = operations.filter(
    ({ input, output }) =>
      output !== undefined &&
      "revision" in output &&
      !(input.kind === "get" && input.serializable === true),
  );
  const byReturn = [...judged].sort((left, right) => returned(left) - returned(right));
  const byCall = [...judged].sort((left, right) => called(left) - called(right));
  let newest: Operation | undefined;
  let at = 0;
  for (const operation of byCall) {
    for (; at < byReturn.length; at++) {
      const earlier = byReturn[at] as Operation;
      if (returned(earlier) >= called(operation)) break;
      if (newest === undefined || revisionOf(earlier) > revisionOf(newest)) newest = earlier;
    }
    if (newest === undefined) continue;
    const floor = revisionOf(newest) + (hasChanged(operation) ? 1 : 0);
    if (revisionOf(operation) >= floor) continue;
    return broken("realTime", operation, `after somebody was told: ${textOf(newest)}`);
  }
  return undefined;
}

function hasChanged({ output }: Operation): boolean {
  if (output?.kind === "cas") return output.succeeded;
  return output?.kind === "put" || (output?.kind === "delete" && output.deleted > 0);
}

function called(operation: Operation): number {
  return operation.calledAt.sequence;
}

function returned(operation: Operation): number {
  return operation.returnedAt?.sequence ?? Number.POSITIVE_INFINITY;
}

function revisionOf({ output }: Operation): number {
  return output !== undefined && "revision" in output ? output.revision : 0;
}

function broken(oracle: string, operation: Operation, facts: string): Violation {
  return violation(oracle, `${textOf(operation)}, ${facts}`);
}

function textOf({ client, server, key, input, output, calledAt, returnedAt }: Operation): string {
  const span = `${calledAt.atMs} to ${returnedAt?.atMs ?? "never"} ms`;
  return `client ${client} at ${server} asked of ${key} ${JSON.stringify(input)} and got ${JSON.stringify(output)} (${span})`;
}

function textOfVersion({ value, revision, version }: KeyVersion): string {
  return value === undefined
    ? `nothing since ${revision}`
    : `${value} of revision ${revision}, version ${version}`;
}
