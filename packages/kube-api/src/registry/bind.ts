/** `pods/binding`: a pod gets its node, once. Source: kubernetes pkg/registry/core/pod/storage. */
import { type Condition, formatTime, type KubeObject, type Pod, pods } from "@flotilla/objects";
import { ApiError, badRequest } from "../errors.ts";
import { admitAsIs } from "./admission.ts";
import type { RegistryContext } from "./context.ts";
import type { WriteRequest } from "./create.ts";
import { updateObject } from "./update.ts";

/** What a Binding says. */
export interface Binding {
  readonly namespace: string;
  readonly name: string;
  readonly uid?: string;
  readonly nodeName: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Binds the pod; `Conflict` when it has a node already or is going away. */
export async function bindPod(
  context: RegistryContext,
  binding: Binding,
  request: WriteRequest = {},
): Promise<KubeObject> {
  if (binding.nodeName === "") throw badRequest("target.name: Required value");
  const { namespace, name } = binding;
  const target = { resource: pods, namespace, name };
  const change = (pod: KubeObject): KubeObject => bound(pod as Pod, binding, context.wallClockMs());
  return (await updateObject(context, target, request, change, admitAsIs)).object;
}

function bound(pod: Pod, binding: Binding, nowMs: number): Pod {
  const { name, uid, deletionTimestamp } = pod.metadata;
  if (binding.uid !== undefined && binding.uid !== uid) {
    const found = `UID in precondition: ${binding.uid}, UID in object meta: ${uid}`;
    throw refused(name, `Precondition failed: ${found}`);
  }
  if (deletionTimestamp !== undefined) {
    throw refused(name, `pod ${name} is being deleted, cannot be assigned to a host`);
  }
  if (pod.spec.nodeName) {
    throw refused(name, `pod ${name} is already assigned to node "${pod.spec.nodeName}"`);
  }
  const annotations = { ...pod.metadata.annotations, ...binding.annotations };
  const scheduled: Condition = {
    type: "PodScheduled",
    status: "True",
    lastTransitionTime: formatTime(nowMs),
  };
  const others = (pod.status?.conditions ?? []).filter(({ type }) => type !== "PodScheduled");
  return {
    ...pod,
    metadata: {
      ...pod.metadata,
      ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
    },
    spec: { ...pod.spec, nodeName: binding.nodeName },
    status: { ...pod.status, conditions: [...others, scheduled] },
  };
}

function refused(name: string, why: string): ApiError {
  const message = `Operation cannot be fulfilled on pods/binding "${name}": ${why}`;
  return new ApiError("Conflict", message, { details: { name, kind: "pods/binding" } });
}
