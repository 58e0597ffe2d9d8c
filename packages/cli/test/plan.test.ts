import { deepEqual, equal, notEqual } from "node:assert/strict";
import { createServer } from "node:net";
import { describe, it } from "node:test";
import { newPlan, portOf, renewedPlan } from "../src/cluster/plan.ts";
import { PortFinder } from "../src/cluster/ports.ts";

const options = { dataDir: "/data", members: 3, nodes: 2, cwd: "/work" };

describe("newPlan()", () => {
  it("gives every process a name, a folder and ports of its own", async () => {
    const plan = await newPlan(options);
    deepEqual(
      plan.members.map(({ name, dataDir }) => [name, dataDir]),
      [
        ["m1", "/data/m1"],
        ["m2", "/data/m2"],
        ["m3", "/data/m3"],
      ],
    );
    deepEqual(
      plan.nodes.map(({ name, dataDir, cwd }) => [name, dataDir, cwd]),
      [
        ["n1", "/data/n1", "/work"],
        ["n2", "/data/n2", "/work"],
      ],
    );
    const urls = plan.members.flatMap((m) => [m.clientUrl, m.peerUrl, m.apiUrl]);
    equal(new Set([plan.apiUrl, ...urls].map(portOf)).size, 10);
  });
});

describe("PortFinder", () => {
  it("steps over a port that is taken, and over those it gave before", async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
    const { port } = taken.address() as { port: number };
    const finder = new PortFinder("127.0.0.1");
    const [first, second] = [await finder.next(port), await finder.next(port)];
    notEqual(first, port);
    notEqual(second, port);
    notEqual(first, second);
    taken.close();
  });
});

describe("renewedPlan()", () => {
  it("keeps peer addresses, and refuses when another process holds one", async () => {
    const plan = await newPlan(options);
    const again = await renewedPlan(structuredClone(plan));
    deepEqual(
      again.members.map((m) => m.peerUrl),
      plan.members.map((m) => m.peerUrl),
    );
    const thief = createServer();
    const port = portOf(plan.members[1]?.peerUrl ?? "");
    await new Promise<void>((resolve) => thief.listen(port, "127.0.0.1", resolve));
    await renewedPlan(structuredClone(plan)).then(
      () => equal("started", "refused"),
      (error: Error) =>
        equal(
          error.message,
          `Cannot start member m2: its peer address http://127.0.0.1:${port} is taken by another process`,
        ),
    );
    thief.close();
  });
});
