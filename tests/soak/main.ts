/** `node tests/dist/soak/main.js --minutes 30 [--seed N] [--rate N]`: one line of JSON, and 1 when a promise was broken. */
import { readSoakOptions } from "./options.ts";
import { soak } from "./soak.ts";

const options = readSoakOptions(process.argv.slice(2));
if (options === undefined) {
  process.stderr.write("usage: main.js [--minutes N | --seconds N] [--seed N] [--rate N]\n");
  process.exitCode = 2;
} else {
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  const result = await soak({ ...options, say });
  process.stdout.write(`${JSON.stringify(result)}\n`);
  process.exitCode = result.ok ? 0 : 1;
}
