/**
 * Batches on their way to the disk, and the messages that promise them. Pure.
 *
 * Completions and messages come out in the order in which their batches went in, whatever the log
 * does: a vote or an acknowledgement must not leave before all that it promises is durable (trap T4).
 * A failure lets nothing out any more.
 */
import { failpoint } from "@flotilla/base";
import type { Message, Persist, SnapshotMeta } from "@flotilla/consensus";

export interface PersistPorts {
  /** Done once the batch, and every one before it, is durable. */
  append(batch: Persist, done: (error: unknown) => void): void;
  /** Replaces the state machine by a snapshot that was received. */
  install(snapshot: SnapshotMeta, done: (error: unknown) => void): void;
  onPersisted(batch: Persist): void;
  send(message: Message): void;
  /** Called once at most. */
  onFailure(error: unknown): void;
}

interface Place {
  readonly batch: Persist | undefined;
  readonly messages: readonly Message[];
  isDurable: boolean;
}

export class PersistQueue {
  readonly #ports: PersistPorts;
  /** In the order in which they went in. */
  #places: Place[] = [];
  /** Appends and installations that have not ended. */
  #underWay = 0;
  #isInstalling = false;
  #hasFailed = false;
  #onIdle: (() => void)[] = [];

  constructor(ports: PersistPorts) {
    this.#ports = ports;
  }

  /** Starts to persist, if there is something; then, in order, sends. */
  add(batch: Persist | undefined, messages: readonly Message[]): void {
    if (batch === undefined) {
      if (messages.length === 0) return;
      if (this.#places.length === 0 && !this.#hasFailed) {
        this.#sendAll(messages);
        return;
      }
    }
    const place: Place = { batch, messages, isDurable: batch === undefined };
    this.#places.push(place);
    if (batch === undefined) return;
    this.#underWay++;
    if (batch.snapshot !== undefined) failpoint("raftBeforeSaveSnap");
    failpoint("raftBeforeSave");
    this.#ports.append(batch, (error) => {
      if (batch.snapshot !== undefined) failpoint("raftAfterSaveSnap");
      failpoint("raftAfterSave");
      place.isDurable = error === undefined;
      this.#ended(error);
    });
  }

  /** A snapshot is in the queue, or being installed. */
  get hasSnapshot(): boolean {
    return this.#places.some(({ batch }) => batch?.snapshot !== undefined);
  }

  /** Calls back when nothing is on its way, which may be at once. */
  idle(done: () => void): void {
    if (this.#underWay === 0) done();
    else this.#onIdle.push(done);
  }

  #ended(error: unknown): void {
    this.#underWay--;
    if (error !== undefined && !this.#hasFailed) {
      this.#hasFailed = true;
      this.#ports.onFailure(error);
    }
    this.#advance();
    if (this.#underWay > 0) return;
    const waiting = this.#onIdle;
    this.#onIdle = [];
    for (const done of waiting) done();
  }

  /** Lets out, in order, what is durable. */
  #advance(): void {
    while (!this.#hasFailed && !this.#isInstalling) {
      const [place] = this.#places;
      if (place === undefined || !place.isDurable) return;
      const snapshot = place.batch?.snapshot;
      if (snapshot !== undefined) this.#install(place, snapshot);
      else this.#letOut(place);
    }
  }

  #install(place: Place, snapshot: SnapshotMeta): void {
    this.#isInstalling = true;
    this.#underWay++;
    this.#ports.install(snapshot, (error) => {
      this.#isInstalling = false;
      if (error === undefined && !this.#hasFailed) this.#letOut(place);
      this.#ended(error);
    });
  }

  #letOut(place: Place): void {
    this.#places.shift();
    if (place.batch !== undefined) this.#ports.onPersisted(place.batch);
    this.#sendAll(place.messages);
  }

  #sendAll(messages: readonly Message[]): void {
    for (const message of messages) this.#ports.send(message);
  }
}
