import { equal } from "node:assert/strict";
import { describe, it } from "node:test";
import type { MemberAttributes } from "@flotilla/store";
import { Advertiser } from "../src/advertiser.ts";
import type { ProposeOutcome } from "../src/contract.ts";
import { until } from "./fixtures.ts";

const attributesOf = (name: string): MemberAttributes => ({
  memberId: 1n,
  name,
  clientUrls: [],
  apiUrl: "",
});

describe("Advertiser", () => {
  /** An advertiser whose attempts end as told, and a line for each thing it does. */
  function script(outcomes: ProposeOutcome["kind"][], leaderAnswers: boolean[] = []) {
    const log: string[] = [];
    let known: MemberAttributes | undefined;
    const advertiser = new Advertiser({
      known: () => known,
      propose: async (attributes) => {
        const kind = outcomes.shift() ?? "applied";
        log.push(`${attributes.name}: ${kind}`);
        if (kind !== "applied") return { kind };
        known = attributes;
        return { kind, result: { kind: "memberAttributes", revision: 1 } };
      },
      askLeader: async (attributes) => {
        log.push(`${attributes.name}: ask`);
        return leaderAnswers.shift() ?? true;
      },
      sleep: async () => void log.push("sleep"),
    });
    return { advertiser, log };
  }

  it("tries until it is written down, and not again what is known", async () => {
    const { advertiser, log } = script(["noLeader", "timeout"]);
    advertiser.advertise(attributesOf("m"));
    await until(() => log.at(-1) === "m: applied", "told");
    advertiser.advertise(attributesOf("m"));
    advertiser.advertise(attributesOf("n"));
    await until(() => log.at(-1) === "n: applied", "told anew");
    equal(log.join(", "), "m: noLeader, sleep, m: timeout, sleep, m: applied, n: applied");
  });

  it("asks the leader when this member keeps no store", async () => {
    const { advertiser, log } = script(["noData", "noData"], [false, true]);
    advertiser.advertise(attributesOf("w"));
    await until(() => log.length === 5, "told");
    equal(log.join(", "), "w: noData, w: ask, sleep, w: noData, w: ask");
  });

  it("ends with its member", async () => {
    const { advertiser, log } = script(["stopped"]);
    advertiser.advertise(attributesOf("m"));
    advertiser.stop();
    await until(() => log.includes("sleep"), "the last attempt");
    await new Promise((resolve) => setImmediate(resolve));
    equal(log.join(", "), "m: stopped, sleep");
  });
});
