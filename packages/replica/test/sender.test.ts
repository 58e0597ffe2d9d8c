import { deepEqual } from "node:assert/strict";
import { describe, it } from "node:test";
import type { Entry, Message } from "@flotilla/consensus";
import { Sender } from "../src/sender.ts";

const entry: Entry = { index: 6, term: 1, kind: "command", data: new Uint8Array(1) };
const append = (to: string, commit: number, entries: readonly Entry[] = []): Message => ({
  kind: "appendRequest",
  from: "a",
  to,
  term: 1,
  prevIndex: 5,
  prevTerm: 1,
  entries,
  commit,
});
const heartbeat = (to: string, readRound = 1): Message => ({
  kind: "heartbeat",
  from: "a",
  to,
  term: 1,
  commit: 5,
  readRound,
});
const answer = (from: string): Message => ({
  kind: "heartbeatResponse",
  from,
  to: "a",
  term: 1,
  readRound: 1,
});

function scene(ids: readonly string[] = ["a", "b", "c"]) {
  const sent: string[] = [];
  const timers = new Set<() => void>();
  const voter = (id: string) => ({ id, votes: 1 });
  const sender = new Sender({
    configuration: () => ({ voters: ids.map(voter), learners: [], outgoing: [] }),
    after(_delayMs, callback) {
      timers.add(callback);
      return () => timers.delete(callback);
    },
    send(message) {
      const { kind, to } = message;
      if (kind === "appendRequest") sent.push(`${to} ${message.commit}`);
      else sent.push(kind === "heartbeat" ? `${to} round ${message.readRound}` : `${to} ${kind}`);
    },
  });
  const elapse = (): void => {
    for (const run of [...timers]) {
      timers.delete(run);
      run();
    }
  };
  const send = (...messages: Message[]): void => sender.send(messages);
  return { sender, send, sent, timers, elapse };
}

describe("Sender: what is committed", () => {
  it("tells what is committed with the next entries, and only once", () => {
    const { send, sent, elapse } = scene();
    send(append("b", 5));
    send(append("b", 5, [entry]));
    elapse();
    deepEqual(sent, ["b 5"]);
  });

  it("tells the latest by itself when nothing comes", () => {
    const { send, sent, timers, elapse } = scene();
    send(append("b", 5));
    send(append("c", 5));
    send(append("b", 6));
    deepEqual([sent.length, timers.size], [0, 1]);
    elapse();
    deepEqual(sent.sort(), ["b 6", "c 5"]);
    send(append("b", 7));
    elapse();
    deepEqual(sent.at(-1), "b 7");
  });

  it("holds up nothing else", () => {
    const { send, sent } = scene();
    send(append("b", 5));
    send(heartbeat("b"));
    deepEqual(sent, ["b round 1"]);
  });

  it("tells at once who has lately handed something in", () => {
    const { sender, send, sent } = scene();
    sender.received({ kind: "forwardedProposals", from: "b", to: "a", term: 1, data: [] });
    sender.received({ kind: "readRequest", from: "c", to: "a", term: 1, requestId: 1 });
    sender.received({ kind: "appendAccepted", from: "d", to: "a", term: 1, matchIndex: 5 });
    for (const to of ["b", "c", "d"]) send(append(to, 5));
    deepEqual(sent, ["b 5", "c 5"]);
    sender.tick();
    send(append("b", 6));
    sender.tick();
    send(append("b", 7));
    deepEqual(sent, ["b 5", "c 5", "b 6"]);
  });

  it("sends nothing after the end", () => {
    const { sender, send, sent, elapse } = scene();
    send(append("b", 5));
    sender.stop();
    elapse();
    deepEqual(sent, []);
  });
});

describe("Sender: a round of reads", () => {
  const round = (number: number, ...ids: string[]): Message[] =>
    ids.map((id) => heartbeat(id, number));

  it("asks everybody until somebody has answered", () => {
    const { send, sent } = scene();
    send(...round(1, "b", "c"));
    deepEqual(sent, ["b round 1", "c round 1"]);
  });

  it("asks a quorum that has answered last, and the others when that has not helped", () => {
    const { sender, send, sent, elapse } = scene();
    sender.received(answer("b"));
    sender.received(answer("c"));
    send(...round(2, "b", "c"));
    send(...round(3, "b", "c"));
    deepEqual(sent, ["c round 2", "c round 3"]);
    elapse();
    deepEqual(sent.slice(2), ["b round 3"]);
    sender.received(answer("b"));
    send(...round(4, "b", "c"));
    deepEqual(sent.slice(3), ["b round 4"]);
  });

  it("asks as many as a quorum takes", () => {
    const { sender, send, sent } = scene(["a", "b", "c", "d", "e"]);
    for (const id of ["b", "c", "d"]) sender.received(answer(id));
    send(...round(2, "b", "c", "d", "e"));
    deepEqual(sent.sort(), ["c round 2", "d round 2"]);
  });

  it("spares nobody when those who have answered are no quorum", () => {
    const { sender, send, sent } = scene(["a", "b", "c", "d", "e"]);
    sender.received(answer("b"));
    send(...round(2, "b", "c", "d", "e"));
    deepEqual(sent.length, 4);
  });

  it("leaves the sign of life of each tick to everybody", () => {
    const { sender, send, sent } = scene();
    sender.received(answer("b"));
    sender.tick();
    send(...round(2, "b", "c"));
    deepEqual(sent, ["b round 2", "c round 2"]);
    send(...round(3, "b", "c"));
    deepEqual(sent.slice(2), ["b round 3"]);
  });
});
