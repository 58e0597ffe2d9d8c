/**
 * Who can be recovered by force so that nothing that was acknowledged is lost, and who may come back
 * afterwards: not so many that they could decide anything by themselves. Pure.
 */
import type { Machine } from "../server/machine.ts";
import type { Cluster } from "./cluster.ts";
import type { ClusterOperator } from "./membership.ts";

/** What a disaster leaves. */
export interface RecoveryPlan {
  readonly survivor: Machine;
  readonly destroyed: readonly Machine[];
  readonly leftBehind: readonly Machine[];
}

/** Undefined when this server is no survivor that an operator would choose now. */
export function planRecovery(
  cluster: Cluster,
  operator: ClusterOperator,
  server: number,
): RecoveryPlan | undefined {
  const survivor = cluster.machine(server);
  const { view } = survivor;
  const isVoter = view.configuration.voters.some(({ id }) => id === survivor.id);
  if (!view.isUp || survivor.isWitness || survivor.isGone || !isVoter) return undefined;
  if (operator.isChanging || !holdsAllCommitted(cluster, survivor)) return undefined;
  const others = cluster.machines.filter(
    (machine) => machine !== survivor && machine.view.start > 0 && machine.end === undefined,
  );
  const leftBehind: Machine[] = [];
  for (const machine of others) {
    const gone = cluster.machines.filter(
      (other) => other !== machine && !leftBehind.includes(other),
    );
    if (!cluster.canAnyDecideWithout(gone)) leftBehind.push(machine);
  }
  return {
    survivor,
    destroyed: others.filter((machine) => !leftBehind.includes(machine)),
    leftBehind,
  };
}

/** On its disk is everything that anybody takes for committed. */
function holdsAllCommitted(cluster: Cluster, survivor: Machine): boolean {
  const { durable } = survivor.view;
  return cluster.machines.every(({ view }) => {
    const { commitIndex, log } = view;
    if (commitIndex < durable.firstIndex) return true;
    return durable.termAt(commitIndex) === log.termAt(commitIndex);
  });
}
