import { deepEqual } from "node:assert/strict";
import { describe, it } from "node:test";
import type { Container } from "@flotilla/objects";
import { initialHealth, Prober } from "../../src/probes/prober.ts";
import { ManualTime } from "../fixtures.ts";

/** Probes `container`, whose commands succeed while `works(command, nowMs)`, for `ms`; what was told when. */
async function probe(
  container: Partial<Container>,
  works: (command: string, nowMs: number) => boolean,
  ms: number,
): Promise<string[]> {
  const time = new ManualTime();
  const told: string[] = [];
  const note = (what: string) => told.push(`${what}@${Math.round(time.nowMs())}`);
  const whole: Container = { name: "main", image: "host", ...container };
  const prober = new Prober(
    { clock: time, timers: time },
    {
      container: whole,
      health: initialHealth(whole),
      target: {
        address: "127.0.0.1",
        declared: [],
        ports: {},
        runCommand: async ([command = ""]) => ({
          kind: "exited",
          exitCode: works(command, time.nowMs()) ? 0 : 1,
        }),
      },
    },
    {
      onHealth: ({ isStarted, isReady }) =>
        note(`${isStarted ? "started" : ""}${isReady ? "+ready" : ""}`),
      onUnhealthy: (kind) => note(`unhealthy ${kind}`),
      onFailed: (kind) => note(`failed ${kind}`),
    },
  );
  prober.start();
  await time.advance(ms);
  prober.stop();
  return told;
}

const exec = (command: string) => ({ exec: { command: [command] }, periodSeconds: 1 });

describe("Prober", () => {
  it("has nothing to say about a container without probes", async () => {
    deepEqual(await probe({}, () => false, 60_000), []);
  });

  it("asks for liveness and readiness only after the startup probe has succeeded", async () => {
    const asked = new Set<string>();
    const container = {
      startupProbe: exec("startup"),
      livenessProbe: exec("live"),
      readinessProbe: exec("ready"),
    };
    const works = (command: string, nowMs: number) => {
      if (nowMs < 2_000) asked.add(command);
      return nowMs >= 2_000;
    };
    const told = await probe(container, works, 10_000);
    deepEqual([...asked], ["startup"]);
    deepEqual(
      told.map((line) => line.split("@")[0]),
      ["unhealthy Startup", "started", "started+ready"],
    );
  });

  it("gives up a container that never starts up, once", async () => {
    const told = await probe({ startupProbe: exec("startup") }, () => false, 30_000);
    deepEqual(
      told.map((line) => line.split("@")[0]),
      ["unhealthy Startup", "unhealthy Startup", "unhealthy Startup", "failed Startup"],
    );
  });

  it("restarts after the liveness threshold", async () => {
    const told = await probe({ livenessProbe: exec("live") }, (_, nowMs) => nowMs < 5_000, 30_000);
    deepEqual(told, [
      "unhealthy Liveness@5000",
      "unhealthy Liveness@6000",
      "unhealthy Liveness@7000",
      "failed Liveness@7000",
    ]);
  });

  it("withdraws a container that is not ready and takes it back, without a restart", async () => {
    const works = (_: string, nowMs: number) => nowMs < 1_500 || nowMs >= 8_500;
    const told = await probe({ readinessProbe: exec("ready") }, works, 12_000);
    deepEqual(told, [
      "started+ready@0",
      "unhealthy Readiness@2000",
      "unhealthy Readiness@3000",
      "unhealthy Readiness@4000",
      "started@4000",
      "unhealthy Readiness@5000",
      "unhealthy Readiness@6000",
      "unhealthy Readiness@7000",
      "unhealthy Readiness@8000",
      "started+ready@9000",
    ]);
  });
});
