import { equal } from "node:assert/strict";
import { describe, it } from "node:test";
import type { Configuration } from "@flotilla/consensus";
import { peerAddresses } from "../src/peer-addresses.ts";

/** Servers as `id@url`; those whose id starts with "1" are learners. */
function configurationOf(...servers: string[]): Configuration {
  const records = servers.map((server) => {
    const [id = "", ...urls] = server.split("@");
    return { id, incarnation: 0, urls };
  });
  return {
    voters: records.filter(({ id }) => !id.startsWith("1")).map(({ id }) => ({ id, votes: 1 })),
    learners: records.filter(({ id }) => id.startsWith("1")).map(({ id }) => id),
    outgoing: [],
    servers: records.filter(({ urls }) => urls.length > 0),
  };
}

function show(configuration: Configuration): string {
  const founders = [{ id: 0xcn, name: "m3", peerUrls: ["http://founded:3"] }];
  const peers = peerAddresses(configuration, founders, "a");
  const shown = [...peers].map(([id, all]) => {
    return [id, ...all.map(({ host, port }) => `${host}:${port}`)].join("@");
  });
  return shown.join(" ");
}

describe("peerAddresses()", () => {
  // biome-ignore format: a table
  const cases = [
    ["voters and learners, and not itself", configurationOf("a@http://x:1", "b@http://x:2", "1@http://x:3"), "b@x:2 1@x:3"],
    ["all URLs that are such",              configurationOf("b@nonsense@http://x:2@http://y:2"),           "b@x:2@y:2"],
    ["nobody without a URL that is one",    configurationOf("b@nonsense", "d"),                            ""],
    ["a founder without a record",          configurationOf("c"),                                          "c@founded:3"],
    ["a founder that has moved",            configurationOf("c@http://x:4"),                               "c@x:4"],
    ["nobody for a member that is blank",   configurationOf(),                                             ""],
  ] as const;
  for (const [what, configuration, want] of cases) {
    it(`gives ${what}`, () => equal(show(configuration), want));
  }

  it("keeps a voter that a joint configuration is about to drop", () => {
    const joint = { ...configurationOf("b@http://x:2"), outgoing: [{ id: "c", votes: 1 }] };
    equal(show(joint), "b@x:2 c@founded:3");
  });
});
