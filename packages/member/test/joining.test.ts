import { deepEqual, rejects, throws } from "node:assert/strict";
import { describe, it } from "node:test";
import { WireError } from "@flotilla/base";
import { urlsMax } from "@flotilla/consensus";
import type { CallOutcome } from "@flotilla/peer";
import {
  answerJoin,
  decodeJoinAnswer,
  decodeJoinQuestion,
  encodeJoinAnswer,
  encodeJoinQuestion,
  type JoinAnswer,
} from "../src/join-call.ts";
import { checkNotBootstrapped, joinCluster } from "../src/join-cluster.ts";
import { joinLagMs, joinMs } from "../src/limits.ts";

const known: JoinAnswer = {
  kind: "member",
  clusterId: 0xffff_ffff_ffff_ffffn,
  epoch: 3,
  id: 7n,
  index: 12,
  hasStarted: true,
};
const unknown: JoinAnswer = { kind: "unknown", epoch: 3, index: 12 };

describe("a question of a member that joins", () => {
  it("comes across, and so does its answer", () => {
    const urls = ["http://a:1", "http://b:2"];
    deepEqual(decodeJoinQuestion(encodeJoinQuestion(urls)), urls);
    deepEqual(decodeJoinAnswer(encodeJoinAnswer(known)), known);
    deepEqual(decodeJoinAnswer(encodeJoinAnswer(unknown)), unknown);
  });

  it("is refused when it is none, or too long", () => {
    throws(() => decodeJoinAnswer(new Uint8Array(0)), WireError);
    throws(() => decodeJoinAnswer(encodeJoinAnswer({ ...known, id: 0n } as JoinAnswer)), WireError);
    const many = Array.from({ length: urlsMax + 1 }, (_, at) => `http://a:${at}`);
    throws(() => decodeJoinQuestion(encodeJoinQuestion(many)), WireError);
  });

  const configuration = {
    voters: [{ id: "7", votes: 1 }],
    learners: [],
    outgoing: [],
    epoch: 3,
    servers: [
      { id: "6", incarnation: 5, urls: ["http://c:1"] },
      { id: "7", incarnation: 0, urls: ["http://b:1", "http://a:1"] },
    ],
  };
  // biome-ignore format: a table
  const cases = [
    ["exactly its URLs, in any order", ["http://a:1", "http://b:1"], "member"],
    ["some of its URLs",               ["http://a:1"],               "unknown"],
    ["others",                         ["http://d:1"],               "unknown"],
    ["none",                           [],                           "unknown"],
  ] as const;
  for (const [what, urls, want] of cases) {
    it(`with ${what} is answered: ${want}`, () => {
      const hasStarted = (id: bigint) => id === 7n;
      const about = { clusterId: known.clusterId, configuration, index: 12, hasStarted };
      const answer = answerJoin(urls, about);
      deepEqual(answer, want === "member" ? known : unknown);
    });
  }
});

describe("joinCluster()", () => {
  const self = { name: "m4", peerUrls: ["http://m4:1"] };
  const failed: CallOutcome = { kind: "failed", reason: "connection refused" };
  const answered = (answer: JoinAnswer): CallOutcome => ({
    kind: "answered",
    response: encodeJoinAnswer(answer),
  });

  /** Ports over virtual time; `ask` gives the answers. */
  const portsOf = (ask: (url: string, nowMs: number) => CallOutcome) => {
    let now = 0;
    return {
      nowMs: () => now,
      sleep: (ms: number) => {
        now += ms;
        return Promise.resolve();
      },
      ask: (url: string) => Promise.resolve(ask(url, now)),
    };
  };

  it("asks again until somebody knows it: they may be starting, and may lag behind", async () => {
    const ports = portsOf((url, nowMs) => {
      if (url === "http://m1:1" || nowMs < joinMs / 2) return failed;
      return answered(nowMs < joinMs / 2 + joinLagMs / 2 ? unknown : known);
    });
    deepEqual(await joinCluster(self, ["http://m1:1", "http://m2:1"], ports), known);
  });

  it("believes whoever lags least: another one may know it by an id that was removed", async () => {
    const older: JoinAnswer = { ...known, id: 6n, index: 11 };
    const before: JoinAnswer = { ...known, id: 5n, epoch: 2, index: 99 };
    for (const urls of [
      ["m1", "m2", "m3"],
      ["m3", "m2", "m1"],
    ]) {
      const answers = new Map([
        ["m1", older],
        ["m2", known],
        ["m3", before],
      ]);
      const ports = portsOf((url) => answered(answers.get(url) ?? unknown));
      deepEqual(await joinCluster(self, urls, ports), known);
    }
    const ports = portsOf((url) => answered(url === "m1" ? older : unknown));
    await rejects(joinCluster(self, ["m1", "m2"], ports), { code: "notAMember" });
  });

  it("says to add it first when it is not known", async () => {
    const ports = portsOf((url) => (url === "http://m1:1" ? failed : answered(unknown)));
    await rejects(joinCluster(self, ["http://m1:1", "http://m2:1"], ports), {
      code: "notAMember",
      message: /flotilla member add m4 --peer-urls=http:\/\/m4:1/,
    });
  });

  it("says who did not answer, and takes garbage for no answer", async () => {
    const garbage: CallOutcome = { kind: "answered", response: Uint8Array.of(255) };
    const ports = portsOf((url) => (url === "http://m1:1" ? failed : garbage));
    await rejects(joinCluster(self, ["http://m1:1", "http://m2:1"], ports), {
      code: "cannotJoin",
      message: /m1:1: connection refused; http:\/\/m2:1: /,
    });
  });

  it("does not wait for others where there are none", async () => {
    await rejects(
      joinCluster(
        self,
        [],
        portsOf(() => failed),
      ),
      {
        code: "cannotJoin",
        message: /names no other member/,
      },
    );
  });
});

describe("checkNotBootstrapped()", () => {
  const self = { id: 7n, name: "m7", peerUrls: ["http://b:1"] };
  const fresh: JoinAnswer = { ...known, hasStarted: false };
  // biome-ignore format: a table
  const cases: readonly (readonly [string, readonly (JoinAnswer | undefined)[], boolean])[] = [
    ["nobody answers",                                   [undefined, undefined],                 true],
    ["it is known, and has not started",                 [fresh, fresh],                         true],
    ["it has started, as one that is up to date knows",  [fresh, { ...known, index: 13 }],       false],
    ["it has started, as the only one who answers says", [undefined, known],                     false],
    ["nobody knows it",                                  [unknown],                              true],
    ["another member has its URLs now",                  [{ ...known, id: 8n }],                 true],
  ];
  for (const [what, answers, may] of cases) {
    it(`${may ? "lets a founder begin" : "refuses a founder"} where ${what}`, async () => {
      const urls = answers.map((_, at) => `http://other-${at}:1`);
      const ports = {
        nowMs: () => 0,
        sleep: () => Promise.reject(new Error("one look is enough")),
        ask: async (url: string): Promise<CallOutcome> => {
          const answer = answers[urls.indexOf(url)];
          if (answer === undefined) return { kind: "failed", reason: "connection refused" };
          return { kind: "answered", response: encodeJoinAnswer(answer) };
        },
      };
      const checked = checkNotBootstrapped(self, urls, ports);
      if (may) await checked;
      else
        await rejects(checked, {
          code: "bootstrapped",
          message: /^member 7 has already been bootstrapped/,
        });
    });
  }
});
