import { deepEqual, equal, ok } from "node:assert/strict";
import { describe, it } from "node:test";
import { Prng } from "@flotilla/base";
import { type ConfigMap, configMaps, type KubeObject, type Resource } from "@flotilla/objects";
import { ClientError } from "../src/errors.ts";
import { type FollowOptions, follow } from "../src/follow.ts";
import type { ObjectClient, ObjectEvent } from "../src/object-client.ts";
import { configMap } from "./fixtures.ts";

type Step =
  | { readonly list: readonly ConfigMap[]; readonly at: string }
  | { readonly watch: readonly ObjectEvent<ConfigMap>[]; readonly ending?: "end" | "fail" | "hang" }
  | { readonly fail: true };

/** Plays its steps in order; what is asked for out of order fails the test. */
function scripted(steps: readonly Step[]): { client: ObjectClient; asked: string[] } {
  const asked: string[] = [];
  let at = 0;
  const next = (what: string): Step => {
    asked.push(what);
    const step = steps[at++];
    if (step === undefined) throw new Error(`the script has no step for ${what}`);
    if ("fail" in step) throw new ClientError("unavailable", "scripted");
    return step;
  };
  const client = {
    async list() {
      const step = next("list");
      if (!("list" in step)) throw new Error("the script has no list here");
      return { items: step.list, resourceVersion: step.at };
    },
    async *watch(_resource: Resource, options: { resourceVersion: string; signal: AbortSignal }) {
      const step = next(`watch ${options.resourceVersion}`);
      if (!("watch" in step)) throw new Error("the script has no watch here");
      yield* step.watch;
      if (step.ending === "fail") throw new ClientError("unavailable", "scripted");
      if (step.ending === "end") return;
      await new Promise<void>((resolve) => {
        options.signal.addEventListener("abort", () => resolve(), { once: true });
        if (options.signal.aborted) resolve();
      });
    },
  };
  return { client: client as unknown as ObjectClient, asked };
}

interface Story {
  readonly told: string[];
  readonly asked: readonly string[];
  readonly waits: number[];
  readonly names: string[];
}

/** Runs the script to its end and gives back what was told. */
async function run(steps: readonly Step[], events: number): Promise<Story> {
  const { client, asked } = scripted(steps);
  const told: string[] = [];
  const waits: number[] = [];
  const controller = new AbortController();
  const options: FollowOptions = {
    signal: controller.signal,
    random: new Prng(1),
    backoffMsMin: 100,
    backoffMsMax: 1_000,
    delay: async (delayMs) => {
      waits.push(delayMs);
    },
  };
  const tell = (what: string): void => {
    told.push(what);
    if (told.length === events) queueMicrotask(() => controller.abort());
  };
  const following = follow(client, configMaps, options, {
    onSynced: () => tell("synced"),
    onChange: (changes) => {
      for (const { kind, object, previous } of changes) {
        tell(`${kind} ${object.metadata.name}${previous === undefined ? "" : " again"}`);
      }
    },
  });
  await following.done;
  return { told, asked, waits, names: [...following.objects.keys()] };
}

const added = (object: KubeObject): ObjectEvent<ConfigMap> => ({
  kind: "added",
  object: object as ConfigMap,
});
const deleted = (object: KubeObject): ObjectEvent<ConfigMap> => ({
  kind: "deleted",
  object: object as ConfigMap,
});

describe("follow()", () => {
  it("lists, tells that it is synced, and watches from there", async () => {
    const story = await run(
      [
        { list: [configMap("a", "3")], at: "5" },
        { watch: [added(configMap("b", "6")), deleted(configMap("a", "7"))] },
      ],
      4,
    );
    deepEqual(story.told, ["added a", "synced", "added b", "deleted a again"]);
    deepEqual(story.asked, ["list", "watch 5"]);
    deepEqual(story.names, ["default/b"]);
  });

  it("watches again from the last event when the connection ends", async () => {
    const story = await run(
      [
        { list: [], at: "5" },
        { watch: [added(configMap("a", "6"))], ending: "end" },
        { watch: [added(configMap("b", "9"))], ending: "fail" },
        { watch: [added(configMap("c", "12"))] },
      ],
      4,
    );
    deepEqual(story.told, ["synced", "added a", "added b", "added c"]);
    deepEqual(story.asked, ["list", "watch 5", "watch 6", "watch 9"]);
  });

  it("lists anew when history is gone, and tells the differences once", async () => {
    const story = await run(
      [
        { list: [configMap("a", "1"), configMap("b", "2")], at: "5" },
        { watch: [{ kind: "expired" }], ending: "end" },
        { list: [configMap("b", "2"), configMap("c", "8")], at: "9" },
        { watch: [added(configMap("d", "10"))] },
      ],
      6,
    );
    deepEqual(story.told, [
      "added a",
      "added b",
      "synced",
      "added c",
      "deleted a again",
      "added d",
    ]);
    deepEqual(story.asked, ["list", "watch 5", "list", "watch 9"]);
  });

  it("does not tell an object that is as it was", async () => {
    const story = await run(
      [
        { list: [configMap("a", "1")], at: "5" },
        { watch: [added(configMap("a", "1")), { kind: "modified", object: configMap("a", "6") }] },
      ],
      3,
    );
    deepEqual(story.told, ["added a", "synced", "modified a again"]);
  });

  it("backs off further and further, and not at all after a success", async () => {
    const failures: Step[] = Array.from({ length: 6 }, () => ({ fail: true }));
    const story = await run(
      [...failures, { list: [], at: "1" }, { watch: [added(configMap("a", "2"))] }],
      2,
    );
    equal(story.waits.length, 6);
    for (const [index, wait] of story.waits.entries()) {
      const ceiling = Math.min(1_000, 100 * 2 ** (index + 1));
      ok(wait >= ceiling / 2 && wait <= ceiling + 1, `wait ${index} is ${wait} of ${ceiling}`);
    }
  });

  it("waits before it watches a server again that ends every watch at once", async () => {
    const story = await run(
      [
        { list: [], at: "1" },
        { watch: [], ending: "end" },
        { watch: [added(configMap("a", "2"))] },
      ],
      2,
    );
    equal(story.waits.length, 1);
  });
});
