/**
 * A process to be killed: writes three rows and their number at a time, and tells on its standard
 * output how far it has synced. With a second argument it ends by itself after so many syncs, without
 * closing. When the disk fails it tells how, and how the next write fares.
 */
import { BackendError, openLmdbBackend } from "../src/index.ts";
import { b } from "./fixtures.ts";

const [directory, syncs] = process.argv.slice(2) as [string, string | undefined];
const backend = openLmdbBackend({ directory });
let last = Number(Buffer.from(backend.get("meta", b("last")) ?? b("0")).toString());

function writeNext(): void {
  last++;
  backend.write((writer) => {
    for (const part of [0, 1, 2]) writer.put("t", b(`${last}/${part}`), new Uint8Array(500));
    writer.put("meta", b("last"), b(String(last)));
  });
}

function codeOf(error: unknown): string {
  return error instanceof BackendError ? error.code : String(error);
}

try {
  for (let count = 0; count !== Number(syncs); count++) {
    for (let batch = 0; batch < 20; batch++) writeNext();
    const synced = last;
    await backend.sync();
    process.stdout.write(`${synced}\n`);
  }
  writeNext();
} catch (error) {
  try {
    writeNext();
  } catch (again) {
    process.stdout.write(`${codeOf(error)}, and then ${codeOf(again)}\n`);
  }
}
process.exit(0);
