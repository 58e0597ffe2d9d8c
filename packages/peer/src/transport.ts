/**
 * Member to member: what one member needs to talk to all the others.
 *
 * Every connection is dialed by the one who has something to say: messages, snapshots and calls each
 * on their own, so that a large snapshot does not hold up a heartbeat, and so that a member that can
 * speak but not hear is told apart from one that is well. Knows nothing of Raft: messages are bytes.
 */
import type { Logger, Random, Timers } from "@flotilla/base";
import type { NodeId } from "@flotilla/consensus";
import type { PeerAddress } from "./address.ts";
import { CallChannel, type CallOutcome, CallServer } from "./call-channel.ts";
import type { Connection, ConnectionHandlers } from "./connection.ts";
import { dial } from "./dial.ts";
import { PeerError } from "./errors.ts";
import { frameKind } from "./frames.ts";
import type { Hello, Purpose } from "./hello.ts";
import { snapshotsInMax } from "./limits.ts";
import { Listener } from "./listener.ts";
import { MessageLink } from "./message-link.ts";
import { SnapshotReceipt, SnapshotReceiver, sendContent } from "./snapshot-stream.ts";
import { nodeTimers } from "./timers.ts";

export interface PeerOptions {
  readonly clusterId: bigint;
  readonly self: NodeId;
  readonly listen: PeerAddress;
  /** The other members, by the addresses that they advertise. */
  readonly peers: ReadonlyMap<NodeId, PeerAddress>;
}

/** What the member does with what arrives. Bodies are the receiver's to keep. */
export interface PeerHandlers {
  onMessage(from: NodeId, message: Uint8Array): void;
  /** Messages to it were dropped. */
  onUnreachable(peer: NodeId): void;
  /**
   * A snapshot arrives; `content` fails when it breaks off. Resolve when it is safe, reject to refuse
   * it: the sender learns which.
   */
  onSnapshot(from: NodeId, head: Uint8Array, content: AsyncIterable<Uint8Array>): Promise<void>;
  onCall(from: NodeId, request: Uint8Array): Promise<Uint8Array>;
}

export interface PeerDeps {
  readonly handlers: PeerHandlers;
  readonly random: Random;
  readonly logger: Logger;
  /** Default: the timers of this process. */
  readonly timers?: Timers;
}

export interface PeerTransport {
  /** The port that is listened on. */
  readonly port: number;
  /** Sends or drops, never waits. All messages of one turn to one peer leave as one write, in order. */
  send(to: NodeId, message: Uint8Array): void;
  /**
   * Resolves once the peer has taken the whole snapshot. Rejects with `PeerError`, or with what
   * `content` failed with; `content` is read to its end or given up, whatever happens.
   */
  sendSnapshot(
    to: NodeId,
    head: Uint8Array,
    content: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<void>;
  /** One question, one answer, within `timeoutMs`. Never rejects. */
  call(to: NodeId, request: Uint8Array, timeoutMs: number): Promise<CallOutcome>;
  /** Closes all connections; calls and snapshots in flight fail. */
  close(): Promise<void>;
}

/** Listens, and begins to connect to all peers. Rejects with `PeerError` `cannotListen`. */
export async function openPeerTransport(
  options: PeerOptions,
  deps: PeerDeps,
): Promise<PeerTransport> {
  const transport = new SocketTransport(options, deps);
  await transport.open();
  return transport;
}

class SocketTransport implements PeerTransport {
  readonly #options: PeerOptions;
  readonly #deps: PeerDeps;
  readonly #timers: Timers;
  readonly #listener: Listener;
  readonly #links = new Map<NodeId, MessageLink>();
  readonly #channels = new Map<NodeId, CallChannel>();
  readonly #stopping = new AbortController();
  #snapshotsIn = 0;
  #port = 0;

