/**
 * Quality of service: who goes last when a node runs short.
 *
 * Source: kubernetes pkg/apis/core/v1/helper/qos. Pure.
 */
import { compareQuantities, parseQuantity } from "./quantity.ts";
import type { Container, PodSpec } from "./types.ts";

const counted = ["cpu", "memory"];

/** Guaranteed: all limited and requested alike; BestEffort: nothing asked for; Burstable: the rest. */
export function qosClassOf(spec: PodSpec): "Guaranteed" | "Burstable" | "BestEffort" {
  const containers = [...(spec.containers ?? []), ...(spec.initContainers ?? [])];
  const asks = containers.some((container) => counted.some((name) => isAsked(container, name)));
  if (!asks) return "BestEffort";
  const guaranteed = containers.every((container) =>
    counted.every((name) => isGuaranteed(container, name)),
  );
  return guaranteed ? "Guaranteed" : "Burstable";
}

function isAsked({ resources }: Container, name: string): boolean {
  return isPositive(resources?.requests?.[name]) || isPositive(resources?.limits?.[name]);
}

function isGuaranteed({ resources }: Container, name: string): boolean {
  const limit = resources?.limits?.[name];
  if (limit === undefined || !isPositive(limit)) return false;
  return compareQuantities(resources?.requests?.[name] ?? limit, limit) === 0;
}

function isPositive(quantity: string | undefined): boolean {
  return quantity !== undefined && (parseQuantity(quantity) ?? 0) > 0;
}
