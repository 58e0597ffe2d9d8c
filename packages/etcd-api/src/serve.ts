/** The client port: gRPC and HTTP/1 of one member on one listening socket. */
import { randomBytes } from "node:crypto";
import { createServer, type Server } from "node:net";
import { type Logger, Prng, type Random } from "@flotilla/base";
import { createGrpcServer, systemTimers, type Timers } from "@flotilla/grpc";
import type { Member } from "@flotilla/member";
import { createEtcdApi } from "./api.ts";
import type { EtcdApiOptions } from "./context.ts";
import { messageOverheadBytes, requestBytesMax } from "./limits.ts";

/** Where to listen. */
export interface ServeEtcdOptions extends Partial<EtcdApiOptions> {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
}

/** Collaborators; the system's timers and randomness unless others are given. */
export interface ServeEtcdDeps {
  readonly member: Member;
  readonly logger: Logger;
  readonly timers?: Timers;
  readonly random?: Random;
}

/** A client port that is open. */
export interface EtcdServer {
  readonly port: number;
  /** Ends streams, lets calls finish for up to `graceMs`, closes the port. The member is left alone. */
  close(options: { readonly graceMs: number }): Promise<void>;
}

/** Opens the client port. Rejects with the system's error when it cannot be opened. */
export async function serveEtcd(
  deps: ServeEtcdDeps,
  options: ServeEtcdOptions,
): Promise<EtcdServer> {
  const { host, port, ...apiOptions } = options;
  const timers = deps.timers ?? systemTimers;
  const random = deps.random ?? systemRandom();
  const { member, logger } = deps;
  const unixSeconds = () => Math.floor(Date.now() / 1000);
  const api = createEtcdApi({ member, logger, timers, random, unixSeconds }, apiOptions);
  const grpc = createGrpcServer(
    {
      methods: api.methods,
      logger,
      timers,
      onHttp1: (socket, firstBytes) => api.http.accept(socket, firstBytes),
    },
    { messageBytes: requestBytesMax + messageOverheadBytes },
  );
  const listener = createServer({ noDelay: true }, (socket) => grpc.accept(socket));
  await listen(listener, host, port);
  return {
    port: portOf(listener),
    async close(closeOptions) {
      const closed = new Promise<void>((resolve) => listener.close(() => resolve()));
      await grpc.close(closeOptions);
      api.http.close();
      await closed;
    },
  };
}

function listen(listener: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    listener.once("error", reject);
    listener.listen({ host, port }, () => {
      listener.off("error", reject);
      resolve();
    });
  });
}

function portOf(listener: Server): number {
  const address = listener.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** Seeded by the system: members must not choose the same lease ids. */
function systemRandom(): Random {
  return new Prng(randomBytes(6).readUIntBE(0, 6));
}
