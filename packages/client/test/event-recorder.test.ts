import { deepEqual, equal, ok } from "node:assert/strict";
import { describe, it } from "node:test";
import type { Event } from "@flotilla/objects";
import { type EventRecorder, recordEvent } from "../src/event-recorder.ts";
import type { Refusal } from "../src/object-client.ts";

type Client = EventRecorder["client"];
const about = {
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { namespace: "default", name: "web", uid: "u" },
};
const record = { about, type: "Normal", reason: "Scaled", message: "m" } as const;

/** A store of Events, and what tells one at second 0, 1, 2 ... */
function setUp(refused: Partial<Record<"create" | "patch", Refusal["kind"]>> = {}) {
  const stored = new Map<string, Event>();
  const refusal = (kind: Refusal["kind"]) => ({ kind, message: "" });
  const client = {
    create: async (_resource: unknown, event: Event) => {
      if (refused.create !== undefined) return refusal(refused.create);
      const { name } = event.metadata;
      if (stored.has(name)) return refusal("alreadyExists");
      stored.set(name, event);
      return { kind: "ok", object: event };
    },
    get: async (_resource: unknown, { name }: { readonly name: string }) => stored.get(name),
    patch: async (_resource: unknown, { name }: { readonly name: string }, patch: object) => {
      if (refused.patch !== undefined) return refusal(refused.patch);
      stored.set(name, { ...(stored.get(name) as Event), ...patch });
      return { kind: "ok", object: stored.get(name) };
    },
  } as unknown as Client;
  let seconds = 0;
  const recorder = { component: "a-controller", client, wallNowMs: () => seconds++ * 1000 };
  return { recorder, client, stored };
}

describe("recordEvent()", () => {
  it("counts a repetition on the same object, and keeps others apart", async () => {
    const { recorder, stored } = setUp();
    for (let count = 0; count < 3; count++) await recordEvent(recorder, record);
    await recordEvent(recorder, { ...record, message: "other" });
    const told = [...stored.values()].map(
      ({ message, count, firstTimestamp, lastTimestamp }) =>
        `${message} ${count} ${firstTimestamp} ${lastTimestamp}`,
    );
    deepEqual(told, [
      "m 3 1970-01-01T00:00:00Z 1970-01-01T00:00:02Z",
      "other 1 1970-01-01T00:00:03Z 1970-01-01T00:00:03Z",
    ]);
    const [name = ""] = stored.keys();
    ok(name.startsWith("web."), name);
    equal(stored.get(name)?.source?.component, "a-controller");
  });

  it("is silent about everything but the end of the term", async () => {
    const { recorder, client } = setUp();
    client.create = () => Promise.reject(new Error("broken"));
    equal((await recordEvent(recorder, record)).kind, "ok");
    equal((await recordEvent(setUp({ create: "invalid" }).recorder, record)).kind, "ok");
    equal((await recordEvent(setUp({ create: "fenced" }).recorder, record)).kind, "fenced");
    for (const [patch, outcome] of [
      ["notFound", "ok"],
      ["fenced", "fenced"],
    ] as const) {
      const again = setUp({ patch });
      await recordEvent(again.recorder, record);
      equal((await recordEvent(again.recorder, record)).kind, outcome);
    }
  });
});
