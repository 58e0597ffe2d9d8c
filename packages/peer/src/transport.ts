/**
 * Member to member: what one member needs to talk to all the others.
 *
 * Every connection is dialed by the one who has something to say, so that a member that can speak
 * but not hear is told apart from one that is well. Knows nothing of Raft: messages are bytes.
 */
import { type Logger, type Metrics, type Random, silentMetrics, type Timers } from "@flotilla/base";
import type { NodeId } from "@flotilla/consensus";
import type { TlsMaterial } from "@flotilla/pki";
import { type PeerAddress, peerUrlOf } from "./address.ts";
import { type CallOutcome, CallServer } from "./call-channel.ts";
import type { Connection, ConnectionHandlers } from "./connection.ts";
import { frameKind } from "./frames.ts";
import { addressOf, type Hello, type Purpose } from "./hello.ts";
import { Listener } from "./listener.ts";
import { PeerMetrics } from "./peer-metrics.ts";
import { Routes } from "./routes.ts";
import { nodeTimers } from "./timers.ts";

export interface PeerOptions {
  readonly clusterId: bigint;
  readonly self: NodeId;
  /** One address, or several. */
  readonly listen: PeerAddress | readonly PeerAddress[];
  /** Where others reach this member. Default: the first of those where it listens. */
  readonly advertise?: PeerAddress;
  /** The other members at the start, by the addresses that they advertise: each has at least one. */
  readonly peers: ReadonlyMap<NodeId, readonly PeerAddress[]>;
  /** What is shown and trusted at addresses that are secure. */
  readonly tls?: TlsMaterial | undefined;
}

/** What the member does with what arrives. Bodies are the receiver's to keep. */
export interface PeerHandlers {
  onMessage(from: NodeId, message: Uint8Array): void;
  onBulk(from: NodeId, frame: Uint8Array): void;
  /** Messages to it were dropped. */
  onUnreachable(peer: NodeId): void;
  onCall(from: NodeId, request: Uint8Array): Promise<Uint8Array>;
  /** A question of someone unknown, who wants to join; see `askPeer`. */
  onJoin(request: Uint8Array): Promise<Uint8Array>;
}

export interface PeerDeps {
  readonly handlers: PeerHandlers;
  readonly random: Random;
  readonly logger: Logger;
  /** Default: nothing is counted. */
  readonly metrics?: Metrics;
  /** Default: the timers of this process. */
  readonly timers?: Timers;
}

export interface PeerTransport {
  /** The port that is listened on, at the first address. */
  readonly port: number;
  /**
   * Sends or drops, never waits. All messages of one turn to one peer leave as one write, in order.
   * Reaches also who is no peer and has lately spoken to us, or was one until lately.
   */
  send(to: NodeId, message: Uint8Array): void;
  /** The same on a connection of its own, which holds up no message; what is dropped is not told. */
  sendBulk(to: NodeId, frame: Uint8Array): void;
  /** One question, one answer, within `timeoutMs`. Never rejects. */
  call(to: NodeId, request: Uint8Array, timeoutMs: number): Promise<CallOutcome>;
  /** Who the other members are from now on, and where; this one may be among them. */
  setPeers(peers: ReadonlyMap<NodeId, readonly PeerAddress[]>): void;
  /**
   * For trials: as if there were no network to these, in either direction, until the next call. Those of
   * before are reached again.
   */
  cutOff(others: ReadonlySet<NodeId>): void;
  /** Closes all connections; calls in flight fail. */
  close(): Promise<void>;
}

/** Listens, and begins to connect to all peers. Rejects with `PeerError` `cannotListen`, and leaves nothing open. */
export async function openPeerTransport(
  options: PeerOptions,
  deps: PeerDeps,
): Promise<PeerTransport> {
  const transport = new SocketTransport(options, deps);
  try {
    await transport.open();
    return transport;
  } catch (error) {
    await transport.close();
    throw error;
  }
}

class SocketTransport implements PeerTransport {
  readonly #options: PeerOptions;
  readonly #handlers: PeerHandlers;
  readonly #listener: Listener;
  readonly #routes: Routes;
  readonly #addresses: readonly PeerAddress[];
  readonly #ports: number[] = [];
  readonly #metrics: PeerMetrics;
  #peers: ReadonlyMap<NodeId, readonly PeerAddress[]>;
  #cutOff: ReadonlySet<NodeId> = new Set();
  #closed = false;

