/**
 * All ways to one member: messages, bulk and calls, each on a connection of its own, so that a large
 * snapshot does not hold up a heartbeat.
 */
import type { Logger, Random, Timers } from "@flotilla/base";
import type { NodeId } from "@flotilla/consensus";
import type { TlsMaterial } from "@flotilla/pki";
import type { PeerAddress } from "./address.ts";
import { AddressPicker } from "./address-picker.ts";
import { CallChannel, type CallOutcome } from "./call-channel.ts";
import type { Connection, ConnectionHandlers } from "./connection.ts";
import { dial } from "./dial.ts";
import type { Hello, Purpose } from "./hello.ts";
import { idleChecksMax } from "./limits.ts";
import { Link } from "./link.ts";
import type { PeerMeters, PeerMetrics } from "./peer-metrics.ts";

export interface RouteDeps {
  readonly timers: Timers;
  readonly random: Random;
  readonly logger: Logger;
  /** For peers whose URL says https. */
  readonly tls: TlsMaterial | undefined;
  readonly metrics: PeerMetrics;
  /** The first frame of a connection to `peer`. */
  helloTo<P extends Purpose>(peer: NodeId, purpose: P): Hello & { readonly purpose: P };
  /** Messages to it were dropped. */
  onUnreachable(peer: NodeId): void;
}

export class Route {
  readonly peer: NodeId;
  readonly #addresses: AddressPicker;
  readonly #deps: RouteDeps;
  readonly #meters: PeerMeters;
  readonly #stopping = new AbortController();
  readonly #calls: CallChannel;
  #messages: Link | undefined;
  #bulk: Link | undefined;
  #idleBulkChecks = 0;

  /** Connects when there is something to say. */
  constructor(peer: NodeId, addresses: readonly PeerAddress[], deps: RouteDeps) {
    this.peer = peer;
    this.#addresses = new AddressPicker(addresses);
    this.#deps = deps;
    this.#meters = deps.metrics.of(peer);
    this.#calls = new CallChannel(deps.timers, (handlers) => this.#dialForCalls(handlers));
  }

  /** True when the peer is reached there and nowhere else. */
  isTo(addresses: readonly PeerAddress[]): boolean {
    return this.#addresses.isOf(addresses);
  }

  /** Makes the connection for messages, so that the first one need not wait for it. */
  connect(): Link {
    const onDropped = (): void => {
      this.#meters.sentFailures.add();
      this.#deps.onUnreachable(this.peer);
    };
    this.#messages ??= this.#open("messages", onDropped);
    return this.#messages;
  }

  send(message: Uint8Array): void {
    this.#meters.sentBytes.add(message.length);
    this.connect().send(message);
  }

  sendBulk(frame: Uint8Array): void {
    this.#idleBulkChecks = 0;
    this.#bulk ??= this.#open("bulk", () => {}); // Whoever sends bulk counts what arrives.
    this.#meters.sentBytes.add(frame.length);
    this.#bulk.send(frame);
  }

  call(request: Uint8Array, timeoutMs: number): Promise<CallOutcome> {
    return this.#calls.call(request, timeoutMs);
  }

  /** Time passes: the connection for bulk is closed when it has had no use for a while. */
  checkIdle(): void {
    if (this.#bulk === undefined || ++this.#idleBulkChecks <= idleChecksMax) return;
    this.#bulk.close("idle");
    this.#bulk = undefined;
  }

  close(reason: string): void {
    this.#stopping.abort();
    this.#messages?.close(reason);
    this.#bulk?.close(reason);
    this.#calls.close(reason);
  }

  async #dialForCalls(handlers: ConnectionHandlers): Promise<Connection> {
    const { timers, tls, helloTo } = this.#deps;
    const address = this.#addresses.present;
    const context = { timers, handlers, signal: this.#stopping.signal, tls };
    try {
      return await dial(address, helloTo(this.peer, "calls"), context);
    } catch (error) {
      this.#addresses.failed(address);
      throw error;
    }
  }

  #open(lane: "messages" | "bulk", onDropped: () => void): Link {
    const { timers, random, logger, tls, helloTo } = this.#deps;
    return new Link(this.#addresses, helloTo(this.peer, lane), {
      timers,
      random,
      logger,
      tls,
      meters: lane === "messages" ? this.#meters : undefined,
      onDropped,
    });
  }
}
