/**
 * Which messages leave at once, and which may wait a moment for being needless. Pure.
 *
 * - An append without entries is how a leader tells what is committed when it has nothing to replicate.
 *   The next append with entries says it, too, and under load it is about to follow. Who has lately
 *   handed in proposals or reads has somebody waiting, and is told at once.
 * - A round of reads asks everybody whether this server still leads, and a quorum is enough. It goes to
 *   those who answered last; the others are asked when that has not helped.
 *
 * Each waits {@link postponeMs} at most, which is no more than a slow network does. With one client at a
 * time a leader sends half as many messages.
 */
import { type Configuration, hasQuorum, type Message, type NodeId } from "@flotilla/consensus";
import { postponeMs } from "./limits.ts";

export interface SenderPorts {
  send(message: Message): void;
  after(delayMs: number, callback: () => void): () => void;
  /** In force. */
  configuration(): Configuration;
}

/** What is held back for one receiver: the last of each kind. */
interface Held {
  append: Message | undefined;
  heartbeat: Message | undefined;
}

export class Sender {
  readonly #ports: SenderPorts;
  readonly #held = new Map<NodeId, Held>();
  /** Have asked for something since the last tick but one. */
  #asking = new Set<NodeId>();
  #askedBefore = new Set<NodeId>();
  /** Who has answered heartbeats, the last one last. */
  readonly #answered = new Set<NodeId>();
  /** Heartbeats are signs of life now, for everybody. */
  #isTick = false;
  #cancel: (() => void) | undefined;
  readonly #flush = (): void => this.#sendHeld();

  constructor(ports: SenderPorts) {
    this.#ports = ports;
  }

  /** Looks at what a peer sends. */
  received({ kind, from }: Message): void {
    if (kind === "forwardedProposals" || kind === "readRequest") this.#asking.add(from);
    else if (kind === "heartbeatResponse") {
      this.#answered.delete(from);
      this.#answered.add(from);
    }
  }

  /** The messages of one turn: sends them in order, or holds some back. */
  send(messages: readonly Message[]): void {
    const spared = this.#spared(messages);
    for (const message of messages) {
      if (message.kind === "appendRequest") this.#sendAppend(message);
      else if (message.kind === "heartbeat") this.#sendHeartbeat(message, spared);
      else this.#ports.send(message);
    }
  }

  /** Logical time passes; what the engine says to it follows. */
  tick(): void {
    this.#askedBefore = this.#asking;
    this.#asking = new Set();
    this.#isTick = true;
  }

  /** Drops what is held: it is no more than a message that was lost. */
  stop(): void {
    this.#held.clear();
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #sendAppend(message: Message & { readonly kind: "appendRequest" }): void {
    const { to, entries } = message;
    const isNews = entries.length === 0 && !this.#asking.has(to) && !this.#askedBefore.has(to);
    const held = this.#held.get(to);
    if (isNews) this.#hold(to).append = message;
    else {
      if (held !== undefined) held.append = undefined; // It is older, and says less.
      this.#ports.send(message);
    }
  }

  #sendHeartbeat(
    message: Message & { readonly kind: "heartbeat" },
    spared: ReadonlySet<NodeId> | undefined,
  ): void {
    const { to } = message;
    if (spared?.has(to) === true) {
      this.#hold(to).heartbeat = message;
      return;
    }
    const held = this.#held.get(to);
    if (held !== undefined) held.heartbeat = undefined;
    this.#ports.send(message);
  }

  /** Whom a round of reads need not ask, as the others are a quorum; undefined: nobody. */
  #spared(messages: readonly Message[]): ReadonlySet<NodeId> | undefined {
    const receivers = new Set<NodeId>();
    let self: NodeId = "";
    for (const { kind, to, from } of messages) {
      if (kind !== "heartbeat") continue;
      receivers.add(to);
      self = from;
    }
    if (receivers.size < 2) return undefined;
    if (this.#isTick) {
      this.#isTick = false;
      return undefined;
    }
    const configuration = this.#ports.configuration();
    const asked = new Set([self]);
    for (const peer of [...this.#answered].reverse()) {
      if (hasQuorum(configuration, (id) => asked.has(id))) break;
      if (receivers.delete(peer)) asked.add(peer);
    }
    return hasQuorum(configuration, (id) => asked.has(id)) ? receivers : undefined;
  }

  #hold(peer: NodeId): Held {
    let held = this.#held.get(peer);
    if (held === undefined) {
      held = { append: undefined, heartbeat: undefined };
      this.#held.set(peer, held);
    }
    this.#cancel ??= this.#ports.after(postponeMs, this.#flush);
    return held;
  }

  #sendHeld(): void {
    this.#cancel = undefined;
    for (const { append, heartbeat } of this.#held.values()) {
      if (append !== undefined) this.#ports.send(append);
      if (heartbeat !== undefined) this.#ports.send(heartbeat);
    }
    this.#held.clear();
  }
}
