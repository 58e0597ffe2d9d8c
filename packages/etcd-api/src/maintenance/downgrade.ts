/**
 * The way to an older version: which is allowed, and what the cluster calls itself meanwhile. Pure.
 *
 * Source: etcd server/etcdserver/version/downgrade.go and api/v3rpc/maintenance.go. Nothing else
 * follows from it here: the data of this version is not readable by an older one anyway.
 */
import type { StoreReader } from "@flotilla/store";
import type { RpcErrorKey } from "../errors.ts";

interface Version {
  readonly major: number;
  readonly minor: number;
}

export type DowngradeVerdict =
  /** `target`: in full, `3.6.0`. */
  | { readonly kind: "allowed"; readonly target: string }
  | { readonly kind: "refused"; readonly error: RpcErrorKey };

/** `3.x.0`: the version whose features the whole cluster has. */
export function clusterVersionOf(store: Pick<StoreReader, "downgrade">, own: string): string {
  return store.downgrade()?.version ?? own;
}

/** `3.7` of `3.7.1`. */
export function shortVersion(version: string): string {
  return version.split(".", 2).join(".");
}

/** May the cluster go from `current` to `wanted`? In the order in which etcd finds fault. */
export function judgeDowngrade(
  wanted: string,
  current: string,
  isInProgress: boolean,
): DowngradeVerdict {
  const target = parseVersion(wanted) ?? parseVersion(`${wanted}.0`);
  if (target === undefined) return { kind: "refused", error: "downgradeVersionFormat" };
  const from = parseVersion(current);
  if (from === undefined) return { kind: "refused", error: "clusterVersionUnavailable" };
  if (target.major !== from.major || target.minor !== from.minor - 1) {
    return { kind: "refused", error: "downgradeTargetInvalid" };
  }
  if (isInProgress) return { kind: "refused", error: "downgradeInProgress" };
  return { kind: "allowed", target: `${target.major}.${target.minor}.0` };
}

/** Three numbers; what stands behind a `-` or `+` does not matter. */
function parseVersion(text: string): Version | undefined {
  const match = /^(\d{1,9})\.(\d{1,9})\.\d{1,9}(?:[-+].*)?$/.exec(text);
  if (match === null) return undefined;
  return { major: Number(match[1]), minor: Number(match[2]) };
}
