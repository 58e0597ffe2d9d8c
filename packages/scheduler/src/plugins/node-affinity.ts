/**
 * nodeSelector and node affinity: which nodes a pod wants.
 *
 * Source: Kubernetes component-helpers scheduling/corev1/nodeaffinity. The terms come from a user's
 * manifest and are read with care: what is malformed matches nothing. Pure.
 */
import type { Node, Pod } from "@flotilla/objects";

interface Requirement {
  readonly key?: string;
  readonly operator?: string;
  readonly values?: readonly string[];
}

interface Term {
  readonly matchExpressions?: readonly Requirement[];
  readonly matchFields?: readonly Requirement[];
}

interface NodeAffinity {
  readonly requiredDuringSchedulingIgnoredDuringExecution?: {
    readonly nodeSelectorTerms?: readonly Term[];
  };
  readonly preferredDuringSchedulingIgnoredDuringExecution?: readonly {
    readonly weight?: number;
    readonly preference?: Term;
  }[];
}

/** True when the node has the labels that the pod selects, and matches its required terms. */
export function matchesNode(pod: Pod, node: Node): boolean {
  const labels = node.metadata.labels ?? {};
  const selector = Object.entries(pod.spec.nodeSelector ?? {});
  if (!selector.every(([name, value]) => labels[name] === value)) return false;
  const required = affinityOf(pod).requiredDuringSchedulingIgnoredDuringExecution;
  if (required === undefined) return true;
  return (required.nodeSelectorTerms ?? []).some((term) => matchesTerm(term, node));
}

/** A reason when {@link matchesNode} is false. */
export function filterNodeAffinity(pod: Pod, node: Node): string[] {
  return matchesNode(pod, node) ? [] : ["node(s) didn't match Pod's node affinity/selector"];
}

/** Sum of the weights of the preferences that the node meets. */
export function weighPreferences(pod: Pod, node: Node): number {
  let total = 0;
  const preferred = affinityOf(pod).preferredDuringSchedulingIgnoredDuringExecution ?? [];
  for (const { weight = 0, preference } of preferred) {
    if (preference !== undefined && matchesTerm(preference, node)) total += weight;
  }
  return total;
}

function affinityOf({ spec }: Pod): NodeAffinity {
  return (spec.affinity?.["nodeAffinity"] ?? {}) as NodeAffinity;
}

function matchesTerm({ matchExpressions = [], matchFields = [] }: Term, node: Node): boolean {
  // A term without requirements matches nothing.
  if (matchExpressions.length + matchFields.length === 0) return false;
  const labels = node.metadata.labels ?? {};
  const fields: Record<string, string> = { "metadata.name": node.metadata.name };
  return (
    matchExpressions.every((requirement) =>
      satisfies(requirement, labels[requirement.key ?? ""]),
    ) && matchFields.every((requirement) => satisfies(requirement, fields[requirement.key ?? ""]))
  );
}

function satisfies({ operator, values = [] }: Requirement, actual: string | undefined): boolean {
  switch (operator) {
    case "In":
      return actual !== undefined && values.includes(actual);
    case "NotIn":
      return actual === undefined || !values.includes(actual);
    case "Exists":
      return actual !== undefined;
    case "DoesNotExist":
      return actual === undefined;
    case "Gt":
      return actual !== undefined && Number(actual) > Number(values[0]);
    case "Lt":
      return actual !== undefined && Number(actual) < Number(values[0]);
    default:
      return false;
  }
}
