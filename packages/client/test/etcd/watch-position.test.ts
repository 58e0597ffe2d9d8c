import { deepEqual, equal } from "node:assert/strict";
import { describe, it } from "node:test";
import { Prng, textOf, utf8 } from "@flotilla/base";
import type { KeyValue, WatchEvent } from "@flotilla/store";
import type { WatchResponse } from "../../src/etcd/codec/watch.ts";
import { WatchPosition, type WatchStep } from "../../src/etcd/watch-position.ts";

function event(revision: number, key = "k"): WatchEvent {
  const kv: KeyValue = {
    key: utf8(key),
    value: utf8(""),
    createRevision: revision,
    modRevision: revision,
    version: 1,
    lease: 0n,
  };
  return { kind: "put", kv, previous: undefined };
}

function response(said: Partial<WatchResponse>): WatchResponse {
  return {
    revision: 0,
    isCreated: false,
    isCanceled: false,
    compactRevision: 0,
    cancelReason: "",
    isFragment: false,
    events: [],
    ...said,
  };
}

const created = (revision: number): WatchResponse => response({ isCreated: true, revision });

describe("WatchPosition", () => {
  it("begins after the revision at which a member began, and stays there for the next one", () => {
    const position = new WatchPosition(0);
    position.take(created(7));
    equal(position.next, 8);
    position.take(created(20));
    equal(position.next, 8, "a member that takes over does not move it");
  });

  it("keeps a start that was asked for", () => {
    const position = new WatchPosition(3);
    position.take(created(7));
    equal(position.next, 3);
  });

  it("goes by the events, not by the header, which is ahead while a watch catches up", () => {
    const position = new WatchPosition(3);
    position.take(response({ revision: 100, events: [event(3), event(4)] }));
    equal(position.next, 5);
  });

  it("moves with a notice of progress, never back", () => {
    const position = new WatchPosition(3);
    equal(position.take(response({ revision: 9 })).kind, "progress");
    equal(position.next, 10);
    equal(position.take(response({ revision: 5 })).kind, "nothing");
    equal(position.next, 10);
  });

  it("believes no notice of progress any more that was ahead of events", () => {
    const late = new WatchPosition(3);
    equal(late.take(response({ revision: 5 })).kind, "progress");
    late.take(response({ events: [event(5), event(7)] }));
    equal(late.take(response({ revision: 9 })).kind, "nothing");
    const position = new WatchPosition(3);
    equal(position.take(response({ revision: 9 })).kind, "progress");
    const step = position.take(response({ events: [event(5), event(6)] }));
    equal(step.kind === "events" && step.events.length, 2);
    equal(position.next, 7);
    equal(position.take(response({ revision: 9 })).kind, "nothing");
    equal(position.next, 7);
    equal(position.take(response({ events: [event(6)] })).kind, "nothing", "told already");
  });

  it("tells a revision in fragments as one, and drops a part whose rest never came", () => {
    const position = new WatchPosition(3);
    equal(position.take(response({ isFragment: true, events: [event(3, "a")] })).kind, "nothing");
    position.interrupted();
    equal(position.next, 3);
    position.take(response({ isFragment: true, events: [event(3, "a")] }));
    const step = position.take(response({ events: [event(3, "b")] }));
    equal(step.kind === "events" && step.events.map((one) => textOf(one.kv.key)).join(), "a,b");
  });

  it("does not hold back whole revisions that come in fragments with others", () => {
    const position = new WatchPosition(3);
    const step = position.take(response({ isFragment: true, events: [event(3), event(4, "a")] }));
    deepEqual(step.kind === "events" && [step.revision, step.events.length], [3, 1]);
    const rest = position.take(response({ events: [event(4, "b"), event(5)] }));
    equal(rest.kind === "events" && rest.events.length, 3);
    equal(position.next, 6);
  });

  it("takes any number of events in one response", () => {
    const events = Array.from({ length: 300_000 }, () => event(3));
    const step = new WatchPosition(3).take(response({ events }));
    equal(step.kind === "events" && step.events.length, events.length);
  });

  it("ends with the revision that can still be had when history is gone", () => {
    const step = new WatchPosition(3).take(response({ isCanceled: true, compactRevision: 40 }));
    equal(step.kind === "over" && step.error.code, "compacted");
    equal(step.kind === "over" && step.error.compactRevision, 40);
  });

  it("ends when it is not allowed, in Go's words, too", () => {
    const cancelReason = "rpc error: code = PermissionDenied desc = etcdserver: permission denied";
    const step = new WatchPosition(3).take(response({ isCanceled: true, cancelReason }));
    equal(step.kind === "over" && step.error.code, "permissionDenied");
  });

  it("goes on elsewhere when a member cancels for reasons of its own", () => {
    for (const cancelReason of ["", "etcdserver: no leader"]) {
      const step = new WatchPosition(3).take(response({ isCanceled: true, cancelReason }));
      equal(step.kind, "again");
    }
  });

  it("tells a history once and whole, however streams break off (300 seeds)", () => {
    for (let seed = 0; seed < 300; seed++) deepEqual(...toldAndHistory(seed), `seed=${seed}`);
  });
});

/** A member's side of the protocol over a random history, with breaks at random places. */
function toldAndHistory(seed: number): [string[], string[]] {
  const prng = new Prng(seed);
  const history: WatchEvent[][] = [];
  for (let revision = 5; revision < 40; revision++) {
    const count = 1 + prng.below(4);
    history.push(Array.from({ length: count }, (_, at) => event(revision, `k${at}`)));
  }
  const told: string[] = [];
  const note = (step: WatchStep): void => {
    if (step.kind === "events") for (const { kv } of step.events) told.push(nameOf(kv));
  };
  const position = new WatchPosition(0);
  note(position.take(created(4)));
  while (position.next < 40) {
    position.interrupted();
    note(position.take(created(4 + prng.below(36))));
    for (const response of answersFrom(history, position.next, prng)) {
      if (prng.below(6) === 0) break; // The stream ends here.
      note(position.take(response));
    }
  }
  return [told, history.flat().map(({ kv }) => nameOf(kv))];
}

function nameOf(kv: KeyValue): string {
  return `${textOf(kv.key)}@${kv.modRevision}`;
}

/** Whole revisions, several at once or one in fragments, and notices of progress in between. */
function answersFrom(history: WatchEvent[][], from: number, prng: Prng): WatchResponse[] {
  const rest = history.slice(from - 5);
  const answers: WatchResponse[] = [];
  while (rest.length > 0) {
    const batch = rest.splice(0, 1 + prng.below(3));
    const events = batch.flat();
    const revision = 39;
    const cut = 1 + prng.below(events.length);
    if (cut < events.length && prng.below(2) === 0) {
      answers.push(response({ revision, isFragment: true, events: events.slice(0, cut) }));
      answers.push(response({ revision, events: events.slice(cut) }));
    } else answers.push(response({ revision, events }));
    const last = events.at(-1)?.kv.modRevision ?? 0;
    if (prng.below(4) === 0) answers.push(response({ revision: last }));
  }
  return answers;
}
