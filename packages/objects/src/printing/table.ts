/** Stub. */
import type { Resource } from "../resources.ts";
import type { Json, KubeObject } from "../types.ts";
/** One entry of a Table's `columnDefinitions`. */
export interface TableColumn {
  readonly name: string;
  readonly type: "string" | "integer";
  readonly format: string;
  readonly description: string;
  /** 0: always shown; 1: with `-o wide`. */
  readonly priority: number;
}
/** The columns of a kind. */
export function tableColumns(_resource: Resource): readonly TableColumn[] {
  return [];
}
/** The cells of one object, in the order of the columns. */
export function tableRow<T extends KubeObject>(
  _resource: Resource<T>,
  _object: T,
  _nowMs: number,
): Json[] {
  return [];
}
