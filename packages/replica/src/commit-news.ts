/**
 * Appends without entries: how a leader tells what is committed when it has nothing to replicate. Pure.
 *
 * The next append with entries says it, too, and under load it is about to follow. So such a message
 * waits for one, {@link newsMs} at most: a leader with one client at a time sends half as many
 * messages. Who has lately handed in proposals or reads has somebody waiting, and is told at once.
 */
import type { Message, NodeId } from "@flotilla/consensus";
import { newsMs } from "./limits.ts";

export interface NewsPorts {
  send(message: Message): void;
  after(delayMs: number, callback: () => void): () => void;
}

export class CommitNews {
  readonly #ports: NewsPorts;
  /** The last one for each receiver. */
  readonly #held = new Map<NodeId, Message>();
  /** Have asked for something since the last tick but one. */
  #asking = new Set<NodeId>();
  #askedBefore = new Set<NodeId>();
  #cancel: (() => void) | undefined;
  readonly #flush = (): void => this.#sendHeld();

  constructor(ports: NewsPorts) {
    this.#ports = ports;
  }

  /** Looks at what a peer sends. */
  received({ kind, from }: Message): void {
    if (kind === "forwardedProposals" || kind === "readRequest") this.#asking.add(from);
  }

  /** Sends, or holds back. */
  send(message: Message): void {
    if (message.kind === "appendRequest") {
      this.#held.delete(message.to); // It is older, and says less.
      if (message.entries.length === 0 && !this.#isAsking(message.to)) {
        this.#held.set(message.to, message);
        this.#cancel ??= this.#ports.after(newsMs, this.#flush);
        return;
      }
    }
    this.#ports.send(message);
  }

  /** Logical time passes. */
  tick(): void {
    this.#askedBefore = this.#asking;
    this.#asking = new Set();
  }

  /** Drops what is held: it is no more than a message that was lost. */
  stop(): void {
    this.#held.clear();
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #isAsking(peer: NodeId): boolean {
    return this.#asking.has(peer) || this.#askedBefore.has(peer);
  }

  #sendHeld(): void {
    this.#cancel = undefined;
    for (const message of this.#held.values()) this.#ports.send(message);
    this.#held.clear();
  }
}
