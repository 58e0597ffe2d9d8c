/** `npm run bench [-- NAME...]`: runs the benchmarks named, or all. */
import { engine } from "./engine.ts";
import { voyage } from "./voyage.ts";

const benchmarks: Readonly<Record<string, () => Promise<void>>> = { engine, voyage };

const asked = process.argv.slice(2);
for (const name of asked.length === 0 ? Object.keys(benchmarks) : asked) {
  const benchmark = benchmarks[name];
  if (benchmark === undefined) {
    process.stderr.write(
      `There is no benchmark ${name}. There are: ${Object.keys(benchmarks).join(", ")}\n`,
    );
    process.exit(128);
  }
  await benchmark();
}
