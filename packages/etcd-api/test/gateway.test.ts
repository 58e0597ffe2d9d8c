import { deepEqual, equal } from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, describe, it } from "node:test";
import { startSolo, stopAll } from "./fixtures.ts";
import { ask, type GatewayAnswer, gatewayCases, nameOf } from "./gateway-cases.ts";

after(stopAll);

const recordedText = readFileSync(
  new URL("../../test/testdata/gateway.json", import.meta.url),
  "utf8",
);
const recorded: readonly GatewayAnswer[] = JSON.parse(recordedText);

describe("the JSON gateway", () => {
  it("answers as etcd 3.7.1 does", async () => {
    equal(recorded.length, gatewayCases.length, "the recording is of other cases: make it anew");
    const { endpoint } = await startSolo();
    for (const [at, asked] of gatewayCases.entries()) {
      deepEqual(await ask(`http://${endpoint}`, asked), recorded[at], nameOf(asked));
    }
  });
});
