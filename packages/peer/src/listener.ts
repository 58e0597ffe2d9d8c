/**
 * The listening side: meets strangers, and hands each over once it has said who it is.
 *
 * A stranger costs one socket and {@link helloBytesMax} bytes, for {@link handshakeMs} at most, and
 * only {@link strangersMax} of them are kept: whoever only connects takes nothing from the peers.
 */
import { createServer, type Server, type Socket } from "node:net";
import { emptyBytes, type Logger, type Timers, utf8 } from "@flotilla/base";
import type { NodeId } from "@flotilla/consensus";
import type { PeerAddress } from "./address.ts";
import { Connection, type ConnectionHandlers } from "./connection.ts";
import { PeerError } from "./errors.ts";
import { frameKind } from "./frames.ts";
import { type Hello, objectionTo, parseHello } from "./hello.ts";
import { handshakeMs, strangersMax } from "./limits.ts";

export interface ListenerDeps {
  readonly timers: Timers;
  readonly logger: Logger;
  readonly self: { readonly clusterId: bigint; readonly id: NodeId; isPeer(id: NodeId): boolean };
  /** A peer has connected: gives who takes its frames. */
  onPeer(hello: Hello, connection: Connection): ConnectionHandlers;
}

export class Listener {
  readonly #deps: ListenerDeps;
  readonly #server: Server;
  readonly #strangers = new Set<Connection>();
  readonly #known = new Map<string, Connection>();

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
    for (const connection of [...this.#strangers, ...this.#known.values()]) {
      connection.close("this member stops");
    }
    await closed;
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
        forget();
        if (kind === frameKind.hello) this.#judge(stranger, body);
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

  #judge(stranger: Connection, body: Uint8Array): void {
    const { logger, self } = this.#deps;
    const outcome = parseHello(body);
    const reason = outcome.kind === "hello" ? objectionTo(outcome.hello, self) : outcome.reason;
    if (outcome.kind === "hello" && reason === undefined) {
      this.#welcome(stranger, outcome.hello);
      return;
    }
    const from = outcome.kind === "hello" ? outcome.hello.from : "";
    logger.warn("peer refused", { from, reason });
    stranger.send(frameKind.refusal, utf8(reason ?? ""));
    stranger.finish();
  }

  #welcome(connection: Connection, hello: Hello): void {
    const key = `${hello.purpose} ${hello.from}`;
    // A peer that dials again has lost the connection before, though TCP may not know yet.
    this.#known.get(key)?.close("replaced by a newer connection");
    this.#known.set(key, connection);
    connection.send(frameKind.welcome, emptyBytes);
    const handlers = this.#deps.onPeer(hello, connection);
    connection.trust({
      onFrame: (kind, body) => handlers.onFrame(kind, body),
      onClosed: (reason) => {
        if (this.#known.get(key) === connection) this.#known.delete(key);
        handlers.onClosed(reason);
      },
    });
  }
}
