// What other clients of the store wrote below /registry must not break those who read objects.
import { deepEqual, equal } from "node:assert/strict";
import { describe, it } from "node:test";
import { utf8 } from "@flotilla/base";
import { putRequest } from "@flotilla/store";
import { core, newWorld } from "./fixtures.ts";

const write = async (key: string, value: string) => {
  const world = await newWorld();
  world.member.apply({ kind: "put", request: putRequest(utf8(key), utf8(value)) });
  return world;
};

describe("objects that were written past the API", () => {
  it("have their required parts, so that a pod without a spec stops nobody", async () => {
    const metadata = { name: "bare", namespace: "default" };
    const bare = JSON.stringify({ apiVersion: "v1", kind: "Pod", metadata });
    const world = await write("/registry/pods/default/bare", bare);
    const { status, body } = await world.ask("GET", `${core}/pods`);
    equal(status, 200);
    deepEqual(body.items[0].spec.containers, []);
    equal((await world.ask("GET", `${core}/pods/bare`)).status, 200);
    const headers = { accept: "application/json;as=Table;v=v1;g=meta.k8s.io" };
    equal((await world.ask("GET", `${core}/pods`, { headers })).status, 200);
  });

  const unreadable = [
    ["no JSON", "{"],
    ["no object", "7"],
    ["null", "null"],
    ["another kind", '{"apiVersion":"v1","kind":"Pood","metadata":{"name":"x"}}'],
    ["no name", '{"apiVersion":"v1","kind":"Pod","metadata":{}}'],
    ["a wrong type", '{"apiVersion":"v1","kind":"Pod","metadata":{"name":"x"},"spec":7}'],
  ] as const;
  for (const [what, value] of unreadable) {
    it(`are left out when they are none: ${what}`, async () => {
      const world = await write("/registry/pods/default/x", value);
      const { status, body } = await world.ask("GET", `${core}/pods`);
      equal(status, 200);
      deepEqual(body.items, []);
    });
  }
});
