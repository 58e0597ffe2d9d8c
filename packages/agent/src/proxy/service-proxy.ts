/**
 * The load balancer of one node: for every service port a listener of its own on the node's address,
 * and, where the service asks for it, one on the entry address and on its node port.
 *
 * The node's own ports are remembered on disk, because processes were started with them in their
 * environment and outlive the agent.
 */
import type { Socket } from "node:net";
import { join } from "node:path";
import type { Logger, Random, Timers } from "@flotilla/base";
import { readJson, writeJson } from "../atomic-file.ts";
import { reasonOf } from "../errors.ts";
import type { Ports } from "../ports.ts";
import { BackendPool } from "./backend-pool.ts";
import { canConnect } from "./dial.ts";
import type { Frontend } from "./frontends.ts";
import { Listener } from "./listener.ts";
import { relay } from "./relay.ts";

/** Clients that wait for a backend at one time, over all services; further ones are turned away. */
export const heldMax = 1_024;

export interface ServiceProxyDeps {
  readonly random: Random;
  readonly timers: Timers;
  readonly logger: Logger;
  readonly ports: Ports;
  /** The node's. */
  readonly address: string;
  /** Where services of type LoadBalancer are offered; nodes of one machine share it. */
  readonly entryAddress: string;
  /** Holds proxy-ports.json. */
  readonly dataDir: string;
}

interface Served {
  readonly pool: BackendPool;
  /** The node's own port for it. */
  readonly port: number;
  readonly listeners: Map<string, Listener>;
}

/** See the file's header. */
export class ServiceProxy {
  readonly #deps: ServiceProxyDeps;
  readonly #served = new Map<string, Served>();
  readonly #closing = new Set<Listener>();
  #remembered: Record<string, number> = {};
  #work: Promise<void> = Promise.resolve();
  #wanted: readonly Frontend[] = [];
  #heldCount = 0;
  #isClosed = false;

  constructor(deps: ServiceProxyDeps) {
    this.#deps = deps;
  }

  /** Reads the ports of an earlier run. */
  async start(): Promise<void> {
    const read = await readJson(this.#memoryPath());
    for (const [key, port] of Object.entries(read ?? {})) {
      if (typeof port === "number") this.#remembered[key] = port;
    }
  }

  /** Serves exactly these from now on. Resolves when their listeners have been tried to bind once. */
  update(frontends: readonly Frontend[]): Promise<void> {
    this.#wanted = frontends;
    // Endpoints that change are followed at once; only new listeners wait their turn.
    for (const { key, backends } of frontends) this.#served.get(key)?.pool.update(backends);
    this.#work = this.#work.then(() => this.#reconcile());
    return this.#work;
  }

  /** The node's own port of a frontend; undefined while there is none. */
  portOf(key: string): number | undefined {
    return this.#served.get(key)?.port;
  }

  /** Stops listening and ends every connection. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#work;
    for (const served of this.#served.values()) this.#drop(served);
    for (const listener of this.#closing) listener.destroyConnections();
    this.#served.clear();
  }

  async #reconcile(): Promise<void> {
    if (this.#isClosed) return;
    const wanted = this.#wanted;
    const keys = new Set(wanted.map(({ key }) => key));
    for (const [key, served] of this.#served) {
      if (keys.has(key)) continue;
      this.#drop(served);
      this.#deps.ports.release(served.port);
      this.#served.delete(key);
    }
    for (const frontend of wanted) await this.#serve(frontend);
    await this.#remember();
  }

  async #serve(frontend: Frontend): Promise<void> {
    try {
      const served = this.#served.get(frontend.key) ?? (await this.#newServed(frontend.key));
      this.#served.set(frontend.key, served);
      served.pool.update(frontend.backends);
      await this.#listen(served, frontend);
    } catch (error) {
      this.#deps.logger.error("service is not served on this node", {
        service: frontend.key,
        reason: reasonOf(error),
      });
    }
  }

  async #newServed(key: string): Promise<Served> {
    const { random, timers } = this.#deps;
    const pool = new BackendPool({ random, timers, canConnect });
    return { pool, port: await this.#choosePort(key), listeners: new Map() };
  }

  async #choosePort(key: string): Promise<number> {
    const { ports, logger } = this.#deps;
    const remembered = this.#remembered[key];
    if (remembered === undefined) return await ports.allocate();
    if (await ports.isFree(remembered)) {
      ports.reserve(remembered);
      return remembered;
    }
    const port = await ports.allocate();
    // Processes that run already still look for the service at the old one.
    logger.error("port of a service was lost", { service: key, remembered, port });
    return port;
  }

  async #listen(served: Served, { entryPort, nodePort }: Frontend): Promise<void> {
    const { address, entryAddress } = this.#deps;
    const wanted = new Map([[`${address}:${served.port}`, { address, port: served.port }]]);
    if (nodePort !== undefined) wanted.set(`${address}:${nodePort}`, { address, port: nodePort });
    if (entryPort !== undefined) {
      const at = { address: entryAddress, port: entryPort };
      wanted.set(`${entryAddress}:${entryPort}`, at);
    }
    for (const [name, listener] of served.listeners) {
      if (wanted.has(name)) continue;
      this.#closeListener(listener);
      served.listeners.delete(name);
    }
    for (const [name, at] of wanted) {
      if (served.listeners.has(name)) continue;
      const listener = new Listener(this.#deps, at, (socket) => {
        void this.#accept(socket, served);
      });
      served.listeners.set(name, listener);
      await listener.start();
    }
  }

  async #accept(socket: Socket, { pool }: Served): Promise<void> {
    if (this.#heldCount >= heldMax) {
      socket.destroy();
      return;
    }
    this.#heldCount++;
    try {
      await relay(socket, { pool, timers: this.#deps.timers });
    } finally {
      this.#heldCount--;
    }
  }

  /** Its connections go on: their backends may well live. */
  #drop({ pool, listeners }: Served): void {
    pool.close();
    for (const listener of listeners.values()) this.#closeListener(listener);
  }

  #closeListener(listener: Listener): void {
    listener.close();
    this.#closing.add(listener);
  }

  async #remember(): Promise<void> {
    const now = Object.fromEntries([...this.#served].map(([key, { port }]) => [key, port]));
    if (JSON.stringify(now) === JSON.stringify(this.#remembered)) return;
    this.#remembered = now;
    try {
      await writeJson(this.#memoryPath(), now);
    } catch (error) {
      this.#deps.logger.error("proxy ports not written", { reason: reasonOf(error) });
    }
  }

  #memoryPath(): string {
    return join(this.#deps.dataDir, "proxy-ports.json");
  }
}
