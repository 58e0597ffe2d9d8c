/** One listening socket of the client port, plain or with TLS, on an address or in the file system. */
import { rmSync, statSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import type { Logger } from "@flotilla/base";
import { createTlsServer, type TlsMaterial } from "@flotilla/pki";

/** What is served at an address: `all` is gRPC and HTTP. */
export type Serves = "all" | "grpc" | "http" | "metrics";

/** Where to listen, and for what. */
export interface ListenAddress {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** A socket in the file system, in place of host and port. What a dead process left there is removed. */
  readonly path?: string;
  /** TLS, with these files. */
  readonly tls?: TlsMaterial;
  /** Default `all`. */
  readonly serves?: Serves;
}

export interface Listener {
  /** 0 for a socket in the file system. */
  readonly port: number;
  /** No new connections; resolves when those that are open have ended. */
  close(): Promise<void>;
}

/**
 * Opens it. `onConnection` gets each socket, after the handshake, with the name in the client's
 * certificate, if that is to say who it is. Rejects with the system's error, or `PkiError`.
 */
export async function openListener(
  address: ListenAddress,
  logger: Logger,
  onConnection: (socket: Socket, clientName: string | undefined) => void,
): Promise<Listener> {
  const { tls: material, serves = "all" } = address;
  const server =
    material === undefined
      ? createServer({ noDelay: true }, (socket) => onConnection(socket, undefined))
      : createTlsServer({
          material,
          logger,
          endpoint: "client",
          chooseProtocol: serves === "http" || serves === "metrics" ? onlyHttp1 : protocolOf,
          // An authority alone has clients show a certificate; only the option makes it their name.
          onConnection: (socket, clientName) =>
            onConnection(socket, material.options.clientCertAuth ? clientName : undefined),
        });
  await listen(server, address);
  const bound = server.address();
  return {
    port: typeof bound === "object" && bound !== null ? bound.port : 0,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

function protocolOf(offered: readonly string[]): string | undefined {
  return offered.find((protocol) => protocol === "h2") ?? onlyHttp1(offered);
}

function onlyHttp1(offered: readonly string[]): string | undefined {
  return offered.find((protocol) => protocol === "http/1.1");
}

function listen(server: Server, { host, port, path }: ListenAddress): Promise<void> {
  if (path !== undefined) removeSocket(path);
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(path === undefined ? { host, port } : { path }, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

function removeSocket(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isSocket() === true) rmSync(path);
}
