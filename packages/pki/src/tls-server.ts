/** A listener that speaks TLS, with the files of the moment at each handshake. */
import { constants } from "node:crypto";
import { type Server, Socket } from "node:net";
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
    // So that who shows no certificate is told so by an alert.
    rejectUnauthorized: material.asksClients,
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
  const addresses = new WeakMap<Socket, string>();
  server.prependListener("connection", (socket: Socket) => {
    const { remoteAddress = "", remotePort = 0 } = socket;
    addresses.set(socket, `${remoteAddress}:${remotePort}`);
    const now = material.current("server");
    if (now === shown) return;
    shown = now;
    server.setSecureContext({ ...now.options, secureOptions: constants.SSL_OP_NO_TICKET });
    logger.info("TLS files have changed and are in use", { endpoint });
  });
  followHandshakes(server, deps, addresses);
  return server;
}

function followHandshakes(
  server: NodeTlsServer,
  deps: TlsServerDeps,
  addresses: WeakMap<Socket, string>,
): void {
  const { logger, endpoint, material } = deps;
  const note = (socket: TLSSocket, reason: string): void => {
    const beneath = beneathOf(socket);
    logger.warn(`rejected connection on ${endpoint} endpoint`, {
      "remote-addr": (beneath && addresses.get(beneath)) ?? "",
      error: reason,
    });
  };
  const reject = (socket: TLSSocket, reason: string): void => {
    note(socket, reason);
    socket.destroySoon(); // It is told that this is the end: cut off, it could not tell it from a fault.
  };
  server.on("tlsClientError", (error, socket) => {
    socket.on("error", () => {}); // The handshake has failed for good: "close" follows.
    note(socket, reasonOf(error, socket));
    socket.destroy();
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
  // The handshake has refused it already; that Node sees to it is not what this port's safety hangs on.
  if (!socket.authorized) return "tls: failed to verify certificate";
  return objectionToCertificate(socket, material);
}

/** Only a certificate that was verified names anybody. */
function nameOf(socket: TLSSocket, material: TlsMaterial): string | undefined {
  const certificate = material.asksClients ? certificateOf(socket) : undefined;
  const name = certificate === undefined ? "" : commonNameOf(certificate);
  return name === "" ? undefined : name;
}

/** In etcd's words where there are any. */
const reasons: Readonly<Record<string, string>> = {
  ERR_SSL_HTTP_REQUEST: "tls: first record does not look like a TLS handshake",
  ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE: "tls: client didn't provide a certificate",
  ERR_SSL_WRONG_VERSION_NUMBER: "tls: first record does not look like a TLS handshake",
};

function reasonOf(error: Error, { authorizationError }: TLSSocket): string {
  // Refused for it, a connection ends as if the other side had hung up.
  if (authorizationError) return `tls: failed to verify certificate: ${String(authorizationError)}`;
  const code = "code" in error ? String(error.code) : "";
  if (code === "ECONNRESET" && !("syscall" in error)) return "EOF"; // Node's own, at a plain end.
  return reasons[code] ?? `tls: ${error.message.trim()}`;
}

/** The socket of which TLS was made. Node has no public name for it, and a failed handshake no address. */
function beneathOf(socket: TLSSocket): Socket | undefined {
  const beneath: unknown = Reflect.get(socket, "_parent");
  return beneath instanceof Socket ? beneath : undefined;
}
