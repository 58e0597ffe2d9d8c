// Requests of every method, a little wrong: each is answered or refused with a status, and no handler
// outlives its client. FUZZ_COUNT says how many, FUZZ_SEED where to begin.
import { deepEqual } from "node:assert/strict";
import { describe, it } from "node:test";
import { mutateBytes, Prng } from "@flotilla/base";
import { encodeJson } from "../../src/gateway/from-json.ts";
import { gatewayRoutes } from "../../src/gateway/routes.ts";
import { corpusOf } from "./random-json.ts";
import { inputsOf, LooseCall, newWorld, serve, type World } from "./world.ts";

const batchSize = 100;
/** A new member now and then: stores grow, alarms are set, members are removed. */
const worldInputs = 2_000;
/** A call that has not ended by then waits for something; its client leaves. */
const patienceMs = 10;
/** A handler whose client has left must end. */
const hangMs = 10_000;

/** Every method once, with requests to begin with. */
const targets = [...gatewayRoutes.values()]
  .filter(({ method }, at, all) => all.findIndex((other) => other.method === method) === at)
  .map(({ method, request }) => ({
    method,
    seeds: corpusOf(request).map((text) => encodeJson(request, text)),
  }));

async function batch(world: World, first: number): Promise<void> {
  const calls: LooseCall[] = [];
  const ends = Array.from({ length: batchSize }, async (_, at) => {
    const prng = new Prng(first + at);
    const { method: path, seeds } = prng.pick(targets);
    const requests = [0, 1, 2].map(() => {
      const seed = prng.pick(seeds);
      return prng.chance(0.9) ? mutateBytes(prng, seed, seeds) : seed;
    });
    const method = world.api.methods.get(path);
    if (method === undefined) throw new Error(`no method ${path}`);
    const call = new LooseCall(path, requests);
    calls.push(call);
    const name = `seed=${first + at} ${path} ${Buffer.from(requests[0] ?? []).toString("hex")}`;
    await orLate(serve(method, call, requests[0] as Uint8Array), name);
  });
  const leaving = setTimeout(() => {
    for (const call of calls) call.leave();
  }, patienceMs);
  await Promise.all(ends);
  clearTimeout(leaving);
  for (const call of calls) call.leave();
}

async function orLate(end: Promise<void>, name: string): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`does not end: ${name}`)), hangMs);
  });
  try {
    await Promise.race([end, late]);
  } catch (error) {
    throw new Error(name, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}

describe("requests that are a little wrong", () => {
  const { count, first } = inputsOf(4_000);
  it(`are answered or refused (${count} inputs)`, async () => {
    for (let at = 0; at < count; at += worldInputs) {
      const world = newWorld();
      const end = Math.min(count, at + worldInputs);
      for (let seed = at; seed < end; seed += batchSize) await batch(world, first + seed);
      world.api.close();
      deepEqual(world.errors, []);
    }
  });
});
