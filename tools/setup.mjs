// What a fresh clone needs before anything runs: the dependencies, and a build of what changed.
import { execFileSync } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("..", import.meta.url));
const bin = (name) => join(root, "node_modules", ".bin", name);

/** Runs a command in the repository's root with its output shown; ends this process when it fails. */
export function run(command, args, options = {}) {
  try {
    execFileSync(command, args, { cwd: root, stdio: "inherit", ...options });
  } catch (error) {
    process.exit(typeof error.status === "number" ? error.status : 1);
  }
}

/** Installs what package-lock.json names, unless it is there. `--ignore-scripts`: nothing needs them. */
function install() {
  const installed = join(root, "node_modules", ".package-lock.json");
  const lock = join(root, "package-lock.json");
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(lock).mtimeMs) return;
  run("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], {
    shell: process.platform === "win32",
  });
}

export function build() {
  install();
  const isFirst = !existsSync(join(root, "packages", "cli", "dist"));
  if (isFirst) console.error("Building, which takes a minute the first time.");
  run(process.execPath, [bin("tsc"), "-b"]);
}

export { bin };
