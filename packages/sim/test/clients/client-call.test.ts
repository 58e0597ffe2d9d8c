import { equal, throws } from "node:assert/strict";
import { describe, it } from "node:test";
import { Prng } from "@flotilla/base";
import { type Attempt, ClientCall } from "../../src/clients/client-call.ts";
import type { Machine } from "../../src/server/machine.ts";
import type { Process, Request } from "../../src/server/process.ts";
import { World } from "../../src/world/world.ts";

/** A call to one server, which is asked at once and answers when it is told to. */
function callOf() {
  const world = new World(1);
  const process = { ticks: 10 } as { ticks: number } & Process;
  const machine = {
    ask(request: Request): boolean {
      request.serve(process);
      return true;
    },
  } as Machine;
  const dones: ((attempt: Attempt<string>) => void)[] = [];
  const call = new ClientCall<string>(
    { world, machines: [machine], random: new Prng(1), delayMs: 1, patienceMs: 1_000 },
    { server: 0, isRepeatable: false, serve: (_, done) => dones.push(done) },
  );
  const run = (forMs: number): void => world.run(world.nowMs + forMs, () => false);
  run(10);
  return { call, process, run, answer: (attempt: Attempt<string>) => dones.at(-1)?.(attempt) };
}

describe("a client's call", () => {
  it("counts how long its server leaves it without an answer, also when it has given up", () => {
    const { call, process, run, answer } = callOf();
    equal(call.unansweredTicks, 0);
    process.ticks += 7;
    equal(call.unansweredTicks, 7);
    run(2_000);
    equal(call.isOpen, false);
    equal(call.unansweredTicks, 7);
    answer({ kind: "unknown" });
    equal(call.unansweredTicks, 0);
  });

  it("asks again after nothing was done, and counts anew", () => {
    const { call, process, run, answer } = callOf();
    process.ticks += 7;
    answer({ kind: "notDone" });
    run(100);
    equal(call.unansweredTicks, 0);
    process.ticks += 2;
    equal(call.unansweredTicks, 2);
  });

  it("does not stand a second answer", () => {
    const { answer } = callOf();
    answer({ kind: "notDone" });
    throws(() => answer({ kind: "answered", answer: "late" }), /answered once/);
  });
});
