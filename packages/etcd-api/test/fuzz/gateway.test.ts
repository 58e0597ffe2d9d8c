// JSON that is a little wrong, at every path of the gateway: answered or refused, never a failure.
// FUZZ_COUNT says how many, FUZZ_SEED where to begin.
import { deepEqual, ok } from "node:assert/strict";
import { describe, it } from "node:test";
import { mutateBytes, Prng, silentLogger, utf8 } from "@flotilla/base";
import { type Status, systemTimers } from "@flotilla/grpc";
import { encodeJson, JsonMessageError } from "../../src/gateway/from-json.ts";
import { type Exchange, Gateway } from "../../src/gateway/gateway.ts";
import { gatewayRoutes, type Route } from "../../src/gateway/routes.ts";
import { decodeToJson } from "../../src/gateway/to-json.ts";
import { corpusOf } from "./random-json.ts";
import { inputsOf, newWorld } from "./world.ts";

const batchSize = 100;
const worldInputs = 2_000;
const patienceMs = 10;
const hangMs = 10_000;
const paths = [...gatewayRoutes.keys()];
const corpora = new Map(
  [...gatewayRoutes.values()].map(({ request }) => [request, corpusOf(request).map(utf8)]),
);

function mutatedText(prng: Prng, route: Route): string {
  const seeds = corpora.get(route.request) ?? [];
  return Buffer.from(mutateBytes(prng, prng.pick(seeds), seeds)).toString("utf8");
}

/** Serves one call; its client leaves soon. Resolves with what it was answered. */
async function ask(gateway: Gateway, route: Route, text: string): Promise<string> {
  const answers: string[] = [];
  let status: Status | undefined;
  let leave = (): void => {};
  const exchange: Exchange = {
    request: { headers: {} },
    peer: "127.0.0.1:1",
    body: (async function* () {
      yield text;
    })(),
    stream: {
      write: (json) => answers.push(json) > 0,
      drained: () => Promise.resolve(),
      waitingBytes: 0,
    },
    answer: (json) => void answers.push(json),
    refuse: (refused) => {
      status = refused;
    },
    end: (ended) => {
      status = ended;
    },
    onGone: (listener) => {
      leave = listener;
    },
  };
  const leaving = setTimeout(() => leave(), patienceMs);
  await gateway.serve(route, exchange);
  clearTimeout(leaving);
  for (const answer of answers) JSON.parse(answer);
  return status === undefined ? answers.join() : `${status.code} ${status.message}`;
}

async function orLate(end: Promise<string>, name: string): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("does not end")), hangMs);
  });
  try {
    ok((await Promise.race([end, late])) !== "2 grpc: the server failed to handle the call");
  } catch (error) {
    throw new Error(name, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}

describe("JSON that is a little wrong", () => {
  const { count, first } = inputsOf(20_000);

  it(`is a message or a fault (${count} inputs)`, () => {
    for (let seed = first; seed < first + count; seed++) {
      const prng = new Prng(seed);
      const route = gatewayRoutes.get(prng.pick(paths)) as Route;
      const text = mutatedText(prng, route);
      try {
        JSON.parse(decodeToJson(route.request, encodeJson(route.request, text)));
      } catch (error) {
        if (error instanceof JsonMessageError) continue;
        throw new Error(`seed=${seed} ${text}`, { cause: error });
      }
    }
  });

  const calls = inputsOf(2_000);
  it(`is answered or refused at every path (${calls.count} inputs)`, async () => {
    for (let at = 0; at < calls.count; at += worldInputs) {
      const world = newWorld();
      const { methods } = world.api;
      const gateway = new Gateway({ methods, logger: silentLogger, timers: systemTimers });
      const end = Math.min(calls.count, at + worldInputs);
      for (let from = at; from < end; from += batchSize) {
        const asked = Array.from({ length: batchSize }, (_, offset) => {
          const seed = first + from + offset;
          const prng = new Prng(seed);
          const path = prng.pick(paths);
          const route = gatewayRoutes.get(path) as Route;
          const text = mutatedText(prng, route);
          return orLate(ask(gateway, route, text), `seed=${seed} ${path} ${text}`);
        });
        await Promise.all(asked);
      }
      world.api.close();
      deepEqual(world.errors, []);
    }
  });
});
