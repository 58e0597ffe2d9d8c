import { deepEqual } from "node:assert/strict";
import { describe, it } from "node:test";
import type { Entry, Message } from "@flotilla/consensus";
import { CommitNews } from "../src/commit-news.ts";

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
const heartbeat = (to: string): Message => ({
  kind: "heartbeat",
  from: "a",
  to,
  term: 1,
  commit: 5,
  readRound: 0,
});

function scene() {
  const sent: string[] = [];
  const timers = new Set<() => void>();
  const news = new CommitNews({
    after(_delayMs, callback) {
      timers.add(callback);
      return () => timers.delete(callback);
    },
    send(message) {
      const { kind, to } = message;
      sent.push(kind === "appendRequest" ? `${to} ${message.commit}` : `${to} ${kind}`);
    },
  });
  const elapse = (): void => {
    for (const run of [...timers]) {
      timers.delete(run);
      run();
    }
  };
  return { news, sent, timers, elapse };
}

describe("CommitNews", () => {
  it("tells what is committed with the next entries, and only once", () => {
    const { news, sent, elapse } = scene();
    news.send(append("b", 5));
    news.send(append("b", 5, [entry]));
    elapse();
    deepEqual(sent, ["b 5"]);
  });

  it("tells the latest by itself when nothing comes", () => {
    const { news, sent, timers, elapse } = scene();
    news.send(append("b", 5));
    news.send(append("c", 5));
    news.send(append("b", 6));
    deepEqual([sent.length, timers.size], [0, 1]);
    elapse();
    deepEqual(sent.sort(), ["b 6", "c 5"]);
    news.send(append("b", 7));
    elapse();
    deepEqual(sent.at(-1), "b 7");
  });

  it("holds up nothing else", () => {
    const { news, sent } = scene();
    news.send(append("b", 5));
    news.send(heartbeat("b"));
    deepEqual(sent, ["b heartbeat"]);
  });

  it("tells at once who has lately handed something in", () => {
    const { news, sent } = scene();
    news.received({ kind: "forwardedProposals", from: "b", to: "a", term: 1, data: [] });
    news.received({ kind: "readRequest", from: "c", to: "a", term: 1, requestId: 1 });
    news.received({ kind: "appendAccepted", from: "d", to: "a", term: 1, matchIndex: 5 });
    for (const to of ["b", "c", "d"]) news.send(append(to, 5));
    deepEqual(sent, ["b 5", "c 5"]);
    news.tick();
    news.send(append("b", 6));
    news.tick();
    news.send(append("b", 7));
    deepEqual(sent, ["b 5", "c 5", "b 6"]);
  });

  it("sends nothing after the end", () => {
    const { news, sent, elapse } = scene();
    news.send(append("b", 5));
    news.stop();
    elapse();
    deepEqual(sent, []);
  });
});
