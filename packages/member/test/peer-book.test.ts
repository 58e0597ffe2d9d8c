import { equal } from "node:assert/strict";
import { describe, it } from "node:test";
import type { Configuration } from "@flotilla/consensus";
import { PeerBook, type Peers } from "../src/peer-book.ts";

/** Servers as `id@url`; those whose name starts with "l" are learners. */
function configurationOf(...servers: string[]): Configuration {
  const records = servers.map((server) => {
    const [id = "", ...urls] = server.split("@");
    return { id, incarnation: 0, urls };
  });
  return {
    voters: records.filter(({ id }) => !id.startsWith("l")).map(({ id }) => ({ id, votes: 1 })),
    learners: records.filter(({ id }) => id.startsWith("l")).map(({ id }) => id),
    outgoing: [],
    servers: records,
  };
}

function show(peers: Peers | undefined): string {
  if (peers === undefined) return "same";
  return [...peers].map(([id, { host, port }]) => `${id}@${host}:${port}`).join(" ");
}

describe("PeerBook", () => {
  const bookOf = () => new PeerBook({ self: "a", lingerMs: 100 });

  it("holds everybody in the configuration but itself, voters and learners", () => {
    const configuration = configurationOf("a@http://x:1", "b@http://x:2", "l@http://x:3");
    const book = bookOf();
    equal(show(book.update(configuration, 0)), "b@x:2 l@x:3");
    equal(show(book.update(configuration, 1)), "same");
    equal(show(book.update({ ...configuration }, 2)), "same", "another object that says the same");
  });

  it("follows an address that changes", () => {
    const book = bookOf();
    book.update(configurationOf("b@http://x:2"), 0);
    equal(show(book.update(configurationOf("b@http://y:3"), 1)), "b@y:3");
  });

  it("keeps one that has left for a while: it is still to be told", () => {
    const book = bookOf();
    book.update(configurationOf("b@http://x:2", "c@http://x:3"), 0);
    const after = configurationOf("b@http://x:2");
    equal(show(book.update(after, 10)), "same");
    equal(show(book.update(after, 109)), "same");
    equal(show(book.update(after, 110)), "b@x:2");
    equal(show(book.update(after, 500)), "same");
  });

  it("keeps one that was rolled back into the configuration", () => {
    const book = bookOf();
    const before = configurationOf("b@http://x:2", "c@http://x:3");
    book.update(before, 0);
    book.update(configurationOf("b@http://x:2"), 10);
    equal(show(book.update(before, 50)), "same");
    equal(show(book.update(before, 500)), "same");
  });

  it("keeps a voter that a joint configuration is about to drop", () => {
    const book = bookOf();
    const joint = { ...configurationOf("b@http://x:2"), outgoing: [{ id: "c", votes: 1 }] };
    book.update(configurationOf("b@http://x:2", "c@http://x:3"), 0);
    equal(show(book.update(joint, 500)), "same");
    equal(show(book.update(joint, 1000)), "same");
  });

  it("takes the first URL that is one, and leaves out who has none", () => {
    const configuration = configurationOf("b@nonsense@http://x:2", "c@nonsense", "d");
    equal(show(bookOf().update(configuration, 0)), "b@x:2");
  });
});
