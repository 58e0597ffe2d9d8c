/**
 * The listening side: meets strangers, and hands each over once it has said who it is.
 *
 * A stranger costs one socket and {@link helloBytesMax} bytes, for {@link handshakeMs} at most, and
 * only {@link strangersMax} of them are kept: whoever only connects takes nothing from the peers.
 * Whoever wants to join stays a stranger.
 */
import { createServer, type Server, type Socket } from "node:net";
import { emptyBytes, type Logger, type Timers, utf8 } from "@flotilla/base";
import type { NodeId } from "@flotilla/consensus";
import type { PeerAddress } from "./address.ts";
import { Connection, type ConnectionHandlers } from "./connection.ts";
import { PeerError } from "./errors.ts";
import { frameKind } from "./frames.ts";
import { type Hello, type Host, objectionTo, type Purpose, parseHello } from "./hello.ts";
import { handshakeMs, joinBytesMax, strangersMax } from "./limits.ts";

export interface ListenerDeps {
  readonly timers: Timers;
  readonly logger: Logger;
  readonly host: Host;
  /** A member has connected: gives who takes its frames. */
  onMember(hello: Hello, connection: Connection): ConnectionHandlers;
  /** Someone wants to join: gives who takes its frames. */
  onJoiner(connection: Connection): Pick<ConnectionHandlers, "onFrame">;
}

export class Listener {
  readonly #deps: ListenerDeps;
  readonly #server: Server;
  readonly #strangers = new Set<Connection>();
  /** By member and purpose. */
  readonly #known = new Map<NodeId, Map<Purpose, Connection>>();

  constructor(deps: ListenerDeps) {
    this.#deps = deps;
    this.#server = createServer((socket) => this.#meet(socket));
  }

  /** Resolves with the port. Rejects with `PeerError` `cannotListen`. */
  listen({ host, port }: PeerAddress): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.on("error", (error) => {
        this.#deps.logger.error("peer listener failed", { reason: error.message });
        reject(PeerError.from("cannotListen", `listen on ${host}:${port}`, error));
      });
      this.#server.listen({ host, port, exclusive: true }, () => {
        const address = this.#server.address();
        resolve(typeof address === "object" && address !== null ? address.port : port);
      });
    });
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const stranger of [...this.#strangers]) stranger.close("this member stops");
    for (const id of [...this.#known.keys()]) this.closeFrom(id, "this member stops");
    await closed;
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
