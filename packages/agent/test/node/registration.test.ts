import { deepEqual, equal } from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { Prng, silentLogger } from "@flotilla/base";
import { conditionOf, type Node, nodes } from "@flotilla/objects";
import { Registration } from "../../src/node/registration.ts";
import { FakeApi, ManualTime, settle, until } from "../fixtures.ts";

const facts = {
  name: "n1",
  address: "10.0.0.7",
  labels: { zone: "a" },
  operatingSystem: "linux",
  architecture: "amd64",
  cpuCount: 4,
  memoryBytes: 8 * 1024 ** 3,
  info: { osImage: "An OS" },
};

function registering(t: TestContext, api = new FakeApi()) {
  const time = new ManualTime();
  const end = new AbortController();
  const registration = new Registration({
    client: api,
    facts,
    clock: time,
    timers: time,
    random: new Prng(1),
    logger: silentLogger,
    wallNowMs: () => time.nowMs(),
    signal: end.signal,
  });
  registration.start();
  t.after(() => {
    end.abort();
    registration.stop();
  });
  const node = () => api.find(nodes, "n1");
  const isReady = (found = node()) =>
    found !== undefined && conditionOf(found, "Ready")?.status === "True";
  return { api, time, registration, node, isReady };
}

describe("Registration", () => {
  it("registers the node with labels, resources, addresses and conditions", async (t) => {
    const { node, isReady } = registering(t);
    await until("the node to be ready", () => isReady());
    const { metadata, status } = node()!;
    deepEqual(metadata.labels, {
      "kubernetes.io/hostname": "n1",
      "kubernetes.io/os": "linux",
      "kubernetes.io/arch": "amd64",
      zone: "a",
    });
    deepEqual(status?.allocatable, { cpu: "4", memory: "8388608Ki", pods: "110" });
    deepEqual(status?.addresses?.[0], { type: "InternalIP", address: "10.0.0.7" });
    equal(status?.nodeInfo?.["kubeletVersion"], "v1.36.3+flotilla");
    deepEqual(
      status?.conditions?.map(({ type, status: value }) => `${type}=${value}`),
      ["MemoryPressure=False", "DiskPressure=False", "PIDPressure=False", "Ready=True"],
    );
  });

  it("writes nothing while nothing changes, and reports now and then anyway", async (t) => {
    const { api, time, isReady } = registering(t);
    await until("the node to be ready", () => isReady());
    await settle();
    const { length } = api.writes;
    await time.advance(299_000);
    equal(api.writes.length, length);
    await time.advance(2_000);
    deepEqual(api.writes.slice(length), ["updateStatus nodes n1"]);
  });

  it("contradicts a control plane that took it for dead, and keeps what others set", async (t) => {
    const { api, node, isReady } = registering(t);
    await until("the node to be ready", () => isReady());
    const taints = [{ key: "k", effect: "NoSchedule" as const }];
    const before = node()!;
    const conditions = before.status!.conditions!.map((condition) => ({
      ...condition,
      status: "Unknown" as const,
    }));
    const foreign = { type: "Foreign", status: "True" as const };
    const dead: Node = {
      ...before,
      metadata: { ...before.metadata, labels: { ...before.metadata.labels, theirs: "x" } },
      spec: { taints },
      status: { ...before.status, conditions: [...conditions, foreign] },
    };
    api.put(nodes, dead);
    await until("the node to be ready again", () => isReady());
    deepEqual(node()?.spec?.taints, taints);
    equal(node()?.metadata.labels?.["theirs"], "x");
    deepEqual(conditionOf(node()!, "Foreign"), foreign);
  });

  it("registers again when somebody has deleted the node", async (t) => {
    const { api, time, isReady } = registering(t);
    await until("the node to be ready", () => isReady());
    api.drop(nodes, "n1");
    await until("the node to be back", async () => {
      await time.advance(10_000);
      return isReady();
    });
  });

  it("adds missing labels to a node that exists", async (t) => {
    const api = new FakeApi();
    api.put(nodes, {
      apiVersion: "v1",
      kind: "Node",
      metadata: { name: "n1", labels: { a: "b" } },
    });
    const { node, isReady } = registering(t, api);
    await until("the node to be ready", () => isReady());
    deepEqual([node()?.metadata.labels?.["a"], node()?.metadata.labels?.["zone"]], ["b", "a"]);
  });
});
