import { equal, ok } from "node:assert/strict";
import { describe, it } from "node:test";
import { Prng } from "@flotilla/base";
import { type Configuration, hasQuorum, type Message } from "@flotilla/consensus";
import { Sender } from "../src/sender.ts";

const peers = ["b", "c", "d", "e", "f"];

/** `f` learns; sometimes a change is in its joint phase, and `a`, which leads, may have no vote. */
function drawConfiguration(random: Prng): Configuration {
  const half = () =>
    ["a", "b", "c", "d", "e"]
      .filter(() => random.chance(0.8))
      .map((id) => ({ id, votes: random.between(1, 3) }));
  const voters = [...half(), { id: "e", votes: 1 }].filter(
    ({ id }, at, all) => all.findIndex((other) => other.id === id) === at,
  );
  return { voters, learners: ["f"], outgoing: random.chance(0.4) ? half() : [] };
}

/** What a world of one leader has given to a sender, and what came out. */
class Scene {
  readonly random: Prng;
  readonly configuration: Configuration;
  readonly sender: Sender;
  given: Message[] = [];
  sent: Message[] = [];
  #flush: (() => void) | undefined;
  #round = 0;
  #commit = 5;
  #term = 1;

  constructor(seed: number) {
    this.random = new Prng(seed);
    this.configuration = drawConfiguration(this.random);
    this.sender = new Sender({
      configuration: () => this.configuration,
      send: (message) => this.sent.push(message),
      after: (_delayMs, callback) => {
        equal(this.#flush, undefined, "one timer at a time");
        this.#flush = callback;
        return () => {
          this.#flush = undefined;
        };
      },
    });
  }

  /** A millisecond passes. */
  elapse(): void {
    const flush = this.#flush;
    this.#flush = undefined;
    flush?.();
  }

  answer(): void {
    const message = { from: this.random.pick(peers), to: "a", term: this.#term };
    if (this.random.chance(0.1)) {
      this.sender.received({ ...message, kind: "readRequest", requestId: 1 });
    } else {
      this.sender.received({ ...message, kind: "heartbeatResponse", readRound: this.#round });
    }
  }

  /** The messages of one turn. A new term may have begun since the last. */
  turn(): readonly Message[] {
    if (this.random.chance(0.05)) this.#term++;
    const messages: Message[] = [];
    const head = (to: string) => ({ from: "a", to, term: this.#term });
    for (let kinds = this.random.between(1, 3); kinds > 0; kinds--) {
      if (this.random.chance(0.5)) {
        const heartbeat = { kind: "heartbeat", commit: 5, readRound: ++this.#round } as const;
        for (const to of peers) messages.push({ ...head(to), ...heartbeat });
        continue;
      }
      const commit = ++this.#commit;
      const entry = { index: commit, term: 1, kind: "command", data: new Uint8Array(1) } as const;
      const entries = this.random.chance(0.3) ? [entry] : [];
      const append = { kind: "appendRequest", prevIndex: 5, prevTerm: 1, entries, commit } as const;
      for (const to of peers) messages.push({ ...head(to), ...append });
      if (this.random.chance(0.2)) messages.push({ ...head("b"), kind: "timeoutNow" });
    }
    this.given.push(...messages);
    this.sender.send(messages);
    return messages;
  }
}

function number(message: Message): number {
  if (message.kind === "heartbeat") return message.readRound;
  return message.kind === "appendRequest" ? message.commit : 0;
}

/** Nothing is made up, nor sent twice; of each kind nothing older comes after what is newer. */
function checkOrder({ given, sent }: Scene, why: string): void {
  ok(
    sent.every((message) => given.includes(message)),
    `${why}: sent as it was given`,
  );
  equal(new Set(sent).size, sent.length, `${why}: sent once`);
  for (const to of peers) {
    for (const kind of ["heartbeat", "appendRequest"]) {
      const numbers = sent.filter((each) => each.to === to && each.kind === kind).map(number);
      ok(
        numbers.every((each, at) => at === 0 || each >= (numbers[at - 1] ?? 0)),
        `${why}: ${kind} to ${to} in order: ${numbers}`,
      );
    }
  }
}

/** After a millisecond everybody has been sent the last of each kind, and all that must not wait. */
function checkComplete({ given, sent }: Scene, why: string): void {
  for (const to of peers) {
    for (const kind of ["heartbeat", "appendRequest"]) {
      const isIt = (each: Message) => each.to === to && each.kind === kind;
      equal(sent.findLast(isIt), given.findLast(isIt), `${why}: the last ${kind} to ${to}`);
    }
  }
  const mustLeave = given.filter(
    (each) => each.kind === "timeoutNow" || (each.kind === "appendRequest" && each.entries[0]),
  );
  ok(
    mustLeave.every((each) => sent.includes(each)),
    `${why}: all entries are sent`,
  );
}

describe("Sender, in any order of what happens", () => {
  it("only delays, by a millisecond, what a later message does not say as well (300 seeds)", () => {
    for (let seed = 1; seed <= 300; seed++) {
      const scene = new Scene(seed);
      for (let step = 0; step < 40; step++) {
        const why = `seed=${seed} step=${step}`;
        if (scene.random.chance(0.5)) scene.answer();
        const isTick = scene.random.chance(0.2);
        if (isTick) scene.sender.tick();
        const before = scene.sent.length;
        const messages = scene.turn();
        const asked = scene.sent.slice(before).filter(({ kind }) => kind === "heartbeat");
        const rounds = messages.filter(({ kind }) => kind === "heartbeat");
        if (isTick) equal(asked.length, rounds.length, `${why}: a sign of life for everybody`);
        const last = Math.max(...rounds.map(number));
        const ids = new Set(asked.filter((each) => number(each) === last).map(({ to }) => to));
        const couldAsk = hasQuorum(scene.configuration, (id) => id === "a" || peers.includes(id));
        if (rounds.length > 0 && couldAsk) {
          ok(
            hasQuorum(scene.configuration, (id) => id === "a" || ids.has(id)),
            `${why}: a quorum is asked at once`,
          );
        }
        checkOrder(scene, why);
        if (scene.random.chance(0.5)) {
          scene.elapse();
          checkComplete(scene, why);
        }
      }
    }
  });
});
