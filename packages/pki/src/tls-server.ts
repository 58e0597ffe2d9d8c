/** A listener that speaks TLS, with the files of the moment at each handshake. */
import { constants } from "node:crypto";
import type { Server, Socket } from "node:net";
import { createServer, type Server as NodeTlsServer, type TLSSocket } from "node:tls";
import type { Logger } from "@flotilla/base";
import { PkiError } from "./errors.ts";
import type { TlsMaterial } from "./tls-material.ts";
import {
  certificateOf,
  commonNameOf,
  objectionToAddress,
  objectionToCertificate,
} from "./verify.ts";

/** From a connection to the end of its handshake. */
const handshakeMs = 10_000;
/** Open at once, handshakes that are under way included; further ones are closed unanswered. */
const connectionsMax = 16_384;

export interface TlsServerDeps {
  readonly material: TlsMaterial;
  readonly logger: Logger;
  /** Where connections are refused, for the log: `client` or `peer`. */
  readonly endpoint: "client" | "peer";
  /** Which of the protocols that a client offers is spoken; undefined ends the handshake. Default: none is named. */
  readonly chooseProtocol?: (offered: readonly string[]) => string | undefined;
  /** A connection whose other side has passed. `clientName`: the common name of its certificate. */
  onConnection(socket: TLSSocket, clientName: string | undefined): void;
}

/**
 * Makes a server that is yet to listen. Whoever does not pass is closed and named in the log. Throws
 * `PkiError` when there is no certificate to show.
 */
export function createTlsServer(deps: TlsServerDeps): Server {
  const { material, logger, endpoint, chooseProtocol } = deps;
  if (material.options.certFile === undefined) {
    throw new PkiError("badOptions", "KeyFile and CertFile are not presented");
  }
  material.check("server");
  let shown = material.current("server");
  const server = createServer({
    ...shown.options,
    requestCert: material.asksClients,
    rejectUnauthorized: false, // Refused below, where the log learns why.
    handshakeTimeout: handshakeMs,
    noDelay: true,
    // A session that is taken up again would not be asked for its certificate.
    secureOptions: constants.SSL_OP_NO_TICKET,
    ...(chooseProtocol === undefined
      ? {}
      : {
          ALPNCallback: ({ protocols }: { readonly protocols: readonly string[] }) =>
            chooseProtocol(protocols),
        }),
  });
  server.maxConnections = connectionsMax;
  // Before the server's own listener, which begins the handshake.
  server.prependListener("connection", () => {
    const now = material.current("server");
    if (now === shown) return;
    shown = now;
    server.setSecureContext({ ...now.options, secureOptions: constants.SSL_OP_NO_TICKET });
    logger.info("TLS files have changed and are in use", { endpoint });
  });
  followHandshakes(server, deps);
  return server;
}

function followHandshakes(server: NodeTlsServer, deps: TlsServerDeps): void {
  const { logger, endpoint, material } = deps;
  const reject = (socket: Socket, reason: string): void => {
    const { remoteAddress = "", remotePort = 0 } = socket;
    logger.warn(`rejected connection on ${endpoint} endpoint`, {
      "remote-addr": `${remoteAddress}:${remotePort}`,
      error: reason,
    });
    socket.destroy();
  };
  server.on("tlsClientError", (error, socket) => {
    socket.on("error", () => {}); // The handshake has failed for good: "close" follows.
    reject(socket, reasonOf(error));
  });
  server.on("secureConnection", (socket) => {
    const onEarlyError = (): void => void socket.destroy();
    socket.on("error", onEarlyError);
    const admit = (objection: string | undefined): void => {
      if (objection !== undefined) reject(socket, objection);
      else if (!socket.destroyed) {
        deps.onConnection(socket, nameOf(socket, material));
        socket.off("error", onEarlyError);
      }
    };
    const objection = objectionToClient(socket, material);
    if (objection !== undefined || material.options.checksClientAddress !== true) admit(objection);
    else {
      const { remoteAddress = "" } = socket;
      void objectionToAddress(certificateOf(socket), remoteAddress).then(admit);
    }
  });
}

/** Why a client may not come in, as far as its certificate says; undefined when it may. */
function objectionToClient(socket: TLSSocket, material: TlsMaterial): string | undefined {
  if (!material.asksClients) return undefined;
  if (certificateOf(socket) === undefined) return "tls: client didn't provide a certificate";
  if (!socket.authorized) {
    return `tls: failed to verify certificate: ${String(socket.authorizationError)}`;
  }
  return objectionToCertificate(socket, material);
}

/** Only a certificate that was verified names anybody. */
function nameOf(socket: TLSSocket, material: TlsMaterial): string | undefined {
  const certificate = material.asksClients ? certificateOf(socket) : undefined;
  const name = certificate === undefined ? "" : commonNameOf(certificate);
  return name === "" ? undefined : name;
}

function reasonOf(error: Error): string {
  return `tls: ${error.message.trim()}`;
}
