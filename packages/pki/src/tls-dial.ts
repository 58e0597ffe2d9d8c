/** A connection to a server that speaks TLS. */
import { isIP } from "node:net";
import { connect, type TLSSocket } from "node:tls";
import type { TlsMaterial } from "./tls-material.ts";
import { objectionToCertificate } from "./verify.ts";

/** Where to; `path` is a socket in the file system. */
export type TlsAddress =
  | { readonly host: string; readonly port: number }
  | { readonly path: string };

/**
 * Dials. `onReady` once the handshake is done and the server's certificate has passed; whatever is
 * wrong ends as the socket's "error" and "close". Throws `PkiError` when the files were never usable.
 */
export function connectTls(
  address: TlsAddress,
  material: TlsMaterial,
  onReady: () => void,
): TLSSocket {
  const { options } = material;
  const { context } = material.current("client");
  const host = "host" in address ? address.host : "localhost";
  const socket = connect({
    ...address,
    secureContext: context,
    // Who has no authority to ask trusts whoever answers, as etcd does with certificates of its own making.
    rejectUnauthorized: options.isSelfSigned !== true,
    ...(isIP(host) === 0 ? { servername: host } : {}),
  });
  socket.once("secureConnect", () => {
    const objection = objectionToCertificate(socket, material);
    if (objection === undefined) onReady();
    else socket.destroy(new Error(objection));
  });
  return socket;
}
