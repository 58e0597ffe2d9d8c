/**
 * Snapshots between servers: the state to a follower that lags too far, and from a leader. Pure.
 *
 * One goes out to each peer at a time, and one comes in. A witness gets no bytes: the message alone
 * tells it how far it may leave the log behind.
 */
import { type Logger, WireError } from "@flotilla/base";
import {
  type Configuration,
  decodeMessage,
  type Engine,
  encodeMessage,
  type LogIndex,
  type Message,
  type NodeId,
  type SnapshotMeta,
} from "@flotilla/consensus";
import type { StateStorage } from "./contract.ts";
import { silencesMax } from "./limits.ts";
import { placeOf } from "./place.ts";
import {
  decodeFrame,
  encodeFrame,
  isSameStream,
  type SnapshotFrame,
  type StreamId,
} from "./snapshot-frames.ts";
import { SnapshotReceiver } from "./snapshot-receiver.ts";
import { SnapshotSender } from "./snapshot-sender.ts";

export type InstallSnapshot = Extract<Message, { kind: "installSnapshot" }>;

export interface TransferPorts {
  readonly engine: Engine;
  readonly state: StateStorage;
  readonly logger: Logger;
  nowMs(): number;
  /** In force at the entry that the store has applied. */
  configuration(): Configuration;
  /** The state is being replaced, or is about to be. */
  isReplacing(): boolean;
  /** The state here is wrong, or is not there: nobody is to be sent it. */
  isUnfit(): boolean;
  /** What was asked for by {@link SnapshotTransfer.want} is here, safely. */
  onWanted(snapshot: SnapshotMeta): void;
  send(message: Message): void;
  sendBulk(to: NodeId, frame: Uint8Array): void;
  /** Runs an input of the engine; see `Driver.input`. */
  input(give: (engine: Engine) => void): void;
}

export interface TransferOptions {
  readonly id: NodeId;
  readonly session: bigint;
  readonly electionMs: number;
}

interface Outgoing {
  readonly index: LogIndex;
  readonly term: number;
  /** Undefined to a witness, and once the bytes have arrived. */
  readonly sender: SnapshotSender | undefined;
  /** When its place is given free: what comes after the snapshot is kept until then. */
  endMs: number;
}

interface Incoming {
  readonly receiver: SnapshotReceiver;
  readonly term: number;
  heardAtMs: number;
}

export class SnapshotTransfer {
  readonly #ports: TransferPorts;
  readonly #options: TransferOptions;
  readonly #outgoing = new Map<NodeId, Outgoing>();
  #incoming: Incoming | undefined;
  /** The last stream that was taken in, for a sender that has missed it. */
  #finished: StreamId | undefined;
  #lastNumber = 0;
  /** Since which index a state is wanted, and from which leader. */
  #wanted: { readonly leader: NodeId; readonly sinceIndex: LogIndex } | undefined;

  constructor(ports: TransferPorts, options: TransferOptions) {
    this.#ports = ports;
    this.#options = options;
  }

