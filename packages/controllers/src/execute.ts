/**
 * Performs decisions: the one place where controllers write.
 *
 * Sequences run in batches of 1, 2, 4 ... (Kubernetes' slow start): when the first create is refused,
 * the other 99 are not even tried. Any other write that is refused is about one object, and keeps
 * nobody else waiting: the pods of a dead node leave it though one of them cannot be changed.
 */
import { assertNever } from "@flotilla/base";
import { type ObjectName, recordEvent, type WriteOutcome } from "@flotilla/client";
import type { KubeObject } from "@flotilla/objects";
import type { Action, Sequence } from "./decision.ts";
import type { ControllerDeps } from "./ports.ts";

/** Most sequences of one decision in flight. */
export const sequencesInFlightMax = 32;

export interface ExecuteDeps extends Pick<ControllerDeps, "client" | "wallNowMs" | "logger"> {
  /** In whose name events are told: "deployment-controller". */
  readonly component: string;
}

export type Execution =
  | { readonly kind: "done" }
  /** Read again and decide anew. */
  | { readonly kind: "outdated"; readonly message: string }
  /** A creation was refused for good, or a request failed: what was left was not tried. */
  | { readonly kind: "failed"; readonly message: string }
  /** Another write was refused for good; all that do not depend on it were tried. */
  | { readonly kind: "refused"; readonly message: string }
  /** The term is over: stop everything. */
  | { readonly kind: "fenced" };

/** Performs all sequences of a decision; the worst of their ends is the result. Never throws. */
export async function execute(
  deps: ExecuteDeps,
  sequences: readonly Sequence[],
): Promise<Execution> {
  let refused: Execution | undefined;
  let outdated: Execution | undefined;
  let batchSize = 1;
  for (let at = 0; at < sequences.length; ) {
    const batch = sequences.slice(at, at + batchSize);
    const ends = await Promise.all(batch.map((sequence) => perform(deps, sequence)));
    const fenced = ends.find((end) => end.kind === "fenced");
    if (fenced !== undefined) return fenced;
    const failed = ends.find((end) => end.kind === "failed");
    if (failed !== undefined) return failed;
    refused ??= ends.find((end) => end.kind === "refused");
    outdated ??= ends.find((end) => end.kind === "outdated");
    at += batch.length;
    batchSize = Math.min(batchSize * 2, sequencesInFlightMax);
  }
  return refused ?? outdated ?? { kind: "done" };
}

async function perform(deps: ExecuteDeps, sequence: Sequence): Promise<Execution> {
  try {
    for (const action of sequence) {
      const outcome = await act(deps, action);
      if (outcome.kind === "ok") continue;
      if (outcome.kind === "fenced") return { kind: "fenced" };
      if (outcome.kind === "invalid") {
        const kind = action.kind === "create" ? "failed" : "refused";
        return { kind, message: outcome.message };
      }
      // Deleting what is gone already is what was wanted.
      if (outcome.kind === "notFound" && action.kind === "delete") continue;
      return { kind: "outdated", message: outcome.message };
    }
    return { kind: "done" };
  } catch (error) {
    return { kind: "failed", message: error instanceof Error ? error.message : String(error) };
  }
}

async function act(deps: ExecuteDeps, action: Action): Promise<WriteOutcome<unknown>> {
  const { client } = deps;
  switch (action.kind) {
    case "create":
      return client.create(action.resource, action.object);
    case "update":
      return client.update(action.resource, action.object);
    case "updateStatus":
      return client.updateStatus(action.resource, action.object);
    case "patch":
      return client.patch(action.resource, action.name, action.patch);
    case "delete":
      return client.delete(action.resource, nameOf(action.object), deleteOptions(action));
    case "event":
      return recordEvent(deps, action);
    case "alert":
      deps.logger.warn(action.message, action.fields);
      return { kind: "ok", object: undefined };
    default:
      return assertNever(action);
  }
}

function deleteOptions(action: Extract<Action, { kind: "delete" }>): {
  uid?: string;
  gracePeriodSeconds?: number;
} {
  const { uid } = action.object.metadata;
  return {
    // Never delete a namesake that was created since.
    ...(uid === undefined ? {} : { uid }),
    ...(action.gracePeriodSeconds === undefined
      ? {}
      : { gracePeriodSeconds: action.gracePeriodSeconds }),
  };
}

/** How a client names `object`. */
export function nameOf(object: KubeObject): ObjectName {
  const { namespace, name } = object.metadata;
  return namespace === undefined ? { name } : { namespace, name };
}
