import { equal, match } from "node:assert/strict";
import { describe, it } from "node:test";
import type { Isolation } from "@flotilla/consensus";
import { isolationNotice } from "../src/isolation-notice.ts";

describe("isolationNotice()", () => {
  const member = { name: "m3", id: "c7", dataDir: "/data/m3", peerUrls: ["http://m3:2380"] };
  // biome-ignore format: a table
  const cases: readonly (readonly [Isolation, string | undefined, RegExp])[] = [
    [{ kind: "removed", by: "a1" },        "removed",    /was removed .* empty "\/data\/m3"/],
    [{ kind: "superseded", by: "a1" },     "superseded", /recovered by force.*Keep a copy of "\/data\/m3"/],
    [{ kind: "lostDisk", by: "a1" },       "lostDisk",   /another disk.*flotilla member remove c7/],
    [{ kind: "lacksData", by: "a1" },      "lacksData",  /"\/data\/m3" is the data directory of a witness.*member remove c7.*member add m3/],
    [{ kind: "lostEntries", until: 9 },    undefined,    /entry 9 again/],
  ];
  for (const [isolation, code, text] of cases) {
    it(`says what happened and what to do: ${isolation.kind}`, () => {
      const notice = isolationNotice(isolation, member);
      equal(notice.code, code);
      match(notice.message, /Member "m3" \(c7\)|member "m3" \(c7\)/);
      match(notice.message, text);
    });
  }

  it("names the command that brings the member back", () => {
    const { message } = isolationNotice({ kind: "removed", by: "a1" }, member);
    match(message, /"flotilla member add m3 --peer-urls=http:\/\/m3:2380"/);
  });
});
