// `npm test [-- WORD...]`: build, then run every compiled test whose path holds one of the words.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join, sep } from "node:path";
import { build, root } from "./setup.mjs";

build();
const words = process.argv.slice(2);

// The sources are listed and mapped to their output, so that a stale output of a deleted test never runs.
function testsOf(source, output) {
  if (!existsSync(join(root, source))) return [];
  return readdirSync(join(root, source), { recursive: true })
    .filter((path) => path.endsWith(".test.ts") && !path.startsWith("dist"))
    .map((path) => join(output, path.replace(/\.ts$/, ".js")))
    .filter(
      (path) =>
        words.length === 0 || words.some((word) => path.split(sep).join("/").includes(word)),
    )
    .sort();
}

function runTests(files, concurrency) {
  if (files.length === 0) return 0;
  const args = ["--test", `--test-concurrency=${concurrency}`, ...files];
  return spawnSync(process.execPath, args, { cwd: root, stdio: "inherit" }).status ?? 1;
}

const units = readdirSync(join(root, "packages")).flatMap((name) =>
  testsOf(join("packages", name, "test"), join("packages", name, "dist", "test")),
);
const clusters = testsOf("tests", join("tests", "dist"));
if (units.length + clusters.length === 0) {
  console.error(`no test matches: ${words.join(" ")}`);
  process.exit(1);
}
// Whole clusters one after the other: each of them keeps both cores busy and looks for free ports.
const codes = [runTests(units, 2), runTests(clusters, 1)];
process.exit(Math.max(...codes));
