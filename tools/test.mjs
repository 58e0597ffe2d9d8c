// `npm test [-- WORD...]`: build, then run every compiled test whose path holds one of the words. What failed
// is named again at the end.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
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

function reporters(failures) {
  const shown = process.stdout.isTTY ? "spec" : "tap";
  const to = (reporter, file) => [
    `--test-reporter=${reporter}`,
    `--test-reporter-destination=${file}`,
  ];
  return [...to(shown, "stdout"), ...to(join(root, "tools", "failures.mjs"), failures)];
}

function runTests(files, concurrency, failures) {
  if (files.length === 0) return 0;
  const args = ["--test", `--test-concurrency=${concurrency}`, ...reporters(failures), ...files];
  return spawnSync(process.execPath, args, { cwd: root, stdio: "inherit" }).status ?? 1;
}

function sayFailures(path) {
  if (!existsSync(path)) return;
  for (const line of readFileSync(path, "utf8").split("\n").filter(Boolean)) {
    const { name, place, reason } = JSON.parse(line);
    console.error(`failed: ${name}\n  at ${place}\n  ${reason.replaceAll("\n", "\n  ")}`);
  }
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
const folder = mkdtempSync(join(tmpdir(), "flotilla-test-"));
const failures = [join(folder, "units"), join(folder, "clusters")];
const codes = [runTests(units, 2, failures[0]), runTests(clusters, 1, failures[1])];
for (const path of failures) sayFailures(path);
rmSync(folder, { recursive: true });
process.exit(Math.max(...codes));