  constructor(options: PeerOptions, deps: PeerDeps) {
    const { random, logger, handlers, timers = nodeTimers } = deps;
    const { clusterId, self, tls } = options;
    this.#options = options;
    this.#peers = options.peers;
    this.#metrics = new PeerMetrics(deps.metrics ?? silentMetrics, self);
    this.#addresses = "host" in options.listen ? [options.listen] : options.listen;
    this.#handlers = handlers;
    this.#listener = new Listener({
      timers,
      logger,
      tls,
      host: {
        clusterId,
        id: self,
        isPeer: (id) => this.#routes.isPeer(id),
        isCutOff: (id) => this.#cutOff.has(id),
      },
      onMember: (hello, connection) => this.#meet(hello, connection),
      onJoiner: (connection) => serve(connection, (request) => handlers.onJoin(request)),
    });
    this.#routes = new Routes({
      timers,
      random,
      logger,
      tls,
      self,
      metrics: this.#metrics,
      helloTo: (peer, purpose) => this.#helloTo(peer, purpose),
      onUnreachable: (peer) => handlers.onUnreachable(peer),
      onGuestLeft: (guest) => this.#listener.closeFrom(guest, "it was silent for long"),
    });
  }

  async open(): Promise<void> {
    for (const address of this.#addresses) this.#ports.push(await this.#listener.listen(address));
    this.#routes.setPeers(this.#peers);
  }

  get port(): number {
    return this.#ports[0] ?? 0;
  }

  send(to: NodeId, message: Uint8Array): void {
    if (this.#cutOff.has(to)) this.#handlers.onUnreachable(to);
    else this.#routes.to(to)?.send(message);
  }

  sendBulk(to: NodeId, frame: Uint8Array): void {
    this.#routes.to(to)?.sendBulk(frame);
  }

  call(to: NodeId, request: Uint8Array, timeoutMs: number): Promise<CallOutcome> {
    const route = this.#routes.to(to);
    if (route === undefined) return Promise.resolve({ kind: "failed", reason: `no way to ${to}` });
    return route.call(request, timeoutMs);
  }

  setPeers(peers: ReadonlyMap<NodeId, readonly PeerAddress[]>): void {
    this.#peers = peers;
    if (!this.#closed) this.#routes.setPeers(this.#reached());
  }

  cutOff(others: ReadonlySet<NodeId>): void {
    if (this.#closed) return;
    this.#cutOff = others;
    for (const id of others) {
      this.#routes.drop(id, "cut off");
      this.#listener.closeFrom(id, "cut off");
    }
    this.#routes.setPeers(this.#reached());
  }

  #reached(): ReadonlyMap<NodeId, readonly PeerAddress[]> {
    return new Map([...this.#peers].filter(([id]) => !this.#cutOff.has(id)));
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#routes.close("this member stops");
    await this.#listener.close();
  }

  #helloTo<P extends Purpose>(to: NodeId, purpose: P): Hello & { readonly purpose: P } {
    const { clusterId, self, advertise } = this.#options;
    const [listen = { host: "", port: 0 }] = this.#addresses;
    const url = peerUrlOf(advertise ?? { ...listen, port: this.port });
    return { purpose, clusterId, from: self, to, url };
  }

  #meet(hello: Hello, connection: Connection): ConnectionHandlers {
    const { from, purpose } = hello;
    const handlers = this.#handlers;
    this.#routes.meet(from, addressOf(hello));
    if (purpose === "calls") {
      return { ...serve(connection, (request) => handlers.onCall(from, request)), onClosed() {} };
    }
    const wanted = purpose === "bulk" ? frameKind.bulk : frameKind.message;
    const { receivedBytes } = this.#metrics.of(from);
    return {
      onFrame: (kind, body) => {
        if (kind !== wanted) return;
        this.#routes.touch(from);
        receivedBytes.add(body.length);
        if (purpose === "bulk") handlers.onBulk(from, body);
        else handlers.onMessage(from, body);
      },
      onClosed: () => {},
    };
  }
}

function serve(
  connection: Connection,
  answer: (request: Uint8Array) => Promise<Uint8Array>,
): Pick<ConnectionHandlers, "onFrame"> {
  const server = new CallServer(connection, answer);
  return { onFrame: (kind, body) => server.onFrame(kind, body) };
}
