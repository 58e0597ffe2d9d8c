/**
 * What a pod needs next: which containers to start, when to look again, or that it is over.
 *
 * Source: Kubernetes pod life cycle (init containers in order, restartPolicy, phases). Pure.
 */
import type { Container, PodSpec } from "@flotilla/objects";
import { type ContainerRecord, newContainer, type PodRecord } from "./pod-record.ts";
import { delayLeftMs } from "./restart-delay.ts";

/** What to do now. */
export interface PodDecision {
  /** To start now, in this order. */
  readonly start: readonly Container[];
  /** Look again after so long, even if nothing happens. */
  readonly againMs?: number;
  /** All init containers have succeeded. */
  readonly isInitialized: boolean;
  /** Nothing will ever be started again. */
  readonly finished?: "Succeeded" | "Failed";
}

/** Decides from the record alone; `nowMs` is wall-clock time, as in the record. */
export function decidePod(record: PodRecord, nowMs: number): PodDecision {
  const { spec } = record.pod;
  for (const container of spec.initContainers ?? []) {
    const need = needOf(container, recordOf(record, container), initPolicy(spec), nowMs);
    if (need.kind === "done") continue;
    if (need.kind === "failed") return { start: [], isInitialized: false, finished: "Failed" };
    return { ...startOrWait([need]), isInitialized: false };
  }
  const policy = spec.restartPolicy ?? "Always";
  const needs = spec.containers.map((container) =>
    needOf(container, recordOf(record, container), policy, nowMs),
  );
  const decision = { ...startOrWait(needs), isInitialized: true };
  if (!needs.every(({ kind }) => kind === "done" || kind === "failed")) return decision;
  const hasFailed = needs.some(({ kind }) => kind === "failed");
  return { ...decision, finished: hasFailed ? "Failed" : "Succeeded" };
}

/** The record of one container of a pod; a fresh one when there is none. */
export function recordOf(record: PodRecord, container: Container): ContainerRecord {
  return record.containers[container.name] ?? newContainer;
}

type Need =
  | { readonly kind: "start"; readonly container: Container }
  | { readonly kind: "later"; readonly afterMs: number }
  | { readonly kind: "nothing" }
  | { readonly kind: "done" }
  | { readonly kind: "failed" };

type RestartPolicy = NonNullable<PodSpec["restartPolicy"]>;

/** An init container has to succeed: "Always" means the same as "OnFailure" for it. */
function initPolicy(spec: PodSpec): RestartPolicy {
  return spec.restartPolicy === "Never" ? "Never" : "OnFailure";
}

function needOf(
  container: Container,
  { state, delay }: ContainerRecord,
  policy: RestartPolicy,
  nowMs: number,
): Need {
  if (state.kind === "starting" || state.kind === "running") return { kind: "nothing" };
  if (state.kind === "exited") {
    const hasSucceeded = state.run.exitCode === 0;
    if (policy === "Never") return { kind: hasSucceeded ? "done" : "failed" };
    if (policy === "OnFailure" && hasSucceeded) return { kind: "done" };
  }
  const afterMs = delayLeftMs(delay, nowMs);
  return afterMs > 0 ? { kind: "later", afterMs } : { kind: "start", container };
}

function startOrWait(needs: readonly Need[]): Pick<PodDecision, "start" | "againMs"> {
  const start = needs.flatMap((need) => (need.kind === "start" ? [need.container] : []));
  const waits = needs.flatMap((need) => (need.kind === "later" ? [need.afterMs] : []));
  return waits.length === 0 ? { start } : { start, againMs: Math.min(...waits) };
}
