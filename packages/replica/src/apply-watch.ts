/** Measures each slice that is applied, and says which took long, as etcd does (server/etcdserver/txn/util.go). Pure. */
import type { Logger } from "@flotilla/base";
import type { ApplyWatch } from "./applier.ts";
import type { ReplicaMetrics } from "./replica-metrics.ts";

export function applyWatch(
  { metrics, logger, nowMs }: { metrics: ReplicaMetrics; logger: Logger; nowMs: () => number },
  warnApplyMs: number,
): ApplyWatch {
  return {
    nowMs,
    applied: (slice, beganMs) => {
      const tookMs = nowMs() - beganMs;
      metrics.applySeconds.observe(tookMs / 1000);
      if (tookMs <= warnApplyMs) return;
      metrics.slowApply.add();
      logger.warn("apply request took too long", {
        took: `${tookMs}ms`,
        "expected-duration": `${warnApplyMs}ms`,
        requests: slice.length,
        request: slice[0]?.proposal?.command.kind ?? "",
      });
    },
  };
}
