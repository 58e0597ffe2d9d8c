import { deepEqual } from "node:assert/strict";
import { describe, it } from "node:test";
import { memberInfos } from "../src/membership.ts";

describe("memberInfos()", () => {
  it("shows voters, learners, witnesses and preferences, sorted by id, and not who leaves", () => {
    const configuration = {
      voters: [
        { id: "ff", votes: 1 },
        { id: "a", votes: 3 },
      ],
      learners: ["b"],
      outgoing: [{ id: "c", votes: 1 }],
      witnesses: ["ff"],
      preferred: ["b", "a"],
      servers: [{ id: "a", incarnation: 1, urls: ["http://a:1"] }],
    };
    const attributes = [
      { memberId: 10n, name: "m1", clientUrls: ["http://c"], apiUrl: "https://k" },
      { memberId: 12n, name: "gone", clientUrls: [], apiUrl: "" },
    ];
    const unstarted = { name: "", peerUrls: [], clientUrls: [], apiUrl: "" };
    deepEqual(memberInfos(configuration, attributes), [
      {
        id: 10n,
        name: "m1",
        peerUrls: ["http://a:1"],
        clientUrls: ["http://c"],
        apiUrl: "https://k",
        isLearner: false,
        votes: 3,
        isWitness: false,
        preferredRank: 2,
      },
      { id: 11n, ...unstarted, isLearner: true, votes: 0, isWitness: false, preferredRank: 1 },
      { id: 255n, ...unstarted, isLearner: false, votes: 1, isWitness: true, preferredRank: 0 },
    ]);
  });

  it("shows founders of before there were records at the URLs that they were founded with", () => {
    const voters = [{ id: "a", votes: 1 }];
    const founders = [{ id: 10n, name: "m1", peerUrls: ["http://a:1"] }];
    const [info] = memberInfos({ voters, learners: [], outgoing: [] }, [], founders);
    deepEqual(info?.peerUrls, ["http://a:1"]);
  });

  it("leaves out what is no member's id: the log may hold anything", () => {
    const configuration = { voters: [{ id: "../x", votes: 1 }], learners: ["0x1"], outgoing: [] };
    deepEqual(memberInfos(configuration, []), []);
  });
});