  /** The lowest index of all that are on their way to a peer; infinite when none is. */
  get sentIndex(): LogIndex {
    let lowest = Number.POSITIVE_INFINITY;
    for (const { index } of this.#outgoing.values()) lowest = Math.min(lowest, index);
    return lowest;
  }

  /** The engine sends a snapshot: the state as it is now, under its own index. */
  offer(message: InstallSnapshot): void {
    const { to } = message;
    const { input } = this.#ports;
    const present = this.#outgoing.get(to);
    if (present?.sender !== undefined && present.term === message.term) return;
    if (message.lacksData === true) this.#tellWitness(message);
    else if (!this.#canSend) input((engine) => engine.snapshotSent(to, false));
    else this.#startSending(message, false);
  }

  /** Asks `leader` for its state, at `sinceIndex` or later, for a server whose own is wrong. May be repeated. */
  want(leader: NodeId, sinceIndex: LogIndex): void {
    this.#wanted = { leader, sinceIndex };
    const frame: SnapshotFrame = { kind: "want", stream: this.#nextStream(), offset: sinceIndex };
    this.#ports.sendBulk(leader, encodeFrame(frame));
  }

  /** Takes no state any more but what the engine asks for. */
  stopWanting(): void {
    this.#wanted = undefined;
  }

  /** Something comes in. */
  get isReceiving(): boolean {
    return this.#incoming !== undefined;
  }

  /** A frame from a peer. */
  receive(from: NodeId, bytes: Uint8Array): void {
    const frame = this.#decoded(from, () => decodeFrame(bytes));
    if (frame === undefined) return;
    if (frame.kind === "offer" || frame.kind === "wanted") this.#offered(from, frame);
    else if (frame.kind === "want") this.#startSendingWanted(from, frame.offset);
    else if (frame.kind === "chunk" || frame.kind === "end") this.#arrived(from, frame);
    else this.#answered(from, frame);
  }

  /** A snapshot without bytes, which is for a witness; one that is new may not know that it is one. */
  receiveBare(message: InstallSnapshot): void {
    const { engine, logger } = this.#ports;
    const { snapshot, from } = message;
    if (placeOf(engine.configuration, this.#options.id) === "data") {
      logger.warn("peer sent a snapshot without data", { peer: from, index: snapshot.index });
      return;
    }
    if (this.#isOld(snapshot)) {
      this.#ports.input((engine) => engine.step(message));
      return;
    }
    if (this.#incoming !== undefined || this.#ports.isReplacing()) return; // It comes again.
    const stream = this.#nextStream();
    const send = (): void => {};
    const receiver = this.#makeReceiver({ message, stream, isWanted: false }, send);
    receiver.receive({ kind: "end", stream, size: 0, crc: 0 });
  }

  /** Time passes: repeats what may be lost, and gives up what nobody answers. */
  tick(): void {
    const nowMs = this.#ports.nowMs();
    for (const [to, { sender, endMs }] of this.#outgoing) {
      if (sender !== undefined) sender.tick(nowMs);
      else if (endMs <= nowMs) this.#outgoing.delete(to);
    }
    const incoming = this.#incoming;
    if (incoming === undefined) return;
    // Its sender leads no more, and has let go of it, or would be told so: the engine takes nothing of that term.
    const isOver = incoming.term < this.#ports.engine.term && incoming.receiver.isWaiting;
    if (!incoming.receiver.isWaiting) incoming.heardAtMs = nowMs;
    if (!isOver && nowMs - incoming.heardAtMs < silencesMax * this.#options.electionMs) return;
    this.#ports.logger.warn("snapshot broke off", { peer: incoming.receiver.from });
    this.#dropIncoming();
  }

  /** The engine has worked: what a leader sends is of no use after its term. */
  observe(): void {
    if (this.#outgoing.size === 0) return;
    const { role, term } = this.#ports.engine;
    for (const [to, outgoing] of this.#outgoing) {
      if (role === "leader" && outgoing.term === term) continue;
      outgoing.sender?.close();
      this.#outgoing.delete(to);
    }
  }

  /** Lets go of everything. */
  stop(): void {
    for (const { sender } of this.#outgoing.values()) sender?.close();
    this.#outgoing.clear();
    this.#dropIncoming();
  }

  #tellWitness(message: InstallSnapshot): void {
    const { to, term, snapshot } = message;
    this.#ports.send(message);
    // Should it be lost, the engine finds out by probing.
    this.#ports.input((engine) => engine.snapshotSent(to, true));
    this.#hold(to, { index: snapshot.index, term });
  }

  get #canSend(): boolean {
    return !this.#ports.isReplacing() && !this.#ports.isUnfit();
  }

  /** The engine is not concerned: what the other's log needs is another matter. */
  #startSendingWanted(to: NodeId, sinceIndex: LogIndex): void {
    const { engine, state } = this.#ports;
    const { role, term, configuration } = engine;
    if (role !== "leader" || placeOf(configuration, to) !== "data") return;
    const isBusy = this.#outgoing.get(to)?.sender !== undefined;
    const { appliedIndex: index, appliedTerm } = state.store;
    if (isBusy || !this.#canSend || index < sinceIndex) return; // It asks again.
    const snapshot = { index, term: appliedTerm, configuration };
    const from = this.#options.id;
    this.#startSending({ kind: "installSnapshot", from, to, term, snapshot }, true);
  }

  #startSending(message: InstallSnapshot, isWanted: boolean): void {
    const { state, logger, configuration } = this.#ports;
    const { to, term } = message;
    const { store } = state;
    const index = store.appliedIndex;
    const snapshot = { index, term: store.appliedTerm, configuration: configuration() };
    this.#outgoing.get(to)?.sender?.close();
    logger.info("sending a snapshot", { peer: to, index });
    const sender = new SnapshotSender(
      {
        stream: this.#nextStream(),
        head: encodeMessage({ ...message, snapshot }),
        isWanted,
        source: state.read(), // Of this moment: the same as the index.
        silenceMs: this.#options.electionMs,
        send: (frame) => this.#ports.sendBulk(to, encodeFrame(frame)),
        onEnd: (outcome) => this.#ended(to, { index, term }, outcome),
      },
      this.#ports.nowMs(),
    );
    this.#outgoing.set(to, { index, term, sender, endMs: Number.POSITIVE_INFINITY });
  }

  #ended(
    to: NodeId,
    sent: { readonly index: LogIndex; readonly term: number },
    outcome: string,
  ): void {
    const isDelivered = outcome === "delivered";
    const { logger, input } = this.#ports;
    if (isDelivered) {
      logger.info("snapshot was delivered", { peer: to, index: sent.index });
      this.#hold(to, sent);
    } else {
      logger.warn("snapshot was not delivered", { peer: to, index: sent.index, reason: outcome });
      this.#outgoing.delete(to);
    }
    input((engine) => engine.snapshotSent(to, isDelivered));
  }

  /** Until the peer has installed it, it cannot ask for what comes after. */
  #hold(to: NodeId, sent: { readonly index: LogIndex; readonly term: number }): void {
    const endMs = this.#ports.nowMs() + silencesMax * this.#options.electionMs;
    this.#outgoing.set(to, { ...sent, sender: undefined, endMs });
  }

  #offered(from: NodeId, frame: Extract<SnapshotFrame, { kind: "offer" | "wanted" }>): void {
    const { stream, head } = frame;
    const message = this.#decoded(from, () => decodeMessage(head));
    if (message?.kind !== "installSnapshot" || message.from !== from) return;
    const isWanted = frame.kind === "wanted";
    const send = (frame: SnapshotFrame): void => this.#ports.sendBulk(from, encodeFrame(frame));
    const incoming = this.#incoming;
    if (incoming !== undefined && isStreamOf(incoming, from, stream)) {
      incoming.receiver.receive(frame);
    } else if (isWanted && !this.#isWanted(message)) {
      send({ kind: this.#isFinished(stream) ? "done" : "lost", stream });
    } else if (!isWanted && this.#isOld(message.snapshot)) {
      // The engine hears of it all the same: its answer sets the leader right.
      this.#ports.input((engine) => engine.step(message));
      send({ kind: "done", stream });
    } else if (this.#ports.isReplacing() || !this.#mayReplace(from, stream, message.term)) {
      send({ kind: "busy", stream });
    } else {
      this.#dropIncoming();
      this.#makeReceiver({ message, stream, isWanted }, send);
    }
  }

  #isWanted({ from, snapshot }: InstallSnapshot): boolean {
    const wanted = this.#wanted;
    return wanted?.leader === from && snapshot.index >= wanted.sinceIndex;
  }

  #isFinished(stream: StreamId): boolean {
    return this.#finished !== undefined && isSameStream(this.#finished, stream);
  }

  /** Whoever sent the present one has begun anew, or somebody else leads now. */
  #mayReplace(from: NodeId, stream: StreamId, term: number): boolean {
    const incoming = this.#incoming;
    if (incoming === undefined || term > incoming.term) return true;
    if (incoming.receiver.from !== from || term < incoming.term) return false;
    const present = incoming.receiver.stream;
    return present.session !== stream.session || present.number < stream.number;
  }

  #makeReceiver(
    offer: {
      readonly message: InstallSnapshot;
      readonly stream: StreamId;
      readonly isWanted: boolean;
    },
    send: (frame: SnapshotFrame) => void,
  ): SnapshotReceiver {
    const { state, logger, nowMs, input, onWanted } = this.#ports;
    const { message, stream, isWanted } = offer;
    const { from, term, snapshot } = message;
    logger.info("receiving a snapshot", { peer: from, index: snapshot.index });
    const receiver = new SnapshotReceiver({
      from,
      stream,
      sink: state.receive(snapshot),
      send,
      onFinished: () => {
        this.#incoming = undefined;
        this.#finished = stream;
        if (isWanted) onWanted(snapshot);
        else input((engine) => engine.step(message));
        send({ kind: "done", stream });
      },
      onFailed: (reason) => {
        this.#incoming = undefined;
        logger.warn("snapshot was not received", { peer: from, index: snapshot.index, reason });
        send({ kind: "lost", stream });
      },
    });
    this.#incoming = { receiver, term, heardAtMs: nowMs() };
    return receiver;
  }