  constructor(options: PeerOptions, deps: PeerDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#timers = deps.timers ?? nodeTimers;
    this.#listener = new Listener({
      timers: this.#timers,
      logger: deps.logger,
      self: {
        clusterId: options.clusterId,
        id: options.self,
        isPeer: (id) => options.peers.has(id),
      },
      onPeer: (hello, connection) => this.#receiverOf(hello, connection),
    });
  }

  async open(): Promise<void> {
    this.#port = await this.#listener.listen(this.#options.listen);
    const { random, logger, handlers } = this.#deps;
    const timers = this.#timers;
    for (const [peer, address] of this.#options.peers) {
      const onUnreachable = (): void => handlers.onUnreachable(peer);
      const hello = this.#helloTo(peer, "messages");
      this.#links.set(
        peer,
        new MessageLink(address, hello, { timers, random, logger, onUnreachable }),
      );
      const connect = (to: ConnectionHandlers): Promise<Connection> =>
        this.#dial(peer, "calls", to, this.#stopping.signal);
      this.#channels.set(peer, new CallChannel(timers, connect));
    }
  }

  get port(): number {
    return this.#port;
  }

  send(to: NodeId, message: Uint8Array): void {
    this.#links.get(to)?.send(message);
  }

  async sendSnapshot(
    to: NodeId,
    head: Uint8Array,
    content: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<void> {
    const stop = AbortSignal.any([signal, this.#stopping.signal]);
    const receipt = new SnapshotReceipt();
    const connection = await this.#dialFor(content, to, receipt, stop);
    const giveUp = (): void => connection.close("given up");
    stop.addEventListener("abort", giveUp);
    // Whoever refuses stops reading, too: what is still to be sent would wait for ever.
    receipt.received.catch(() => connection.close("refused"));
    try {
      await sendContent(connection, head, content);
      await receipt.received;
    } finally {
      stop.removeEventListener("abort", giveUp);
      connection.close("done");
    }
  }

  call(to: NodeId, request: Uint8Array, timeoutMs: number): Promise<CallOutcome> {
    const channel = this.#channels.get(to);
    if (channel === undefined || this.#stopping.signal.aborted) {
      return Promise.resolve({ kind: "failed", reason: `no way to ${to}` });
    }
    return channel.call(request, timeoutMs);
  }

  async close(): Promise<void> {
    this.#stopping.abort();
    for (const link of this.#links.values()) link.close();
    for (const channel of this.#channels.values()) channel.close();
    await this.#listener.close();
  }

  /** Dials for a snapshot. Its source may hold on to something: without a connection it is let go. */
  async #dialFor(
    content: AsyncIterable<Uint8Array>,
    to: NodeId,
    receipt: SnapshotReceipt,
    signal: AbortSignal,
  ): Promise<Connection> {
    try {
      return await this.#dial(to, "snapshot", receipt, signal);
    } catch (error) {
      await content[Symbol.asyncIterator]().return?.();
      throw error;
    }
  }

  #dial(
    to: NodeId,
    purpose: Purpose,
    handlers: ConnectionHandlers,
    signal: AbortSignal,
  ): Promise<Connection> {
    const address = this.#options.peers.get(to);
    if (address === undefined) {
      return Promise.reject(new PeerError("unreachable", `Cannot reach ${to}: no such peer`));
    }
    return dial(address, this.#helloTo(to, purpose), { timers: this.#timers, handlers, signal });
  }

  #helloTo(to: NodeId, purpose: Purpose): Hello {
    return { purpose, clusterId: this.#options.clusterId, from: this.#options.self, to };
  }

  #receiverOf({ purpose, from }: Hello, connection: Connection): ConnectionHandlers {
    const { handlers } = this.#deps;
    if (purpose === "messages") {
      return {
        onFrame: (kind, body) => {
          if (kind === frameKind.message) handlers.onMessage(from, body);
        },
        onClosed: () => {},
      };
    }
    if (purpose === "calls") {
      const server = new CallServer(connection, (request) => handlers.onCall(from, request));
      return { onFrame: (kind, body) => server.onFrame(kind, body), onClosed: () => {} };
    }
    return new SnapshotReceiver(connection, (head, content) => this.#take(from, head, content));
  }

  async #take(from: NodeId, head: Uint8Array, content: AsyncIterable<Uint8Array>): Promise<void> {
    if (this.#snapshotsIn >= snapshotsInMax) {
      throw new PeerError("refused", "Cannot take one more snapshot at this time");
    }
    this.#snapshotsIn++;
    try {
      await this.#deps.handlers.onSnapshot(from, head, content);
    } finally {
      this.#snapshotsIn--;
    }
  }
}
