/** The ReplicaSet controller: gathers what `decideReplicaSet` needs. */
import { type ObjectClient, objectKey } from "@flotilla/client";
import { controllerOf, type Pod, pods, type ReplicaSet, replicaSets } from "@flotilla/objects";
import { type Controller, inNamespaceOf, parseKey, type Seen, wakeOn } from "../controller.ts";
import { settled } from "../decision.ts";
import { decideClaims } from "../ownership.ts";
import { decideReplicaSet } from "./decide.ts";

/** ReplicaSets to pods. */
export const replicaSetController: Controller = {
  name: "replicaset",
  wakes: [
    wakeOn(replicaSets, ({ object }) => [objectKey(object)]),
    wakeOn(pods, ({ object, previous }, seen) => [
      ...replicaSetsOf(object, seen),
      ...(previous === undefined ? [] : replicaSetsOf(previous, seen)),
    ]),
  ],
  async reconcile({ client, wallNowMs, random }, key, refusal) {
    const replicaSet = await client.get(replicaSets, parseKey(key));
    if (replicaSet === undefined) return settled;
    const candidates = (await client.list(pods, inNamespaceOf(key))).items;
    const claims = decideClaims({
      owner: replicaSet,
      ownerResource: replicaSets,
      selector: replicaSet.spec.selector,
      resource: pods,
      candidates,
    });
    if (claims.sequences.length > 0) return { sequences: claims.sequences };
    return decideReplicaSet({
      replicaSet,
      pods: claims.owned,
      related: await relatedPods(client, replicaSet, candidates),
      nowMs: wallNowMs(),
      random,
      refusal,
    });
  },
};

/** Pods of all ReplicaSets with the same controller: a rollout spreads over nodes as a whole. */
async function relatedPods(
  client: ObjectClient,
  replicaSet: ReplicaSet,
  candidates: readonly Pod[],
): Promise<Pod[]> {
  const owner = controllerOf(replicaSet)?.uid;
  const uids = new Set([replicaSet.metadata.uid]);
  if (owner !== undefined) {
    const { items } = await client.list(replicaSets, inNamespaceOf(objectKey(replicaSet)));
    for (const set of items) if (controllerOf(set)?.uid === owner) uids.add(set.metadata.uid);
  }
  return candidates.filter((pod) => uids.has(controllerOf(pod)?.uid ?? ""));
}

/** The ReplicaSet that controls `pod`; for an orphan all of the namespace: one may adopt it. */
function replicaSetsOf(pod: Pod, seen: Seen): string[] {
  const owner = controllerOf(pod);
  if (owner?.kind === "ReplicaSet") return [`${pod.metadata.namespace}/${owner.name}`];
  if (owner !== undefined) return [];
  const keys: string[] = [];
  for (const set of seen.all(replicaSets)) {
    if (set.metadata.namespace === pod.metadata.namespace) keys.push(objectKey(set));
  }
  return keys;
}
