/** Stub. */
import type { Random } from "@flotilla/base";
import type { Resource } from "./resources.ts";
import type { KubeObject } from "./types.ts";
/** What creation needs from outside. */
export interface CreateContext {
  readonly nowMs: number;
  /** A fresh UUID. */
  readonly uid: string;
  /** For the name, when only generateName is given. */
  readonly random: Random;
  /** Of the request; undefined for cluster-scoped kinds. */
  readonly namespace?: string;
}
/** The object as it is stored at first. */
export function prepareForCreate<T extends KubeObject>(
  _resource: Resource<T>,
  object: T,
  _context: CreateContext,
): T {
  return object;
}
/** The object as an update stores it. */
export function prepareForUpdate<T extends KubeObject>(
  _resource: Resource<T>,
  updated: T,
  _old: T,
): T {
  return updated;
}
/** The object as an update of its status stores it. */
export function prepareForStatusUpdate<T extends KubeObject>(
  _resource: Resource<T>,
  updated: T,
  _old: T,
): T {
  return updated;
}
