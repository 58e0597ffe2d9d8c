/**
 * How many pods each ReplicaSet of a Deployment may have now: the arithmetic of rollouts.
 *
 * Source: Kubernetes pkg/controller/deployment/{rolling,recreate,sync}.go. Stricter than it in one
 * way: pods are counted as they are, not as the last status says, so that a slow ReplicaSet controller
 * cannot make a rollout exceed its surge or fall below its availability. Pure numbers.
 */
import { assert } from "@flotilla/base";

/** What the Deployment's spec resolves to, in pods. */
export interface Limits {
  readonly replicas: number;
  readonly maxSurge: number;
  readonly maxUnavailable: number;
}

/** One ReplicaSet in numbers. */
export interface SetSize {
  readonly name: string;
  /** Asked for by its spec. */
  readonly replicas: number;
  /** Pods that are there and not being deleted; may exceed `replicas` for a moment. */
  readonly active: number;
  /** Those of `active` that are available. */
  readonly available: number;
  /** Unix milliseconds. */
  readonly createdMs: number;
  /** The Deployment's replicas when this set was last sized; undefined when not recorded. */
  readonly desiredRecorded: number | undefined;
  /** The most pods the Deployment could have when this set was last sized. */
  readonly maxRecorded: number | undefined;
}

/** New sizes by name; a set that is not mentioned keeps its size. */
export type Sizes = ReadonlyMap<string, number>;

const noChange: Sizes = new Map();

/**
 * One step of a rolling update: first the new set grows as far as the surge allows; when it cannot,
 * old sets shrink as far as availability allows, unhealthy pods first.
 */
export function decideRollingSizes(
  limits: Limits,
  newSet: SetSize,
  oldSets: readonly SetSize[],
): Sizes {
  const grown = decideNewSize(limits, newSet, oldSets);
  if (grown !== newSet.replicas) return new Map([[newSet.name, grown]]);
  return decideOldSizes(limits, newSet, oldSets);
}

/** The size of the new set; also for a set that is about to be created (size 0). */
export function decideNewSize(
  limits: Limits,
  newSet: SetSize,
  oldSets: readonly SetSize[],
): number {
  if (newSet.replicas >= limits.replicas) return limits.replicas;
  // A pod that is to go but is still there takes up surge.
  const podCount = sum([newSet, ...oldSets], (set) => Math.max(set.replicas, set.active));
  const room = limits.replicas + limits.maxSurge - podCount;
  return newSet.replicas + Math.max(0, Math.min(room, limits.replicas - newSet.replicas));
}

function decideOldSizes(limits: Limits, newSet: SetSize, oldSets: readonly SetSize[]): Sizes {
  const minAvailable = limits.replicas - limits.maxUnavailable;
  const newUnavailable = newSet.replicas - availableOf(newSet);
  const total = sum([newSet, ...oldSets], (set) => set.replicas);
  let removable = total - minAvailable - newUnavailable;
  if (removable <= 0) return noChange;

  const sizes = new Map<string, number>();
  const byAge = oldSets.filter((set) => set.replicas > 0).toSorted(olderFirst);
  const shrink = (set: SetSize, by: number) => {
    if (by <= 0) return;
    removable -= by;
    sizes.set(set.name, (sizes.get(set.name) ?? set.replicas) - by);
  };
  // Unhealthy pods first: they take up surge and give nothing, and a set deletes them before others.
  for (const set of byAge) shrink(set, Math.min(removable, set.replicas - availableOf(set)));
  let spare = sum([newSet, ...oldSets], availableOf) - minAvailable;
  for (const set of byAge) {
    const by = Math.min(removable, spare, sizes.get(set.name) ?? set.replicas);
    shrink(set, by);
    spare -= Math.max(0, by);
  }
  return sizes;
}

/** Available pods that will stay: those above the wanted size are about to be deleted. */
function availableOf(set: SetSize): number {
  return Math.min(set.available, set.replicas);
}

/**
 * Sizes when the Deployment was scaled, or while it is paused: a lone set takes all; otherwise the
 * difference is spread over the active sets in proportion, so that scaling neither hastens a rollout
 * nor undoes it. `rolling` is false for strategy Recreate.
 */
