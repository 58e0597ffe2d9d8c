/**
 * The listening side: meets strangers, and hands each over once it has said who it is.
 *
 * A stranger costs one socket and {@link helloBytesMax} bytes, for {@link handshakeMs} at most, and
 * only {@link strangersMax} of them are kept: whoever only connects takes nothing from the peers.
 * Whoever wants to join stays a stranger.
 */
import { rmSync, statSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { emptyBytes, type Logger, type Timers, utf8 } from "@flotilla/base";
import type { NodeId } from "@flotilla/consensus";
import { createTlsServer, type TlsMaterial } from "@flotilla/pki";
import { type PeerAddress, peerUrlOf } from "./address.ts";
import { Connection, type ConnectionHandlers } from "./connection.ts";
import { PeerError } from "./errors.ts";
import { frameKind } from "./frames.ts";
import { type Hello, type Host, objectionTo, type Purpose, parseHello } from "./hello.ts";
import { handshakeMs, joinBytesMax, strangersMax } from "./limits.ts";

export interface ListenerDeps {
  readonly timers: Timers;
  readonly logger: Logger;
  readonly host: Host;
  /** What is shown at addresses that are secure. */
  readonly tls: TlsMaterial | undefined;
  /** A member has connected: gives who takes its frames. */
  onMember(hello: Hello, connection: Connection): ConnectionHandlers;
  /** Someone wants to join: gives who takes its frames. */
  onJoiner(connection: Connection): Pick<ConnectionHandlers, "onFrame">;
}

export class Listener {
  readonly #deps: ListenerDeps;
  readonly #servers: Server[] = [];
  readonly #strangers = new Set<Connection>();
  /** By member and purpose. */
  readonly #known = new Map<NodeId, Map<Purpose, Connection>>();

  constructor(deps: ListenerDeps) {
    this.#deps = deps;
  }

  /** One more address. Resolves with the port. Rejects with `PeerError` `cannotListen`. */
  async listen(address: PeerAddress): Promise<number> {
    const { host, port, path } = address;
    const where = peerUrlOf(address);
    try {
      if (path !== undefined) removeSocket(path);
      const server = this.#serverAt(address);
      await new Promise<void>((resolve, reject) => {
        server.on("error", (error) => {
          this.#deps.logger.error("peer listener failed", { reason: error.message });
          reject(error);
        });
        server.listen(path === undefined ? { host, port, exclusive: true } : { path }, resolve);
      });
      this.#servers.push(server);
      const bound = server.address();
      return typeof bound === "object" && bound !== null ? bound.port : port;
    } catch (error) {
      throw PeerError.from("cannotListen", `listen on ${where}`, error);
    }
  }

  async close(): Promise<void> {
    const closed = this.#servers.map((server) => new Promise((resolve) => server.close(resolve)));
    for (const stranger of [...this.#strangers]) stranger.close("this member stops");
    for (const id of [...this.#known.keys()]) this.closeFrom(id, "this member stops");
    await Promise.all(closed);
  }

  /** Throws `PkiError`. */
  #serverAt({ isSecure = false }: PeerAddress): Server {
    const { tls, logger } = this.#deps;
    const onConnection = (socket: Socket): void => this.#meet(socket);
    if (!isSecure) return createServer(onConnection);
    if (tls === undefined) {
      throw new PeerError(
        "cannotListen",
        "Cannot listen with TLS: there is no certificate to show",
      );
    }
    return createTlsServer({ material: tls, logger, endpoint: "peer", onConnection });
  }

  /** Closes what a member has dialed. */
  closeFrom(id: NodeId, reason: string): void {
    for (const connection of [...(this.#known.get(id)?.values() ?? [])]) connection.close(reason);
  }

  #meet(socket: Socket): void {
    const { timers } = this.#deps;
    const stopTimer = timers.after(handshakeMs, () => stranger.close("it did not say who it is"));
    const forget = (): void => {
      stopTimer();
      this.#strangers.delete(stranger);
    };
    const stranger: Connection = new Connection(socket, timers, {
      onFrame: (kind, body) => {
        if (kind === frameKind.hello) this.#judge(stranger, body, forget);
        else stranger.close("its first frame is no hello");
      },
      onClosed: forget,
    });
    this.#strangers.add(stranger);
    if (this.#strangers.size > strangersMax) {
      for (const oldest of this.#strangers) {
        oldest.close("too many strangers");
        break;
      }
    }
  }

  #judge(stranger: Connection, body: Uint8Array, forget: () => void): void {
    const { logger, host } = this.#deps;
    const outcome = parseHello(body);
    const reason = outcome.kind === "hello" ? objectionTo(outcome.hello, host) : outcome.reason;
    if (outcome.kind === "hello" && reason === undefined) {
      if (outcome.hello.purpose === "join") this.#admit(stranger, forget);
      else {
        forget();
        this.#welcome(stranger, outcome.hello);
      }
      return;
    }
    forget();
    const from = outcome.kind === "hello" ? outcome.hello.from : "";
    logger.warn("peer refused", { from, reason });
    stranger.send(frameKind.refusal, utf8(reason ?? ""));
    stranger.finish();
  }

  /** Answers, and goes on counting: who stays for longer than a stranger may is closed. */
  #admit(stranger: Connection, forget: () => void): void {
    stranger.send(frameKind.welcome, emptyBytes);
    const { onFrame } = this.#deps.onJoiner(stranger);
    stranger.trust({ onFrame, onClosed: forget }, joinBytesMax);
  }

  #welcome(connection: Connection, hello: Hello): void {
    const { from, purpose } = hello;
    // A member that dials again has lost the connection before, though TCP may not know yet.
    this.#known.get(from)?.get(purpose)?.close("replaced by a newer connection");
    const known = this.#known.get(from) ?? new Map<Purpose, Connection>();
    this.#known.set(from, known.set(purpose, connection));
    connection.send(frameKind.welcome, emptyBytes);
    const handlers = this.#deps.onMember(hello, connection);
    connection.trust({
      onFrame: (kind, body) => handlers.onFrame(kind, body),
      onClosed: (reason) => {
        this.#forget(connection, hello);
        handlers.onClosed(reason);
      },
    });
  }

  #forget(connection: Connection, { from, purpose }: Hello): void {
    const known = this.#known.get(from);
    if (known?.get(purpose) !== connection) return;
    known.delete(purpose);
    if (known.size === 0) this.#known.delete(from);
  }
}

/** What a process that died has left. */
function removeSocket(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isSocket() === true) rmSync(path);
}
