/**
 * The agent of one node: puts the parts together and gives them their life cycle.
 *
 * Works without the API: what an earlier agent left is taken over at once, and everything that needs
 * the API follows when it can be reached.
 */
import { randomUUID } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { type Clock, type Logger, type Random, silentLogger, type Timers } from "@flotilla/base";
import type { ObjectClient } from "@flotilla/client";
import type { StringMap } from "@flotilla/objects";
import { readJson, writeJson } from "./atomic-file.ts";
import { lockDirectory } from "./directory-lock.ts";
import { AgentError, reasonOf } from "./errors.ts";
import { EventRecorder } from "./events.ts";
import { Heartbeat } from "./node/heartbeat.ts";
import { machineFacts } from "./node/machine.ts";
import { Registration } from "./node/registration.ts";
import { inheritedVariables } from "./pods/environment.ts";
import { NodePods } from "./pods/node-pods.ts";
import { PodRecords } from "./pods/pod-record.ts";
import { Ports } from "./ports.ts";
import { ServiceDirectory } from "./proxy/service-directory.ts";
import { ServiceProxy } from "./proxy/service-proxy.ts";
import { ProcessRuntime } from "./runtimes/process.ts";
import { systemClock, systemTimers } from "./timers.ts";

export interface AgentOptions {
  /** Name of the Node object. */
  readonly nodeName: string;
  readonly client: ObjectClient;
  /** State, logs and volumes of this node; one agent each. */
  readonly dataDir: string;
  /** The node's address: processes and the proxy listen on it. Default 127.0.0.1. */
  readonly address?: string;
  /** Where services of type LoadBalancer are offered. Default 127.0.0.1. */
  readonly entryAddress?: string;
  /** Further labels of the Node object. */
  readonly labels?: Readonly<StringMap>;
  /** Where hostPath volumes begin. Default "/". */
  readonly volumeRoot?: string;
  /** Chooses ports and backends. */
  readonly random: Random;
  readonly logger?: Logger;
  /** Monotonic. Default: this process's. */
  readonly clock?: Clock;
  /** Milliseconds since 1970, for the times in objects. Default: this machine's. */
  readonly wallNowMs?: () => number;
  readonly timers?: Timers;
}

/** A running agent. */
export interface Agent {
  readonly nodeName: string;
  /**
   * Ends the agent. `leave`: processes go on and a later agent takes them over; `stop`: they are
   * stopped gracefully first, and the control plane is told that the node is gone.
   */
  stop(workloads: "leave" | "stop"): Promise<void>;
}

/** Waited for the control plane's answer to a farewell; it finds out by itself otherwise. */
const farewellMsMax = 1_000;

/** Starts an agent. Rejects with {@link AgentError} when the data directory cannot be used. */
export async function startAgent(options: AgentOptions): Promise<Agent> {
  const dataDir = resolve(options.dataDir);
  try {
    await mkdir(dataDir, { recursive: true });
    const unlock = await lockDirectory(dataDir);
    try {
      return await start({ ...options, dataDir }, unlock);
    } catch (error) {
      await unlock();
      throw error;
    }
  } catch (error) {
    if (error instanceof AgentError) throw error;
    const message = `Cannot use ${dataDir}: ${reasonOf(error)}`;
    throw new AgentError("dataDirectoryUnusable", message, error);
  }
}

async function start(options: AgentOptions, unlock: () => Promise<void>): Promise<Agent> {
  const { nodeName, client, dataDir, random } = options;
  const { address = "127.0.0.1", entryAddress = "127.0.0.1" } = options;
  const { clock = systemClock, timers = systemTimers, logger = silentLogger } = options;
  const { wallNowMs = () => Date.now() } = options;
  const end = new AbortController();
  const { signal } = end;
  const shared = { nodeName, client, clock, timers, random, logger, wallNowMs, address, signal };

  const runtime = new ProcessRuntime({ agentId: await agentIdOf(dataDir), timers, logger });
  const ports = new Ports(address, random);
  const proxy = new ServiceProxy({ random, timers, logger, ports, address, entryAddress, dataDir });
  const services = new ServiceDirectory({ ...shared, proxy }, () => pods.wake());
  const pods = new NodePods(
    {
      ...shared,
      runtime,
      ports,
      records: new PodRecords(join(dataDir, "pods")),
      events: new EventRecorder(shared),
      services: {
        get isReady() {
          return services.isReady && pods.isSynced;
        },
        catchUp: (namespace) => services.catchUp(namespace),
        variablesOf: (namespace) => services.variablesOf(namespace),
      },
      volumeRoot: resolve(options.volumeRoot ?? "/"),
      inherited: inheritedEnvironment(),
    },
    () => pods.wake(),
  );
  const facts = { ...machineFacts(), name: nodeName, address, labels: options.labels ?? {} };
  const registration = new Registration({ ...shared, facts });
  const heartbeat = new Heartbeat({
    ...shared,
    recheckPods: () => pods.recheck(),
    onAlive: () => registration.report(),
  });

  await proxy.start();
  await pods.adopt();
  services.start();
  pods.start();
  registration.start();
  const beating = heartbeat.run(signal);
  logger.info("agent started", { node: nodeName });

  return {
    nodeName,
    async stop(workloads) {
      if (workloads === "stop") await pods.shutDown();
      else await pods.detach();
      end.abort();
      registration.stop();
      await beating;
      if (workloads === "stop") await farewell(heartbeat, timers);
      runtime.close();
      await proxy.close();
      await unlock();
    },
  };
}

/** Marks the processes of this directory's agents, however often they restart. */
async function agentIdOf(dataDir: string): Promise<string> {
  const path = join(dataDir, "agent.json");
  const known = (await readJson(path)) as { id?: unknown } | undefined;
  if (typeof known?.id === "string") return known.id;
  const id = randomUUID();
  await writeJson(path, { id });
  return id;
}

async function farewell(heartbeat: Heartbeat, timers: Timers): Promise<void> {
  const done = heartbeat.release().catch(() => {}); // Unreachable: the lease runs out by itself.
  await Promise.race([done, new Promise<void>((resolve) => timers.after(farewellMsMax, resolve))]);
}

function inheritedEnvironment(): StringMap {
  const entries = inheritedVariables.map((name) => [name, process.env[name]] as const);
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined)) as StringMap;
}
