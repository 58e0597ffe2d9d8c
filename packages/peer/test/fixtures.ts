/** Members that only talk, timers that only move when told to, and waiting without sleeping. */
import { connect, createServer, type Socket } from "node:net";
import { type MetricRegistry, Prng, silentLogger, type Timers, textOf, utf8 } from "@flotilla/base";
import type { TlsMaterial } from "@flotilla/pki";
import type { PeerAddress } from "../src/address.ts";
import { nodeTimers } from "../src/timers.ts";
import {
  openPeerTransport,
  type PeerHandlers,
  type PeerOptions,
  type PeerTransport,
} from "../src/transport.ts";

/** Resolves once `condition` holds; fails after `deadlineMs`, saying what did not happen. */
export async function until(condition: () => boolean, what: string, deadlineMs = 5000) {
  const end = performance.now() + deadlineMs;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`did not happen in ${deadlineMs} ms: ${what}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

export class ManualTimers implements Timers {
  #now = 0;
  readonly #timers = new Set<{ at: number; callback: () => void }>();

  after(delayMs: number, callback: () => void): () => void {
    const timer = { at: this.#now + delayMs, callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  advance(ms: number): void {
    this.#now += ms;
    for (const timer of [...this.#timers].sort((left, right) => left.at - right.at)) {
      if (timer.at <= this.#now && this.#timers.delete(timer)) timer.callback();
    }
  }
}

export interface Talker {
  readonly transport: PeerTransport;
  readonly received: string[];
  readonly bulk: { readonly from: string; readonly frame: Uint8Array }[];
  readonly unreachable: string[];
  readonly warnings: string[];
  /** The purposes of the connections that were made. */
  readonly connected: string[];
}

export const loopback = (port: number) => ({ host: "127.0.0.1", port });

type Place = number | PeerAddress | readonly number[];

/** Where members are, by their ports. */
export const addresses = (places: Record<string, Place>) =>
  new Map<string, readonly PeerAddress[]>(
    Object.entries(places).map(([id, at]) => {
      const all = typeof at === "number" || "host" in at ? [at] : at;
      return [id, all.map((one) => (typeof one === "number" ? loopback(one) : one))];
    }),
  );

/** A transport that notes what it gets; `peers` gives the port of each. */
export async function talker(
  self: string,
  peers: Record<string, Place>,
  more: {
    listen?: PeerOptions["listen"];
    tls?: TlsMaterial;
    port?: number;
    clusterId?: bigint;
    timers?: Timers;
    handlers?: Partial<PeerHandlers>;
    metrics?: MetricRegistry;
  } = {},
): Promise<Talker> {
  const received: string[] = [];
  const bulk: Talker["bulk"] = [];
  const unreachable: string[] = [];
  const warnings: string[] = [];
  const connected: string[] = [];
  const transport = await openPeerTransport(
    {
      self,
      clusterId: more.clusterId ?? 7n,
      listen: more.listen ?? loopback(more.port ?? 0),
      tls: more.tls,
      peers: addresses(peers),
    },
    {
      timers: more.timers ?? nodeTimers,
      random: new Prng(1),
      ...(more.metrics && { metrics: more.metrics }),
      logger: {
        ...silentLogger,
        info: (_message, fields) => connected.push(`${fields?.["purpose"]}`),
        warn: (message, fields) =>
          warnings.push(`${message}: ${fields?.["reason"] ?? fields?.["error"]}`),
      },
      handlers: {
        onMessage: (from, message) => received.push(`${from} ${textOf(message)}`),
        onUnreachable: (peer) => unreachable.push(peer),
        onBulk: (from, frame) => bulk.push({ from, frame }),
        onCall: async (from, request) => utf8(`${from} asked ${textOf(request)}`),
        onJoin: async (request) => utf8(`somebody asked ${textOf(request)}`),
        ...more.handlers,
      },
    },
  );
  return { transport, received, bulk, unreachable, warnings, connected };
}

/** Two that know each other. */
export async function pair(more: Parameters<typeof talker>[2] = {}) {
  const [portA, portB] = [await freePort(), await freePort()];
  const a = await talker("a", { b: portB }, { ...more, port: portA });
  const b = await talker("b", { a: portA }, { ...more, port: portB });
  const close = () => Promise.all([a.transport.close(), b.transport.close()]);
  return { a, b, portA, portB, close };
}

/** Sends until it arrives: connections are made meanwhile. */
export async function arrives(from: Talker, to: string, at: Talker, text: string) {
  await until(() => {
    from.transport.send(to, utf8(text));
    return at.received.some((line) => line.endsWith(` ${text}`));
  }, `${text} at ${to}`);
}

/** Lets what is on its way arrive. */
export async function turns(count: number) {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** A port that nobody listens on, until the caller does. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** Connects without saying anything. */
export async function rawConnection(
  port: number,
): Promise<{ socket: Socket; closed: () => boolean }> {
  const socket = connect(loopback(port));
  let closed = false;
  socket.on("close", () => {
    closed = true;
  });
  socket.on("error", () => {});
  socket.resume();
  await new Promise((resolve) => socket.once("connect", resolve));
  return { socket, closed: () => closed };
}
