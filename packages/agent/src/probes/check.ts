/**
 * One attempt of a probe: HTTP, TCP or a command.
 *
 * Source: Kubernetes pkg/probe: 200-399 is success, redirects are not followed, certificates are not
 * checked. A container port means the host port that stands for it.
 */
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { connect } from "node:net";
import type { ContainerPort, IntOrString, Probe } from "@flotilla/objects";
import type { CommandOutcome } from "../runtimes/runtime.ts";

/** What a check needs to know about its container. */
export interface ProbeTarget {
  readonly address: string;
  /** Ports that the container declares: names to numbers. */
  readonly declared: readonly ContainerPort[];
  /** Host port by container port. */
  readonly ports: Readonly<Record<string, number>>;
  /** Runs a command in the container's surroundings. */
  runCommand(
    command: readonly string[],
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<CommandOutcome>;
}

export type CheckOutcome =
  | { readonly kind: "success" }
  /** `message` as Kubernetes words it, without "Readiness probe failed: ". */
  | { readonly kind: "failure"; readonly message: string };

/** Attempts once. Never rejects; takes at most `timeoutMs`. */
export async function checkOnce(
  probe: Probe,
  target: ProbeTarget,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<CheckOutcome> {
  if (probe.httpGet !== undefined) return await checkHttp(probe.httpGet, target, timeoutMs, signal);
  if (probe.tcpSocket !== undefined) {
    const { host = target.address, port } = probe.tcpSocket;
    return await checkTcp(host, portOf(port, target), timeoutMs);
  }
  if (probe.exec === undefined) return failure("probe has no handler that is supported");
  const outcome = await target.runCommand(probe.exec.command ?? [], timeoutMs, signal);
  if (outcome.kind === "timedOut") return failure(`command timed out after ${timeoutMs / 1000}s`);
  if (outcome.kind === "failed") return failure(outcome.message);
  if (outcome.exitCode === 0) return success;
  return failure(`command terminated with exit code ${outcome.exitCode}`);
}

const success: CheckOutcome = { kind: "success" };

function failure(message: string): CheckOutcome {
  return { kind: "failure", message };
}

function portOf(port: IntOrString, { declared, ports }: ProbeTarget): number {
  const number = declared.find(({ name }) => name === port)?.containerPort ?? Number(port);
  return ports[number] ?? number;
}

function checkHttp(
  action: NonNullable<Probe["httpGet"]>,
  target: ProbeTarget,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<CheckOutcome> {
  const { scheme = "HTTP", host = target.address, path = "/" } = action;
  const port = portOf(action.port, target);
  const url = `${scheme.toLowerCase()}://${host}:${port}${path}`;
  const headers = Object.fromEntries(
    (action.httpHeaders ?? []).map(({ name, value }) => [name, value]),
  );
  const options = {
    host,
    port,
    path,
    agent: false as const,
    headers: { "User-Agent": "kube-probe/1.36", Accept: "*/*", ...headers },
    signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
    rejectUnauthorized: false,
  };
  return new Promise((resolve) => {
    try {
      const request = (scheme === "HTTPS" ? httpsRequest : httpRequest)(options, (response) => {
        const { statusCode = 0 } = response;
        response.destroy();
        const isSuccess = statusCode >= 200 && statusCode < 400;
        resolve(isSuccess ? success : failure(`HTTP probe failed with statuscode: ${statusCode}`));
      });
      request.on("error", (error) => resolve(failure(`Get "${url}": ${textOf(error)}`)));
      request.end();
    } catch (error) {
      resolve(failure(`Get "${url}": ${textOf(error)}`)); // A header or path that cannot be sent.
    }
  });
}

function checkTcp(host: string, port: number, timeoutMs: number): Promise<CheckOutcome> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const finish = (outcome: CheckOutcome) => {
      socket.destroy();
      resolve(outcome);
    };
    socket.setTimeout(timeoutMs, () => finish(failure(`dial tcp ${host}:${port}: i/o timeout`)));
    socket.once("connect", () => finish(success));
    socket.once("error", (error) => finish(failure(textOf(error))));
  });
}

function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.name === "AbortError" || error.name === "TimeoutError"
    ? "context deadline exceeded"
    : error.message;
}
