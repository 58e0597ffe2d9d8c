/** `npm run bench [-- NAME [WORD...]]`: runs the benchmark named, with what it takes, or all. */
import { engine } from "./engine.ts";
import { etcd } from "./etcd/etcd.ts";
import { voyage } from "./voyage.ts";

const benchmarks: Readonly<Record<string, (words: readonly string[]) => Promise<void>>> = {
  engine,
  voyage,
  etcd,
};

const [asked, ...words] = process.argv.slice(2);
for (const name of asked === undefined ? Object.keys(benchmarks) : [asked]) {
  const benchmark = benchmarks[name];
  if (benchmark === undefined) {
    process.stderr.write(
      `There is no benchmark ${name}. There are: ${Object.keys(benchmarks).join(", ")}\n`,
    );
    process.exit(128);
  }
  await benchmark(words);
}
