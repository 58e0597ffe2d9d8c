#!/usr/bin/env node
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const main = new URL("../dist/src/main.js", import.meta.url);
if (existsSync(main)) await import(main);
else {
  const root = fileURLToPath(new URL("../../..", import.meta.url));
  process.stderr.write(`Error: flotilla is not built yet: run \`npm run build\` in ${root}\n`);
  process.exitCode = 1;
}