  #arrived(from: NodeId, frame: SnapshotFrame): void {
    const { stream } = frame;
    const incoming = this.#incoming;
    if (incoming !== undefined && isStreamOf(incoming, from, stream)) {
      incoming.heardAtMs = this.#ports.nowMs();
      incoming.receiver.receive(frame);
      return;
    }
    const kind = this.#isFinished(stream) ? "done" : "lost";
    this.#ports.sendBulk(from, encodeFrame({ kind, stream }));
  }

  #answered(from: NodeId, frame: SnapshotFrame): void {
    const sender = this.#outgoing.get(from)?.sender;
    if (sender === undefined || !isSameStream(sender.stream, frame.stream)) return;
    sender.receive(frame, this.#ports.nowMs());
  }

  /** The engine has all of it, and will install nothing. */
  #isOld(snapshot: SnapshotMeta): boolean {
    return snapshot.index <= this.#ports.engine.status().commitIndex;
  }

  #dropIncoming(): void {
    this.#incoming?.receiver.abort();
    this.#incoming = undefined;
  }

  #nextStream(): StreamId {
    return { session: this.#options.session, number: ++this.#lastNumber };
  }

  #decoded<T>(from: NodeId, decode: () => T): T | undefined {
    try {
      return decode();
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#ports.logger.warn("peer sent no snapshot", { peer: from, reason: error.message });
      return undefined;
    }
  }
}

function isStreamOf({ receiver }: Incoming, from: NodeId, stream: StreamId): boolean {
  return receiver.from === from && isSameStream(receiver.stream, stream);
}
