import { deepEqual, equal } from "node:assert/strict";
import { describe, it } from "node:test";
import { conditionOf, podIsReady } from "@flotilla/objects";
import type { ContainerState, PodRecord } from "../../src/pods/pod-record.ts";
import { portsAnnotation, withStatus } from "../../src/pods/pod-status.ts";
import { podOf } from "../fixtures.ts";

const process = { pid: 1, startTicks: 1, bootId: "b" };
const running = (isReady: boolean): ContainerState => ({
  kind: "running",
  id: "u/main/0",
  process,
  startedAtMs: 5_000,
  health: { isStarted: true, isReady },
});
const run = {
  id: "u/main/0",
  exitCode: 3,
  reason: "Error",
  startedAtMs: 5_000,
  finishedAtMs: 9_000,
};

function statusOf(
  state: ContainerState,
  more: Partial<PodRecord> = {},
  nowMs = 10_000,
  delayMs = 0,
) {
  const pod = podOf("p", {});
  const main = { state, starts: 2, delay: { delayMs, sinceMs: 9_000 } };
  const record: PodRecord = { pod, acceptedAtMs: 1_000, ports: {}, containers: { main }, ...more };
  return withStatus(pod, { record, address: "10.0.0.7", scheme: "process", nowMs });
}

describe("withStatus()", () => {
  it("shows a pod that runs and is ready", () => {
    const pod = statusOf(running(true));
    equal(podIsReady(pod), true);
    equal(pod.status?.phase, "Running");
    equal(pod.status?.podIP, "10.0.0.7");
    deepEqual(pod.status?.containerStatuses, [
      {
        name: "main",
        state: { running: { startedAt: "1970-01-01T00:00:05Z" } },
        ready: true,
        started: true,
        restartCount: 1,
        image: "host",
        imageID: "host",
        containerID: "process://u/main/0",
      },
    ]);
  });

  it("names the containers that are not ready", () => {
    const ready = conditionOf(statusOf(running(false)), "Ready");
    equal(ready?.reason, "ContainersNotReady");
    equal(ready?.message, "containers with unready status: [main]");
  });

  it("shows CrashLoopBackOff, and the exit as the last state, while a restart is held back", () => {
    const [main] = statusOf({ kind: "exited", run }, {}, 10_000, 10_000).status!.containerStatuses!;
    deepEqual(main?.state, {
      waiting: {
        reason: "CrashLoopBackOff",
        message: "back-off 10s restarting failed container=main pod=p_default(p-uid)",
      },
    });
    equal(main?.lastState?.terminated?.exitCode, 3);
  });

  it("shows the exit itself when nothing will be restarted", () => {
    const pod = statusOf({ kind: "exited", run }, { finished: "Failed" }, 10_000, 10_000);
    equal(pod.status?.phase, "Failed");
    equal(pod.status?.containerStatuses?.[0]?.state?.terminated?.exitCode, 3);
    equal(conditionOf(pod, "Ready")?.reason, "PodFailed");
  });

  it("is Pending until every container was started", () => {
    const pod = statusOf({ kind: "waiting", reason: "ErrImagePull", message: "no" });
    equal(pod.status?.phase, "Pending");
    deepEqual(pod.status?.containerStatuses?.[0]?.state, {
      waiting: { reason: "ErrImagePull", message: "no" },
    });
  });

  it("keeps the time of a condition that did not change, and conditions of others", () => {
    const first = statusOf(running(true));
    const foreign = { type: "Foreign", status: "True" } as const;
    first.status!.conditions!.push(foreign);
    const record: PodRecord = {
      pod: first,
      acceptedAtMs: 1_000,
      ports: {},
      containers: { main: { state: running(true), starts: 2 } },
    };
    const input = { record, address: "10.0.0.7", scheme: "process", nowMs: 99_000 };
    const second = withStatus(first, input);
    equal(conditionOf(second, "Ready")?.lastTransitionTime, "1970-01-01T00:00:10Z");
    deepEqual(conditionOf(second, "Foreign"), foreign);
  });

  it("publishes the ports", () => {
    const pod = statusOf(running(true), { ports: { 8080: 21_000 } });
    equal(pod.metadata.annotations?.[portsAnnotation], '{"8080":21000}');
  });
});
