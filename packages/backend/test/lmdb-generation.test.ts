import { join } from "node:path";
import { it } from "node:test";
import { LmdbGeneration } from "../src/lmdb-generation.ts";
import { b, temporaryDirectory } from "./fixtures.ts";

it("LmdbGeneration.close() waits for a checkpoint that waits for another one", async (context) => {
  const directory = join(temporaryDirectory(context), "generation");
  const generation = new LmdbGeneration({ directory, mapSizeBytes: 1 << 30 });
  const write = (key: string) =>
    generation.environment.write(() => generation.tables.put("t", b(key), b("1")));
  write("a");
  const running = generation.checkpoint();
  await Promise.resolve(); // It has begun, and does not hold what comes now.
  write("b");
  const waiting = generation.checkpoint();
  await Promise.all([generation.close(), running, waiting]);
});
