/** Makes a connection to a peer: TCP, TLS where its URL says so, then the handshake. */
import { connect, type Socket } from "node:net";
import { silentLogger, type Timers, textOf } from "@flotilla/base";
import { connectTls, PkiError, TlsMaterial } from "@flotilla/pki";
import { type PeerAddress, peerUrlOf } from "./address.ts";
import { Connection, type ConnectionHandlers } from "./connection.ts";
import { PeerError } from "./errors.ts";
import { frameKind } from "./frames.ts";
import { encodeHello, type Hello } from "./hello.ts";
import { handshakeMs } from "./limits.ts";

/**
 * Connects to a peer and resolves once it has welcomed us; `handlers` get what follows. An aborted
 * `signal` gives up. Rejects with `PeerError`: `unreachable`, or `refused` with the peer's reason.
 */
export function dial(
  address: PeerAddress,
  hello: Hello,
  context: {
    readonly timers: Timers;
    readonly handlers: ConnectionHandlers;
    readonly signal: AbortSignal;
    /** Default: whoever the system trusts, and no certificate to show. */
    readonly tls?: TlsMaterial | undefined;
  },
): Promise<Connection> {
  const { timers, handlers, signal, tls } = context;
  const peer = hello.to === "" ? peerUrlOf(address) : hello.to;
  return new Promise((resolve, reject) => {
    const socket = open(address, tls, () => connection.send(frameKind.hello, encodeHello(hello)));
    if (socket instanceof PkiError) {
      reject(new PeerError("unreachable", `Cannot reach ${peer}: ${socket.message}`, socket));
      return;
    }
    const fail = (error: PeerError): void => {
      settled();
      reject(error);
    };
    const connection = new Connection(socket, timers, {
      onFrame(kind, body) {
        if (kind === frameKind.welcome) {
          settled();
          connection.trust(handlers);
          resolve(connection);
        } else if (kind === frameKind.refusal) {
          fail(new PeerError("refused", `Refused by ${peer}: ${textOf(body)}`));
          connection.close("refused");
        }
      },
      onClosed: (reason) => fail(new PeerError("unreachable", `Cannot reach ${peer}: ${reason}`)),
    });
    const giveUp = (): void => connection.close("given up");
    const stopTimer = timers.after(handshakeMs, () => connection.close("no answer"));
    const settled = (): void => {
      stopTimer();
      signal.removeEventListener("abort", giveUp);
    };
    signal.addEventListener("abort", giveUp);
    if (signal.aborted) giveUp();
  });
}

/** `onReady` once the other side can be spoken to, never before this has returned. */
function open(
  address: PeerAddress,
  tls: TlsMaterial | undefined,
  onReady: () => void,
): Socket | PkiError {
  const { host, port, path } = address;
  const target = path === undefined ? { host, port } : { path };
  if (address.isSecure !== true) return connect(target).once("connect", onReady);
  try {
    return connectTls(target, tls ?? new TlsMaterial({}, silentLogger), onReady);
  } catch (error) {
    if (error instanceof PkiError) return error;
    throw error;
  }
}