export function decideScaledSizes(
  limits: Limits,
  newSet: SetSize | undefined,
  oldSets: readonly SetSize[],
  options: { readonly rolling: boolean; readonly statusReplicas: number },
): Sizes {
  const lone = activeOrLatest(newSet, oldSets);
  if (lone !== undefined) return resized(lone, limits.replicas);
  const active = oldSets.filter((set) => set.replicas > 0);
  if (newSet !== undefined && isSaturated(limits, newSet)) {
    return new Map(active.map((set) => [set.name, 0]));
  }
  if (!options.rolling) return noChange;
  const all = newSet === undefined || newSet.replicas === 0 ? active : [...active, newSet];
  return decideProportions(limits, all, options.statusReplicas);
}

function decideProportions(
  limits: Limits,
  sets: readonly SetSize[],
  statusReplicas: number,
): Sizes {
  const allowed = limits.replicas > 0 ? limits.replicas + limits.maxSurge : 0;
  const toAdd = allowed - sum(sets, (set) => set.replicas);
  const order = sets.toSorted((left, right) => {
    const bySize = right.replicas - left.replicas;
    if (bySize !== 0) return bySize;
    // Equal sizes: newer sets grow first, older ones shrink first.
    return toAdd > 0 ? olderFirst(right, left) : olderFirst(left, right);
  });
  let added = 0;
  const sizes = new Map<string, number>();
  for (const set of order) {
    const share = proportionOf(limits, set, { toAdd, added, statusReplicas });
    sizes.set(set.name, set.replicas + share);
    added += share;
  }
  const [largest] = order;
  // What rounding has left over goes to the largest.
  if (largest !== undefined) {
    const size = (sizes.get(largest.name) ?? 0) + toAdd - added;
    sizes.set(largest.name, Math.max(0, size));
  }
  return sizes;
}

function proportionOf(
  limits: Limits,
  set: SetSize,
  spread: { toAdd: number; added: number; statusReplicas: number },
): number {
  const allowed = spread.toAdd - spread.added;
  if (set.replicas === 0 || allowed === 0) return 0;
  const share = fractionOf(limits, set, spread.statusReplicas);
  return spread.toAdd > 0 ? Math.min(share, allowed) : Math.max(share, allowed);
}

function fractionOf(limits: Limits, set: SetSize, statusReplicas: number): number {
  if (limits.replicas === 0) return -set.replicas;
  const maxBefore = set.maxRecorded || statusReplicas;
  // The record was tampered with, and no pod exists: no base for a proportion.
  if (maxBefore === 0) return 0;
  const size = (set.replicas * (limits.replicas + limits.maxSurge)) / maxBefore;
  return Math.round(size) - set.replicas;
}

/** The only active set; with none active the newest; undefined when there are several. */
function activeOrLatest(
  newSet: SetSize | undefined,
  oldSets: readonly SetSize[],
): SetSize | undefined {
  const all = newSet === undefined ? oldSets : [...oldSets, newSet];
  const active = all.filter((set) => set.replicas > 0);
  if (active.length > 1) return undefined;
  return active[0] ?? newSet ?? oldSets.toSorted(olderFirst).at(-1);
}

/** The new set is complete, and was so before the last change of scale, too. */
function isSaturated(limits: Limits, set: SetSize): boolean {
  return (
    set.replicas === limits.replicas &&
    set.desiredRecorded === limits.replicas &&
    availableOf(set) === limits.replicas
  );
}

/** Recreate: everything old goes first; the new set waits for `oldPodsRemain` to become false. */
export function decideRecreateSizes(
  limits: Limits,
  newSet: SetSize | undefined,
  oldSets: readonly SetSize[],
  oldPodsRemain: boolean,
): Sizes {
  const active = oldSets.filter((set) => set.replicas > 0);
  if (active.length > 0) return new Map(active.map((set) => [set.name, 0]));
  if (oldPodsRemain || newSet === undefined) return noChange;
  return resized(newSet, limits.replicas);
}

function resized(set: SetSize, replicas: number): Sizes {
  assert(replicas >= 0, "deployment: a size cannot be negative");
  return set.replicas === replicas ? noChange : new Map([[set.name, replicas]]);
}

function olderFirst(left: SetSize, right: SetSize): number {
  return left.createdMs - right.createdMs || (left.name < right.name ? -1 : 1);
}

function sum(sets: readonly SetSize[], count: (set: SetSize) => number): number {
  return sets.reduce((total, set) => total + count(set), 0);
}
