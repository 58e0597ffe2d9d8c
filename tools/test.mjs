// `npm test [-- WORD...]`: build, then run every compiled test whose path holds one of the words.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { build, root } from "./setup.mjs";

build();
const words = process.argv.slice(2);
const suites = [...readdirSync(join(root, "packages")).map((name) => join("packages", name)), "."]
  .map((name) => [join(root, name, name === "." ? "tests" : "test"), join(root, name)])
  .filter(([source]) => existsSync(source));

// The sources are listed and mapped to their output, so that a stale output of a deleted test never runs.
const files = suites
  .flatMap(([source, home]) =>
    readdirSync(source, { recursive: true })
      .filter((path) => path.endsWith(".test.ts"))
      .map((path) => join(home, "dist", relative(home, source), path.replace(/\.ts$/, ".js"))),
  )
  .filter(
    (path) =>
      words.length === 0 ||
      words.some((word) => relative(root, path).split(sep).join("/").includes(word)),
  )
  .sort();
if (files.length === 0) {
  console.error(`no test matches: ${words.join(" ")}`);
  process.exit(1);
}
const outcome = spawnSync(process.execPath, ["--test", "--test-concurrency=2", ...files], {
  cwd: root,
  stdio: "inherit",
});
process.exit(outcome.status ?? 1);
