/** The client port: gRPC and HTTP/1 of one member, on one listening socket or several. */
import { randomBytes } from "node:crypto";
import type { Socket } from "node:net";
import { type Logger, type MetricRegistry, Prng, type Random } from "@flotilla/base";
import { createGrpcServer, type GrpcLimits, systemTimers, type Timers } from "@flotilla/grpc";
import type { Member } from "@flotilla/member";
import { createEtcdApi } from "./api.ts";
import { startChores } from "./chores.ts";
import { defaultOptions, type EtcdApiOptions } from "./context.ts";
import { checkBeforeServing } from "./corruption/checks.ts";
import { serveOverHttp2 } from "./http/over-http2.ts";
import { messageOverheadBytes } from "./limits.ts";
import { type ListenAddress, type Listener, openListener } from "./listen.ts";

/** Where to listen: one plain address, or several. */
export interface ServeEtcdOptions extends Partial<EtcdApiOptions> {
  /** With `port`, one plain address for everything; left out where `listen` is given. */
  readonly host?: string;
  /** 0 takes a free one. */
  readonly port?: number;
  readonly listen?: readonly ListenAddress[];
  /** Replaces some of gRPC's limits. */
  readonly grpc?: Partial<GrpcLimits>;
}

/** Collaborators; the system's timers and randomness unless others are given. */
export interface ServeEtcdDeps {
  readonly member: Member;
  readonly logger: Logger;
  readonly timers?: Timers;
  readonly random?: Random;
  /** What the whole process counts in. Default: one of its own. */
  readonly metrics?: MetricRegistry;
}

/** A client port that is open. */
export interface EtcdServer {
  /** Of the first address. */
  readonly port: number;
  /** Of all addresses, in their order; 0 for a socket in the file system. */
  readonly ports: readonly number[];
  /** Ends streams, lets calls finish for up to `graceMs`, closes the port. The member is left alone. */
  close(options: { readonly graceMs: number }): Promise<void>;
}

/**
 * Opens the client port, and begins what a member does beside answering. Rejects with the system's
 * error, or `PkiError`, when it cannot be opened, and with `CorruptionError` when it must not serve.
 */
export async function serveEtcd(
  deps: ServeEtcdDeps,
  options: ServeEtcdOptions,
): Promise<EtcdServer> {
  const {
    host = "127.0.0.1",
    port = 0,
    listen = [{ host, port }],
    grpc: limits,
    ...rest
  } = options;
  const timers = deps.timers ?? systemTimers;
  const random = deps.random ?? systemRandom();
  const { member, logger, metrics } = deps;
  const unixSeconds = () => Math.floor(Date.now() / 1000);
  const settings = { ...defaultOptions, ...rest };
  const { initialCorruptCheck, corruptRepair: mayRepair } = settings;
  if (initialCorruptCheck) await checkBeforeServing({ member, logger, timers }, { mayRepair });
  const api = createEtcdApi(
    { member, logger, timers, random, unixSeconds, ...(metrics === undefined ? {} : { metrics }) },
    rest,
  );
  const withoutHttp = new WeakSet<Socket>();
  const clientNames = new WeakMap<Socket, string>();
  const onHttp = serveOverHttp2(api.http);
  const grpc = createGrpcServer(
    {
      methods: api.methods,
      logger,
      timers,
      onHttp1: (socket, firstBytes) => {
        if (withoutHttp.has(socket)) socket.destroy();
        else api.http.accept(socket, firstBytes, clientNames.get(socket));
      },
    },
    { messageBytes: settings.maxRequestBytes + messageOverheadBytes, ...limits },
  );
  const accept = (address: ListenAddress, socket: Socket, clientName: string | undefined): void => {
    const { serves = "all" } = address;
    if (serves === "http" || serves === "metrics") {
      const side = serves === "http" ? api.http : api.metricsHttp;
      side.accept(socket, Buffer.alloc(0), clientName);
      return;
    }
    if (serves === "grpc") withoutHttp.add(socket);
    if (clientName !== undefined) clientNames.set(socket, clientName);
    // As in etcd: without TLS, HTTP/2 is gRPC's alone.
    const takesHttp = serves === "all" && address.tls !== undefined;
    grpc.accept(socket, { clientName, ...(takesHttp && { onHttp }) });
  };
  const listeners = await openAll(listen, (address) =>
    openListener(address, logger, (socket, clientName) => accept(address, socket, clientName)),
  );
  const stopChores = startChores({ member, logger, timers, unixSeconds }, settings);
  return {
    port: listeners[0]?.port ?? 0,
    ports: listeners.map((listener) => listener.port),
    async close({ graceMs }) {
      stopChores();
      const closed = closeAll(listeners);
      const sides = [api.http, api.metricsHttp];
      for (const side of sides) side.close();
      const cancel = timers.after(graceMs, () => {
        for (const side of sides) side.destroy();
      });
      await grpc.close({ graceMs });
      api.close();
      await closed;
      cancel();
    },
  };
}

/** All, or none. */
async function openAll(
  addresses: readonly ListenAddress[],
  open: (address: ListenAddress) => Promise<Listener>,
): Promise<readonly Listener[]> {
  const listeners: Listener[] = [];
  try {
    for (const address of addresses) listeners.push(await open(address));
    return listeners;
  } catch (error) {
    await closeAll(listeners);
    throw error;
  }
}

async function closeAll(listeners: readonly Listener[]): Promise<void> {
  await Promise.all(listeners.map((listener) => listener.close()));
}

/** Seeded by the system: members must not choose the same lease ids. */
function systemRandom(): Random {
  return new Prng(randomBytes(6).readUIntBE(0, 6));
}
