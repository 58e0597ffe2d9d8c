/**
 * A listening socket that is bound as soon as it can be.
 *
 * Several nodes of one machine share an address: whoever binds first holds the port, the others keep
 * trying, so the port moves to a living one within {@link rebindMs} of its holder's death.
 */
import { createServer, type Server, type Socket } from "node:net";
import type { Logger, Timers } from "@flotilla/base";

/** Interval between attempts to bind. */
export const rebindMs = 200;
/** Connections of one listener; further ones are closed at once. */
export const connectionsMax = 4_096;
/** Connections that wait in the kernel to be accepted. */
const backlog = 1_024;

export interface ListenerDeps {
  readonly timers: Timers;
  readonly logger: Logger;
}

export interface ListenerAddress {
  readonly address: string;
  readonly port: number;
}

/** Listens, or tries to, until it is closed. */
export class Listener {
  readonly #deps: ListenerDeps;
  readonly #at: ListenerAddress;
  readonly #onConnection: (socket: Socket) => void;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  #cancelRetry: (() => void) | undefined;
  #isClosed = false;
  #hasWarned = false;

  constructor(deps: ListenerDeps, at: ListenerAddress, onConnection: (socket: Socket) => void) {
    this.#deps = deps;
    this.#at = at;
    this.#onConnection = onConnection;
  }

  /** Resolves after the first attempt, whether or not it bound. */
  start(): Promise<void> {
    return new Promise((resolve) => this.#bind(resolve));
  }

  get isListening(): boolean {
    return this.#server !== undefined;
  }

  /** Stops listening; connections go on. */
  close(): void {
    this.#isClosed = true;
    this.#cancelRetry?.();
    this.#server?.close();
    this.#server = undefined;
  }

  /** Ends every connection that came in here. */
  destroyConnections(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #bind(onAttempted: () => void): void {
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true });
    server.maxConnections = connectionsMax;
    server.on("connection", (socket) => this.#accept(socket));
    server.on("error", (error: NodeJS.ErrnoException) => {
      if (server.listening) return; // One accept that failed, for want of descriptors: go on.
      this.#retry(error);
      onAttempted();
    });
    const { address: host, port } = this.#at;
    server.listen({ host, port, backlog, exclusive: true }, () => {
      if (this.#isClosed) server.close();
      else this.#server = server;
      this.#hasWarned = false;
      this.#deps.logger.info("proxy listens", { host, port });
      onAttempted();
    });
  }

  #retry(error: NodeJS.ErrnoException): void {
    if (this.#isClosed) return;
    const { address, port } = this.#at;
    if (!this.#hasWarned) {
      this.#hasWarned = true; // Once: on a shared machine this is the normal state of all but one.
      this.#deps.logger.info("proxy waits for its port", { address, port, code: error.code });
    }
    this.#cancelRetry = this.#deps.timers.after(rebindMs, () => this.#bind(() => {}));
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    this.#onConnection(socket);
  }
}
