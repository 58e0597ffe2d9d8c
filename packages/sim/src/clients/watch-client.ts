/**
 * A client that watches: opens a watch, and when that is gone or silent goes on with another server
 * after the last revision that it was told.
 */
import { emptyBytes, present, utf8 } from "@flotilla/base";
import type { NodeId } from "@flotilla/consensus";
import type { Watcher } from "@flotilla/store";
import type { KeyEvent, WatchHistory, WatchStream } from "../checkers/index.ts";
import type { Process, Request } from "../server/process.ts";
import type { EventTarget } from "../world/event-heap.ts";
import { eventKind } from "../world/event-kind.ts";
import { type ClientWorld, drawDelay } from "./client-world.ts";
import { keyEvent } from "./ledger.ts";

/** How often the client looks whether its watch still lives. */
const lookMs = 250;
/** A watch that has been open for so long has told everything that there was when it began. */
const patienceMs = 200;
/** Between two batches, which keep their order. */
const gapMs = 1e-6;
/** Bytes that are taken at once; small, so that whole revisions are often more. */
const takeBytes = 256;

type WatchedEvent = KeyEvent & { readonly revision: number };
interface Told {
  readonly stream: OpenStream;
  readonly revision: number;
  readonly events: readonly WatchedEvent[];
  readonly compactedAt: number | undefined;
}

/** A watch at one server. */
class OpenStream implements Request {
  readonly process: Process;
  readonly record: {
    -readonly [Field in keyof WatchStream]: WatchStream[Field];
  } & { readonly batches: WatchStream["batches"][number][] };
  readonly #onTurn: (stream: OpenStream) => void;
  readonly openedAtMs: number;
  watcher: Watcher | undefined;
  /** Batches arrive in order. */
  arrivesAtMs = 0;
  isTurnAsked = false;

  constructor(process: Process, startRevision: number, onTurn: (stream: OpenStream) => void) {
    this.process = process;
    this.openedAtMs = process.machine.parts.world.nowMs;
    this.#onTurn = onTurn;
    this.record = {
      server: process.machine.id,
      startRevision,
      openedRevision: process.machine.state.store.revision,
      batches: [],
      compactedAt: undefined,
    };
  }

  serve(): void {
    this.#onTurn(this);
  }
}

export class WatchClient implements EventTarget, Request {
  readonly #clients: ClientWorld;
  readonly #client: number;
  readonly #from: string;
  readonly #to: string | undefined;
  readonly #streams: WatchStream[] = [];
  #server: number;
  #stream: OpenStream | undefined;
  /** The next revision that it wants; 0 before it was told any. */
  #nextRevision = 0;

  constructor(
    clients: ClientWorld,
    what: {
      readonly client: number;
      readonly server: number;
      readonly from: string;
      readonly to: string | undefined;
    },
  ) {
    this.#clients = clients;
    this.#client = what.client;
    this.#from = what.from;
    this.#to = what.to;
    this.#server = what.server;
    clients.world.schedule(drawDelay(clients), eventKind.request, this, undefined);
  }

  /**
   * `dueRevision`: what it must have been told by now, if it has watched for a while at one of those
   * that have to serve; a server that was removed and does not know it says nothing.
   */
  history(dueRevision: number, mustServe: (server: NodeId) => boolean): WatchHistory {
    const stream = this.#stream;
    const isDue =
      stream !== undefined &&
      mustServe(stream.record.server) &&
      this.#clients.world.nowMs - stream.openedAtMs >= patienceMs;
    return {
      client: this.#client,
      from: this.#from,
      to: this.#to,
      streams: this.#streams,
      dueRevision: isDue ? dueRevision : 0,
    };
  }

  handle(kind: number, subject: unknown): void {
    if (kind === eventKind.reply) this.#told(subject as Told);
    else {
      if (this.#stream?.process.isAlive !== true) this.#open();
      this.#clients.world.schedule(lookMs, eventKind.request, this, undefined);
    }
  }

  /** At a server: opens the watch. */
  serve(process: Process): void {
    if (process.machine.isWitness) return; // It has nothing to tell.
    const stream = new OpenStream(process, this.#nextRevision, (turned) => this.#take(turned));
    this.#stream = stream;
    this.#streams.push(stream.record);
    const { store } = process.machine.state;
    stream.watcher = store.watch(
      {
        key: utf8(this.#from),
        rangeEnd: this.#to === undefined ? emptyBytes : utf8(this.#to),
        startRevision: this.#nextRevision,
        prevKv: false,
        noPut: false,
        noDelete: false,
      },
      () => this.#wake(stream),
    );
    this.#take(stream);
  }

  #open(): void {
    const { machines } = this.#clients;
    const machine = present(machines[this.#server % machines.length], "a machine");
    this.#stream = undefined;
    machine.ask(this);
    if (this.#stream === undefined) this.#server++;
  }

  /** Called from within the store: takes in a moment. */
  #wake(stream: OpenStream): void {
    if (stream.isTurnAsked) return;
    stream.isTurnAsked = true;
    this.#clients.world.schedule(0, eventKind.request, stream.process, stream);
  }

  #take(stream: OpenStream): void {
    stream.isTurnAsked = false;
    const { watcher } = stream;
    if (watcher === undefined || this.#stream !== stream) return;
    for (
      let batch = watcher.take(takeBytes);
      batch !== undefined;
      batch = watcher.take(takeBytes)
    ) {
      if (batch.kind === "compacted") {
        stream.watcher = undefined;
        this.#tell({ stream, revision: 0, events: [], compactedAt: batch.compactRevision });
        return;
      }
      const events = batch.events.map((event) => ({
        ...keyEvent(event),
        revision: event.kv.modRevision,
      }));
      this.#tell({ stream, revision: batch.revision, events, compactedAt: undefined });
    }
  }

  #tell(told: Told): void {
    const { stream } = told;
    const { world } = this.#clients;
    const soonestMs = stream.arrivesAtMs + gapMs;
    stream.arrivesAtMs = Math.max(soonestMs, world.nowMs + drawDelay(this.#clients));
    world.scheduleAt(stream.arrivesAtMs, eventKind.reply, this, told);
  }

  #told({ stream, revision, events, compactedAt }: Told): void {
    if (stream !== this.#stream) return; // Of a watch that was given up.
    if (compactedAt !== undefined) {
      stream.record.compactedAt = compactedAt;
      this.#nextRevision = Math.max(this.#nextRevision, compactedAt);
      this.#stream = undefined;
      return;
    }
    stream.record.batches.push({ revision, events });
    this.#nextRevision = revision + 1;
  }
}
