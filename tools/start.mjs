// `npm start`: install, build, and bring the cluster up in the foreground with the example shop.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { build, root } from "./setup.mjs";

build();
const flotilla = join(root, "packages", "cli", "bin", "flotilla.js");
const child = spawn(process.execPath, [flotilla, "up", ...process.argv.slice(2)], {
  cwd: root,
  stdio: "inherit",
});
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => child.kill(signal));
child.on("exit", (code) => process.exit(code ?? 1));
