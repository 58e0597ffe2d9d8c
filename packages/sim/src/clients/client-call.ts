/**
 * One operation of a client, from its call to its end.
 *
 * A write that may have reached a server is never sent again: its outcome is unknown then, for ever.
 * What surely did not happen, and reads, go to the next server.
 */
import { assert, present } from "@flotilla/base";
import type { Moment } from "../checkers/index.ts";
import type { Process, Request } from "../server/process.ts";
import type { EventTarget } from "../world/event-heap.ts";
import { eventKind } from "../world/event-kind.ts";
import { type ClientWorld, drawDelay, momentOf } from "./client-world.ts";

/** How one attempt ended. */
export type Attempt<Answer> =
  | { readonly kind: "answered"; readonly answer: Answer }
  /** Nothing has happened: another server may be asked. */
  | { readonly kind: "notDone" }
  /** It may have happened, or still happen. */
  | { readonly kind: "unknown" };

/** What an operation does at a server. `done` is called at most once. */
export type Serve<Answer> = (process: Process, done: (attempt: Attempt<Answer>) => void) => void;

/** Before another server is asked. */
const retryMs = 20;

export class ClientCall<Answer> implements EventTarget, Request {
  readonly calledAt: Moment;
  /** Whom it asked last, by its place. */
  server: number;
  returnedAt: Moment | undefined;
  answer: Answer | undefined;
  readonly #clients: ClientWorld;
  readonly #serve: Serve<Answer>;
  readonly #isRepeatable: boolean;
  readonly #isBound: boolean;
  readonly #onEnd: (call: ClientCall<Answer>) => void;
  #isOpen = true;
  /** Numbers the attempts: an answer to an earlier one comes too late. */
  #attempt = 0;
  /** Who owes an answer, and at which of its ticks it was asked. */
  #asked: { readonly process: Process; readonly tick: number } | undefined;

  /**
   * `isRepeatable`: it changes nothing. `isBound`: only this server is asked. `onEnd` is called once,
   * also when the outcome is unknown.
   */
  constructor(
    clients: ClientWorld,
    what: {
      readonly server: number;
      readonly isRepeatable: boolean;
      readonly isBound?: boolean;
      readonly serve: Serve<Answer>;
    },
    onEnd: (call: ClientCall<Answer>) => void = () => {},
  ) {
    this.#clients = clients;
    this.#serve = what.serve;
    this.#isRepeatable = what.isRepeatable;
    this.#isBound = what.isBound === true;
    this.#onEnd = onEnd;
    this.server = what.server;
    this.calledAt = momentOf(clients);
    clients.world.schedule(clients.patienceMs, eventKind.giveUp, this, undefined);
    clients.world.schedule(drawDelay(clients), eventKind.request, this, undefined);
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  handle(kind: number, subject: unknown): void {
    if (!this.#isOpen) return;
    if (kind === eventKind.giveUp) this.#end();
    else if (kind === eventKind.request) this.#ask();
    else {
      const { number, attempt } = subject as Reply<Answer>;
      if (number === this.#attempt) this.#take(attempt);
    }
  }

  serve(process: Process): void {
    const number = this.#attempt;
    const asked = { process, tick: process.ticks };
    this.#asked = asked;
    this.#serve(process, (attempt) => {
      assert(this.#asked === asked, "replica: whoever asks is answered once");
      this.#asked = undefined;
      this.#reply({ number, attempt });
    });
  }

  /** Of the clock of the server that was asked last, while that has not answered; else 0. */
  get unansweredTicks(): number {
    const asked = this.#asked;
    return asked === undefined ? 0 : asked.process.ticks - asked.tick;
  }

  #ask(): void {
    this.#attempt++;
    const { machines } = this.#clients;
    const machine = present(machines[this.server % machines.length], "a machine");
    if (!machine.ask(this)) this.#reply({ number: this.#attempt, attempt: { kind: "notDone" } });
  }

  #reply(reply: Reply<Answer>): void {
    this.#clients.world.schedule(drawDelay(this.#clients), eventKind.reply, this, reply);
  }

  #take(attempt: Attempt<Answer>): void {
    if (attempt.kind === "answered") {
      this.returnedAt = momentOf(this.#clients);
      this.answer = attempt.answer;
      this.#end();
    } else if (attempt.kind === "notDone" || this.#isRepeatable) {
      if (!this.#isBound) this.server = (this.server + 1) % this.#clients.machines.length;
      this.#clients.world.schedule(retryMs, eventKind.request, this, undefined);
    } else this.#end();
  }

  #end(): void {
    this.#isOpen = false;
    this.#onEnd(this);
  }
}

interface Reply<Answer> {
  readonly number: number;
  readonly attempt: Attempt<Answer>;
}
