import { deepEqual, equal } from "node:assert/strict";
import { describe, it } from "node:test";
import { MetricRegistry, silentLogger } from "@flotilla/base";
import { type Call, Metadata, type Method, statusCode } from "@flotilla/grpc";
import { CallMetrics } from "../src/metrics/call-observer.ts";
import { ManualTimers } from "./fixtures.ts";

const path = "/etcdserverpb.KV/Put";
const method: Method = { kind: "unary", handle: () => new Uint8Array(0) };

function callOf(version: string): Call {
  return {
    path,
    metadata: new Metadata([{ name: "client-api-version", value: version }]),
    peer: "10.0.0.1:99",
    clientName: undefined,
    signal: new AbortController().signal,
    ended: false,
  };
}

describe("CallMetrics", () => {
  it("tells the log of unary calls that took long, in etcd's words", () => {
    const warnings: unknown[] = [];
    const timers = new ManualTimers();
    const logger = {
      ...silentLogger,
      warn: (message: string, fields: unknown) => warnings.push([message, fields]),
    };
    const metrics = new MetricRegistry();
    const options = { warnUnaryMs: 300, extensiveMetrics: false };
    const { observer } = new CallMetrics({ metrics, logger, timers }, options).observe(
      path,
      method,
    );
    for (const tookMs of [300, 301]) {
      const call = callOf("3.6");
      const started = observer?.started(call) ?? 0;
      timers.advance(tookMs);
      observer?.handled(call, statusCode.unavailable, started);
    }
    deepEqual(warnings, [
      [
        "request stats",
        {
          "time spent": "301ms",
          remote: "10.0.0.1:99",
          "response type": path,
          "grpc code": "Unavailable",
        },
      ],
    ]);
  });

  it("knows only so many versions of clients", () => {
    const metrics = new MetricRegistry();
    const options = { warnUnaryMs: 300, extensiveMetrics: false };
    const deps = { metrics, logger: silentLogger, timers: new ManualTimers() };
    const { observer } = new CallMetrics(deps, options).observe(path, method);
    for (let minor = 0; minor < 1000; minor++) observer?.started(callOf(`3.${minor}`));
    for (const odd of ["", "x", "3.6.1", "3.".repeat(100)]) observer?.started(callOf(odd));
    const lines = metrics.text().split("\n");
    const series = lines.filter((line) => line.startsWith("etcd_server_client_requests_total{"));
    equal(series.length, 65);
  });
});
