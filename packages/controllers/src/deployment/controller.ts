/** The Deployment controller: gathers what `decideDeployment` needs. */
import { objectKey } from "@flotilla/client";
import {
  controllerOf,
  deployments,
  type KubeObject,
  pods,
  type ReplicaSet,
  replicaSets,
} from "@flotilla/objects";
import { type Controller, inNamespaceOf, parseKey, type Seen, wakeOn } from "../controller.ts";
import { settled } from "../decision.ts";
import { decideClaims } from "../ownership.ts";
import { decideDeployment } from "./decide.ts";

/** Deployments to ReplicaSets. */
export const deploymentController: Controller = {
  name: "deployment",
  wakes: [
    wakeOn(deployments, ({ object }) => [objectKey(object)]),
    wakeOn(replicaSets, ({ object, previous }, seen) => [
      ...deploymentsOf(object, seen),
      ...(previous === undefined ? [] : deploymentsOf(previous, seen)),
    ]),
    wakeOn(pods, ({ object }, seen) => {
      const set = replicaSetOf(object, seen);
      return set === undefined ? [] : deploymentsOf(set, seen);
    }),
  ],
  async reconcile({ client, wallNowMs }, key, refusal) {
    const deployment = await client.get(deployments, parseKey(key));
    if (deployment === undefined) return settled;
    const candidates = (await client.list(replicaSets, inNamespaceOf(key))).items;
    const claims = decideClaims({
      owner: deployment,
      ownerResource: deployments,
      selector: deployment.spec.selector,
      resource: replicaSets,
      candidates,
    });
    if (claims.sequences.length > 0) return { sequences: claims.sequences };
    const uids = new Set(claims.owned.map(({ metadata }) => metadata.uid));
    const allPods = (await client.list(pods, inNamespaceOf(key))).items;
    return decideDeployment({
      deployment,
      replicaSets: claims.owned,
      pods: allPods.filter((pod) => uids.has(controllerOf(pod)?.uid)),
      takenNames: new Set(candidates.map(({ metadata }) => metadata.name)),
      nowMs: wallNowMs(),
      refusal,
    });
  },
};

function replicaSetOf(pod: KubeObject, seen: Seen): ReplicaSet | undefined {
  const owner = controllerOf(pod);
  if (owner?.kind !== "ReplicaSet") return undefined;
  return seen.get(replicaSets, `${pod.metadata.namespace}/${owner.name}`);
}

/** The Deployment that controls `set`; for an orphan all of the namespace: one may adopt it. */
function deploymentsOf(set: ReplicaSet, seen: Seen): string[] {
  const owner = controllerOf(set);
  if (owner?.kind === "Deployment") return [`${set.metadata.namespace}/${owner.name}`];
  if (owner !== undefined) return [];
  const keys: string[] = [];
  for (const deployment of seen.all(deployments)) {
    if (deployment.metadata.namespace === set.metadata.namespace) keys.push(objectKey(deployment));
  }
  return keys;
}
