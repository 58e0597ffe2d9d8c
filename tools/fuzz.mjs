// `npm run fuzz [-- WORD...]`: mutated inputs, FUZZ_COUNT of them each (a million), from FUZZ_SEED on (1).
//
// `npm test` runs the same with a few thousand. Ends by itself; exit code 1 when something was found.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { build, root } from "./setup.mjs";

build();
const words = process.argv.slice(2);
const files = readdirSync(join(root, "packages"))
  .flatMap((name) => {
    const folder = join(root, "packages", name, "test", "fuzz");
    if (!existsSync(folder)) return [];
    const compiled = join(root, "packages", name, "dist", "test", "fuzz");
    return readdirSync(folder).map((file) => join(compiled, file.replace(/\.ts$/, ".js")));
  })
  .filter((file) => file.endsWith(".test.js"))
  .filter((file) => words.length === 0 || words.some((word) => file.includes(word)));
if (files.length === 0) {
  console.error(`no fuzzer matches: ${words.join(" ")}`);
  process.exit(1);
}
const env = { FUZZ_COUNT: "1000000", FUZZ_SEED: "1", ...process.env };
const args = ["--test", "--test-concurrency=2", ...files];
process.exit(spawnSync(process.execPath, args, { cwd: root, stdio: "inherit", env }).status ?? 1);
