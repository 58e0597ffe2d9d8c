/**
 * The server: takes sockets, tells HTTP/2 from the rest, and closes gracefully.
 *
 * It opens no port: whoever listens (plain or TLS) hands over each socket.
 */
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Logger } from "@flotilla/base";
import type { HttpHandler, Method } from "./call.ts";
import { Connection, type ConnectionDeps } from "./connection.ts";
import { defaultLimits, type GrpcLimits } from "./limits.ts";
import { ArenaPool } from "./output.ts";
import { sniff } from "./preface.ts";
import { systemTimers, type Timers } from "./timers.ts";

/** What a server is made from. */
export interface GrpcServerDeps {
  /** By path: `/package.Service/Method`. */
  readonly methods: ReadonlyMap<string, Method>;
  readonly logger: Logger;
  /** The system's when left out. */
  readonly timers?: Timers;
  /**
   * Takes a socket, as it was accepted, whose first bytes are not HTTP/2's. They have been read: `unshift` them. Without
   * it such sockets are closed.
   */
  readonly onHttp1?: (socket: Socket, firstBytes: Buffer) => void;
}

/** What is known of a socket that its bytes do not say. */
export interface AcceptOptions {
  /** Who the client is by its certificate: what its calls have as `clientName`. */
  readonly clientName?: string | undefined;
  /** Serves what comes over HTTP/2 and is not gRPC. Without it such requests are answered as gRPC's servers do. */
  readonly onHttp?: HttpHandler | undefined;
}

/** A running server. */
export interface GrpcServer {
  /**
   * Takes over a connected socket, or any stream like one; under TLS, one whose handshake is done.
   * `onHttp1` gets the very same object.
   */
  accept(socket: Duplex, options?: AcceptOptions): void;
  /**
   * Ends streams, lets unary calls finish for up to `graceMs`, then cuts what is left. Resolves when
   * no connection is open. Sockets handed to `onHttp1` are not touched.
   */
  close(options: { readonly graceMs: number }): Promise<void>;
  /** HTTP/2 connections open at present. */
  readonly connectionCount: number;
}

/** Makes a server; `limits` replaces some of {@link defaultLimits}. */
export function createGrpcServer(
  deps: GrpcServerDeps,
  limits: Partial<GrpcLimits> = {},
): GrpcServer {
  return new Server(deps, { ...defaultLimits, ...limits });
}

class Server implements GrpcServer {
  readonly #deps: GrpcServerDeps;
  readonly #limits: GrpcLimits;
  readonly #timers: Timers;
  readonly #connectionDeps: ConnectionDeps;
  readonly #connections = new Set<Connection>();
  readonly #sniffed = new Set<Duplex>();
  #toFlush: Connection[] = [];
  readonly #flushing = new Set<Connection>();
  #closing = false;
  #onEmpty: (() => void) | undefined;

  constructor(deps: GrpcServerDeps, limits: GrpcLimits) {
    this.#deps = deps;
    this.#limits = limits;
    this.#timers = deps.timers ?? systemTimers;
    this.#connectionDeps = {
      methods: deps.methods,
      limits,
      logger: deps.logger,
      timers: this.#timers,
      arenas: new ArenaPool(),
      wake: (connection) => this.#wake(connection),
      onClosed: (connection) => this.#onClosed(connection),
    };
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  accept(socket: Duplex, options: AcceptOptions = {}): void {
    const open = this.#connections.size + this.#sniffed.size;
    if (this.#closing || open >= this.#limits.connections) {
      socket.on("error", () => socket.destroy());
      socket.destroy();
      return;
    }
    if ("setNoDelay" in socket) (socket as Socket).setNoDelay(true);
    this.#sniffed.add(socket);
    const cancelTimer = this.#timers.after(this.#limits.prefaceMs, () => socket.destroy());
    sniff(socket, {
      onHttp2: (rest) => {
        this.#sniffed.delete(socket);
        const connection = new Connection(socket, this.#connectionDeps, {
          clientName: options.clientName,
          onHttp: options.onHttp,
          cancelPreface: cancelTimer,
        });
        this.#connections.add(connection);
        if (rest.length > 0) connection.receive(rest);
      },
      onOther: (firstBytes) => {
        this.#sniffed.delete(socket);
        cancelTimer();
        this.#handOver(socket, firstBytes);
      },
      onClosed: () => {
        this.#sniffed.delete(socket);
        cancelTimer();
        this.#checkEmpty();
      },
    });
  }

  async close(options: { readonly graceMs: number }): Promise<void> {
    this.#closing = true;
    const empty = new Promise<void>((resolve) => {
      this.#onEmpty = resolve;
    });
    for (const socket of this.#sniffed) socket.destroy();
    for (const connection of [...this.#connections]) connection.drain();
    const cancel = this.#timers.after(options.graceMs, () => {
      for (const connection of [...this.#connections]) connection.destroy();
    });
    this.#checkEmpty();
    await empty;
    cancel();
  }

  #handOver(socket: Duplex, firstBytes: Buffer): void {
    const { onHttp1 } = this.#deps;
    if (onHttp1 !== undefined && !this.#closing) {
      onHttp1(socket as Socket, firstBytes);
      return;
    }
    socket.on("error", () => socket.destroy());
    socket.destroy();
  }

  /** All connections that have something to write do so after the turn's input has been handled. */
  #wake(connection: Connection): void {
    if (this.#flushing.has(connection)) return;
    this.#flushing.add(connection);
    this.#toFlush.push(connection);
    if (this.#toFlush.length === 1) setImmediate(() => this.#flush());
  }

  #flush(): void {
    const connections = this.#toFlush;
    this.#toFlush = [];
    this.#flushing.clear();
    for (const connection of connections) connection.flush();
  }

  #onClosed(connection: Connection): void {
    this.#connections.delete(connection);
    this.#checkEmpty();
  }

  #checkEmpty(): void {
    if (this.#connections.size === 0 && this.#sniffed.size === 0) this.#onEmpty?.();
  }
}
